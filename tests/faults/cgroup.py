"""A memory cgroup of a test's own, for one process: version 1 or 2, at the top of the hierarchy. Needs root."""

import contextlib
import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from server import wait_for

NUMBERS = itertools.count()
# Where the hierarchy is, and what its files are called.
VERSIONS = (
    (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes", "memory.oom_control"),
    (Path("/sys/fs/cgroup"), "memory.max", "memory.events"),
)


@dataclass(frozen=True)
class MemoryGroup:
    """`limit`, `counts`: the files that hold the limit and how often the kernel had to kill."""

    folder: Path
    limit: Path
    counts: Path

    def take(self, pid: int) -> None:
        """Move a process into it."""
        (self.folder / "cgroup.procs").write_text(str(pid))

    def killed(self) -> int:
        """How many processes the kernel killed in here for want of memory."""
        counts = dict(line.split() for line in self.counts.read_text().splitlines())
        return int(counts["oom_kill"])


@contextlib.contextmanager
def memory_group(limit_bytes: int) -> Iterator[MemoryGroup]:
    """Skips the test where none can be made."""
    one = made()
    try:
        one.limit.write_text(str(limit_bytes))
        yield one
    finally:
        wait_for(lambda: removed(one.folder), 10, lambda: f"{one.folder} is in use")


def made() -> MemoryGroup:
    for top, limit, counts in VERSIONS:
        remove_orphans(top)
        folder = top / f"sambung{os.getpid()}x{next(NUMBERS)}"
        with contextlib.suppress(OSError):
            folder.mkdir()
            if (folder / limit).exists() and "oom_kill " in (folder / counts).read_text():
                return MemoryGroup(folder, folder / limit, folder / counts)
            folder.rmdir()
    pytest.skip("no memory cgroup can be made here: it needs root and a memory controller")


def remove_orphans(top: Path) -> None:
    """Groups of test processes that were killed before they could remove them."""
    for folder in top.glob("sambung*x*"):
        owner = folder.name.removeprefix("sambung").partition("x")[0]
        if owner.isdigit() and not os.path.exists(f"/proc/{owner}"):
            removed(folder)


def removed(folder: Path) -> bool:
    """The kernel lets go of it a moment after its last process."""
    with contextlib.suppress(FileNotFoundError):
        try:
            folder.rmdir()
        except OSError:
            return False
    return True
