"""Facts about processes, and ending them: real processes."""

import os
import signal
from pathlib import Path

from cli.processes import Process, children_of, descendants, kill_all, wait_gone
from tests.cli.running import Started, eventually, gone, pids

FAKES = str(Path(__file__).with_name("fakes.py"))


def fake(started: Started, script: str, folder: Path) -> int:
    process = started.python(FAKES, script, str(folder / "pids"), str(os.getpid()))
    eventually(lambda: process.pid in pids(folder / "pids"), "the fake process runs")
    return process.pid


def test_a_process_is_told_from_another_one_with_its_pid(started: Started, tmp_path: Path) -> None:
    real = Process.of(fake(started, "obedient", tmp_path))
    assert real is not None and real.alive
    other = Process(real.pid, "a boot long ago:1")
    assert not other.alive
    assert not other.send(signal.SIGKILL)
    assert real.alive


def test_there_is_no_process_behind_a_pid_that_nobody_has() -> None:
    assert Process.of(2**22 + 1) is None
    assert not Process(2**22 + 1, "x").send(signal.SIGTERM)


def test_an_ended_process_that_nobody_waited_for_counts_as_gone(started: Started, tmp_path: Path) -> None:
    process = Process.of(fake(started, "obedient", tmp_path))
    assert process is not None
    assert process.send(signal.SIGKILL)
    assert wait_gone([process], 10) == []
    assert not process.alive
    assert Path(f"/proc/{process.pid}").exists()  # a zombie: the test has not waited for it


def test_descendants_are_found_below_their_children(started: Started, tmp_path: Path) -> None:
    top = fake(started, "stubborn", tmp_path)
    eventually(lambda: len(pids(tmp_path / "pids")) == 2, "its own child runs")
    below = [process.pid for process in descendants(top)]
    assert below == [pid for pid in pids(tmp_path / "pids") if pid != top]
    assert [process.pid for process in children_of(top)] == below
    assert top in [process.pid for process in children_of(os.getpid())]


def test_what_ignores_sigterm_is_killed(started: Started, tmp_path: Path) -> None:
    top = Process.of(fake(started, "stubborn", tmp_path))
    assert top is not None
    eventually(lambda: len(pids(tmp_path / "pids")) == 2, "its own child runs")
    everything = [top, *descendants(top.pid)]
    assert all(process.send(signal.SIGTERM) for process in everything)
    assert wait_gone(everything, 0.3) == everything
    assert kill_all(everything, 10) == []
    assert all(gone(process.pid) for process in everything)
