"""Fixtures of the store's tests: a data folder, a file system that fills up, processes that are killed."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.layout import DataDir

MEMORY = Path("/dev/shm")


@pytest.fixture
def data(tmp_path: Path) -> Iterator[DataDir]:
    """A data folder with its folders made; the umask that this sets ends with the test."""
    before = os.umask(0o077)
    folder = DataDir(tmp_path / "data")
    folder.create()
    yield folder
    os.umask(before)


@pytest.fixture
def memory_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder where fsync costs nothing, for tests that open hundreds of stores."""
    if not os.access(MEMORY, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        yield Path(folder)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB, mounted for this test."""
    mount = shutil.which("mount")
    if os.geteuid() != 0 or mount is None:
        pytest.skip("mounting a small tmpfs needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    command = [mount, "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    made = subprocess.run(command, check=False, capture_output=True, text=True)
    if made.returncode != 0:
        pytest.skip(f"a tmpfs cannot be mounted here: {made.stderr.strip()}")
    yield folder
    # Lazily: a failed test may leave files open.
    subprocess.run(["umount", "-l", str(folder)], check=True)
