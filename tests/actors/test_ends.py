"""How the end of a process is told: the kernel's reason for a SIGKILL, an allocation that failed."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from actors import exits, instance_ends, oom
from actors.data_limit import DataLimit
from actors.instance_ends import InstanceEnds
from core.messages import ConfigureInstance


@pytest.fixture
def vmstat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "vmstat"
    monkeypatch.setattr(oom, "VMSTAT", path)
    monkeypatch.setattr(exits, "_LOOKOUT", oom.Lookout())
    return path


def killed(path: Path, times: int) -> None:
    path.write_text(f"nr_free_pages 17\noom_kill {times}\noom_kill_x 99\n")


def test_a_kill_while_the_kernel_killed_for_want_of_memory_says_so_once(vmstat: Path) -> None:
    killed(vmstat, 3)
    exits.note_kills()
    assert exits.ending(-signal.SIGKILL) == "killed by SIGKILL"
    killed(vmstat, 4)
    assert exits.ending(-signal.SIGTERM) == "killed by SIGTERM"
    assert exits.ending(-signal.SIGKILL) == f"killed by SIGKILL{exits.OUT_OF_MEMORY}"
    assert exits.ending(-signal.SIGKILL) == "killed by SIGKILL"
    killed(vmstat, 5)
    exits.note_kills()
    assert exits.ending(-signal.SIGKILL) == "killed by SIGKILL", "that was before"


@pytest.mark.parametrize("content", [None, "nr_free_pages 17\n", "oom_kill many\n"])
def test_a_kernel_that_does_not_count_explains_nothing(vmstat: Path, content: str | None) -> None:
    if content is not None:
        vmstat.write_text(content)
    exits.note_kills()
    killed(vmstat, 1)
    assert exits.ending(-signal.SIGKILL) == "killed by SIGKILL"


class Ended(BaseException):
    """Instead of the end of this process."""


class Ending(InstanceEnds):
    """Configured as far as its end needs it."""

    def __init__(self, folder: Path) -> None:
        self._setup = ConfigureInstance.__new__(ConfigureInstance)
        object.__setattr__(self._setup, "data_dir", str(folder))
        self._limit = DataLimit()


@pytest.fixture
def codes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    found: list[int] = []

    def end(code: int) -> None:
        found.append(code)
        raise Ended

    monkeypatch.setattr(os, "_exit", end)
    return found


@pytest.mark.parametrize(
    ("error", "code"), [(MemoryError(), exits.EXIT_ALLOCATION), (ValueError("a bug"), exits.EXIT_BUG)]
)
def test_an_allocation_that_failed_is_told_apart_from_a_bug(
    tmp_path: Path, codes: list[int], error: Exception, code: int
) -> None:
    with pytest.raises(Ended):
        Ending(tmp_path).on_bug(error)
    assert codes == [code]


def test_a_process_ends_though_there_is_no_memory_for_its_stack(
    tmp_path: Path, codes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_memory(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(instance_ends, "leave_stack", no_memory)
    with pytest.raises(Ended):
        Ending(tmp_path).on_bug(ValueError("a bug"))
    assert codes == [exits.EXIT_BUG]
