"""Small disks of a test's own, for a server's data folder. Needs root; skips the test where they cannot be had."""

import contextlib
import resource
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

SIZE_MIB = 48
EXT4 = Path("/sys/fs/ext4")
FILL_BYTES = 64 * 1024


@dataclass(frozen=True)
class Disk:
    """`folder`: where it is mounted."""

    folder: Path

    def fill(self) -> None:
        """Until not a byte is left."""
        with contextlib.suppress(OSError), (self.folder / "ballast").open("ab", buffering=0) as file:
            for size in (FILL_BYTES, 1):
                with contextlib.suppress(OSError):
                    while file.write(b"x" * size):
                        pass

    def fill_inodes(self) -> None:
        """Until no file can be made; there is still space."""
        (self.folder / "many").mkdir()
        with contextlib.suppress(OSError):
            for number in range(100_000):
                (self.folder / "many" / str(number)).touch()

    def clear(self) -> None:
        """Take back what `fill` and `fill_inodes` did."""
        (self.folder / "ballast").unlink(missing_ok=True)
        shutil.rmtree(self.folder / "many", ignore_errors=True)


def ran(*command: str) -> str:
    """The output of a command; skips the test when it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except OSError as error:
        pytest.skip(f"no disk can be made here: {error}")
    if done.returncode != 0:
        pytest.skip(f"no disk can be made here: {' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


@contextlib.contextmanager
def memory_disk(folder: Path, inodes: int = 4096) -> Iterator[Disk]:
    """In memory."""
    folder.mkdir()
    ran("mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}m,nr_inodes={inodes}", "tmpfs", str(folder))
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@dataclass(frozen=True)
class FailingDisk:
    """ext4 in a file, which becomes read-only when it finds an error, as servers' disks do (errors=remount-ro)."""

    folder: Path
    image: Path

    def mount(self) -> None:
        ran("mount", "-o", "loop,errors=remount-ro", str(self.image), str(self.folder))

    def unmount(self) -> None:
        ran("umount", str(self.folder))

    def fail(self) -> None:
        """An error of the file system; from then on every write is refused with EROFS, also to files that are open."""
        device = Path(ran("findmnt", "-no", "SOURCE", str(self.folder)).strip()).name
        (EXT4 / device / "trigger_fs_error").write_text("a fault of a test")


@contextlib.contextmanager
def failing_disk(folder: Path, image: Path) -> Iterator[FailingDisk]:
    folder.mkdir()
    with image.open("wb") as file:
        file.truncate(SIZE_MIB * 1024 * 1024)
    ran("mkfs.ext4", "-q", "-F", str(image))
    disk = FailingDisk(folder, image)
    disk.mount()
    try:
        if not list(EXT4.glob("loop*/trigger_fs_error")):
            pytest.skip("this kernel's ext4 cannot be told to fail")
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


@contextlib.contextmanager
def no_file_grows(pids: Iterable[int]) -> Iterator[None]:
    """The kernel refuses every write to a file of these processes (RLIMIT_FSIZE 0); Python ignores the signal."""
    limits = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY)) for pid in pids}
    try:
        yield
    finally:
        for pid, before in limits.items():
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
