"""Fixtures of the store's tests: a data folder, a file system that fills up, processes that are killed."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from core.config import LogSettings
from core.effects import Change
from core.instances import InstanceConfig
from core.records import CrashRecord, InstanceRecord, OutboxMessage, Scope, TimelineEntry
from store import logs, sessionviews
from store.layout import DataDir
from store.registry import Registry, open_registry
from store.session import Batch, SessionStore
from store.tokens import TokenStore, new_token

MEMORY = Path("/dev/shm")
NOW = 1_795_446_904.0


@pytest.fixture
def data(tmp_path: Path) -> Iterator[DataDir]:
    """A data folder with its folders made; the umask that this sets ends with the test."""
    before = os.umask(0o077)
    folder = DataDir(tmp_path / "data")
    folder.create()
    yield folder
    os.umask(before)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A log folder that this process logs to, in Jakarta's time, until the test ends."""
    logs.setup_logging(tmp_path / "logs", LogSettings(timezone="Asia/Jakarta", level="DEBUG"))
    yield tmp_path / "logs"
    for logger in (logs.logger(), logs.access_logger()):
        for handler in logger.handlers[:]:
            logger.removeHandler(handler)
            handler.close()


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


@dataclass(frozen=True, slots=True)
class Sample:
    """A store with content: `make` it at a path, `dump` everything that can be read from it."""

    name: str
    make: Callable[[Path], None]
    dump: Callable[[Path], Any]


def make_session(path: Path) -> None:
    store = SessionStore.open(path, NOW)
    for number in range(40):
        store.commit(
            Batch(
                changes=[Change("keys", f"k{number}", bytes([number]) * (number * 9))],
                events=[("message.received", {"text": "x" * number}, NOW)],
                outbox=[OutboxMessage(f"m{number}", b"data" * number, NOW, NOW + 9)],
                timeline=[TimelineEntry(NOW + number, "link.open", "open", cause="c" * number)],
                link_state={"attempt": number},
            )
        )
    store.close()


def dump_session(path: Path) -> Any:
    store = SessionStore.open(path, NOW)
    try:
        loaded, unsent = store.load(), store.unsent(1000)
    finally:
        store.close()
    views = sessionviews.messages(path, None, None, 1000), sessionviews.timeline(path, None, 1000)
    return loaded, unsent, views


def make_registry(path: Path) -> None:
    engine = open_registry(f"sqlite:///{path}", NOW)
    registry, tokens = Registry(engine), TokenStore(engine)
    for number in range(40):
        config = InstanceConfig(url=f"ws://127.0.0.1:{number}/{'x' * number}")
        registry.save(InstanceRecord(f"i{number}", config, created_at=NOW))
        registry.add_crash(CrashRecord(f"i{number}", NOW, number, "signal 9", "open", stack="s" * number))
        tokens.save(new_token(f"t{number}", {Scope.READ}, [f"i{number}"], now=NOW)[1])
    engine.dispose()


def dump_registry(path: Path) -> Any:
    engine = open_registry(f"sqlite:///{path}", NOW)
    try:
        registry = Registry(engine)
        records = registry.load()
        return records, TokenStore(engine).list(), [registry.crashes(r.instance_id) for r in records]
    finally:
        engine.dispose()


SAMPLES = (
    Sample("session", make_session, dump_session),
    Sample("registry", make_registry, dump_registry),
)


@pytest.fixture(params=SAMPLES, ids=lambda sample: sample.name)
def sample(request: pytest.FixtureRequest) -> Any:
    """A session file, then a registry."""
    return request.param
