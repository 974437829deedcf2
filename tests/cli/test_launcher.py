"""The launcher with fake children: starting, restarting, stopping, and leaving nothing behind."""

import contextlib
import errno
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cli.child import Child, restart_delay_s
from cli.launcher import TICK_S
from cli.processes import Process
from tests.cli.running import DEADLINE_S, HOME, Started, eventually, gone, pids

LAUNCHED = str(Path(__file__).with_name("launched.py"))


def launch(started: Started, folder: Path, *children: str, ready: bool = True) -> subprocess.Popen[str]:
    process = started.python(LAUNCHED, str(folder), *children)
    if ready:
        eventually((folder / "ready").exists, "the launcher is ready")
    return process


@pytest.mark.parametrize(
    ("failures", "delay_s"), [(1, 0.2), (2, 0.4), (3, 0.8), (5, 3.2), (6, 5.0), (1000, 5.0)]
)
def test_the_wait_before_a_restart_doubles_up_to_five_seconds(failures: int, delay_s: float) -> None:
    assert restart_delay_s(failures) == pytest.approx(delay_s)


def test_a_child_that_ran_for_a_minute_starts_counting_failures_anew() -> None:
    child = Child("web", ["-"], failures=4, started_s=100.0)
    child.ended(0, 159.9)
    assert (child.failures, child.start_at_s) == (5, pytest.approx(159.9 + 3.2))
    child.started_s = 200.0
    child.ended(0, 260.0)
    assert (child.failures, child.start_at_s) == (1, pytest.approx(260.2))


def refusing() -> tuple[int, ...]:
    raise OSError(errno.EROFS, os.strerror(errno.EROFS))


def test_what_the_system_refuses_is_tried_again_and_ends_nothing() -> None:
    refused = Child("web", [sys.executable, "-c", ""], hold=refusing)
    unknown = Child("web", ["/nonexistent/program"])
    for child in (refused, unknown):
        assert not child.start(100.0)
        assert (child.pid, child.failures, child.start_at_s) == (None, 1, pytest.approx(100.2))
        assert not child.start(100.1)
        assert child.failures == 1
        assert not child.start(100.3)
        assert child.failures == 2


def test_what_is_to_be_done_when_ready_is_tried_until_it_is_done(started: Started, tmp_path: Path) -> None:
    (tmp_path / "no-room").touch()
    launcher = launch(started, tmp_path, "web=obedient", ready=False)
    eventually(lambda: pids(tmp_path / "web.pids"), "the web process")
    time.sleep(3 * TICK_S)  # time to do what it must not: end, or call itself ready
    assert launcher.poll() is None and not (tmp_path / "ready").exists()
    (tmp_path / "no-room").unlink()
    eventually((tmp_path / "ready").exists, "the launcher is ready")


def test_a_child_killed_as_soon_as_it_was_ready_is_started_again(tmp_path: Path) -> None:
    """Between two looks of the launcher, which then knows of the readiness only by what the dead child left behind."""
    ready, again = tmp_path / "ready", tmp_path / "again"
    script = f"test -e {ready} && touch {again} && exit 0; touch {ready}; kill -9 $$"
    program = (
        "import sys; from cli.child import Child; from cli.launcher import Launcher; from pathlib import Path\n"
        f"child = Child('it', ['/bin/sh', '-c', {script!r}], may_finish=True)\n"
        f"look = Path({str(ready)!r}).exists\n"
        "sys.exit(Launcher([child], is_ready=look, on_ready=lambda: True, tries=1).run())"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=HOME, timeout=DEADLINE_S, check=False)
    assert (done.returncode, again.exists()) == (0, True)


def test_a_killed_child_is_started_again_and_the_other_is_left_alone(
    started: Started, tmp_path: Path
) -> None:
    launch(started, tmp_path, "actors=obedient", "web=obedient")
    [web] = pids(tmp_path / "web.pids")
    os.kill(web, signal.SIGKILL)
    eventually(lambda: len(pids(tmp_path / "web.pids")) == 2, "the second web process")
    assert len(pids(tmp_path / "actors.pids")) == 1
    assert not gone(pids(tmp_path / "actors.pids")[0])


def test_a_launcher_that_was_stopped_for_a_while_goes_on(started: Started, tmp_path: Path) -> None:
    """As when a machine is paused, longer than the launcher waits for a signal."""
    launcher = launch(started, tmp_path, "actors=obedient", "web=obedient")
    for _ in range(3):
        launcher.send_signal(signal.SIGSTOP)
        time.sleep(TICK_S + 0.2)
        launcher.send_signal(signal.SIGCONT)
        time.sleep(0.1)
    assert launcher.poll() is None, launcher.communicate()
    [web] = pids(tmp_path / "web.pids")
    os.kill(web, signal.SIGKILL)
    eventually(lambda: len(pids(tmp_path / "web.pids")) == 2, "it still looks after its children")
    assert len(pids(tmp_path / "actors.pids")) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_request_to_stop_ends_the_children_and_exits_0(
    started: Started, tmp_path: Path, number: signal.Signals
) -> None:
    launcher = launch(started, tmp_path, "actors=obedient", "web=obedient")
    launcher.send_signal(number)
    assert launcher.wait(DEADLINE_S) == 0
    assert all(gone(pid) for pid in pids(tmp_path / "actors.pids") + pids(tmp_path / "web.pids"))


def test_a_tree_that_ignores_sigterm_is_gone_within_ten_seconds(started: Started, tmp_path: Path) -> None:
    launcher = launch(started, tmp_path, "actors=stubborn", "web=obedient")
    eventually(lambda: len(pids(tmp_path / "actors.pids")) == 2, "the stubborn child's own child")
    begun = time.monotonic()
    launcher.send_signal(signal.SIGTERM)
    assert launcher.wait(DEADLINE_S) == 0
    assert time.monotonic() - begun < 10
    assert all(gone(pid) for pid in pids(tmp_path / "actors.pids"))


def test_a_second_request_to_stop_cuts_the_wait_short(started: Started, tmp_path: Path) -> None:
    launcher = launch(started, tmp_path, "actors=stubborn", "web=obedient")
    begun = time.monotonic()
    launcher.send_signal(signal.SIGINT)
    eventually(lambda: gone(pids(tmp_path / "web.pids")[0]), "the obedient child ends")
    launcher.send_signal(signal.SIGINT)
    assert launcher.wait(DEADLINE_S) == 0
    assert time.monotonic() - begun < 6


def test_killing_the_launcher_leaves_no_child(started: Started, tmp_path: Path) -> None:
    launcher = launch(started, tmp_path, "actors=obedient", "web=obedient")
    children = [Process.of(pid) for name in ("actors", "web") for pid in pids(tmp_path / f"{name}.pids")]
    launcher.kill()
    eventually(lambda: not any(child and child.alive for child in children), "the children end", 2)


def test_an_orphan_below_a_dead_child_is_ended(started: Started, tmp_path: Path) -> None:
    launch(started, tmp_path, "actors=parent", "web=obedient")
    [orphan] = eventually(lambda: pids(tmp_path / "actors.pidsorphan"), "the grandchild")
    os.kill(pids(tmp_path / "actors.pids")[0], signal.SIGKILL)
    eventually(lambda: gone(orphan), "the orphan is ended")
    eventually(lambda: len(pids(tmp_path / "actors.pids")) == 2, "the child is started again")


def test_a_configuration_error_of_a_child_is_final_at_the_first_start(
    started: Started, tmp_path: Path
) -> None:
    (tmp_path / "never-ready").touch()
    launcher = launch(started, tmp_path, "actors=obedient", "web=misconfigured", ready=False)
    assert launcher.wait(DEADLINE_S) == 1
    assert len(pids(tmp_path / "web.pids")) == 1
    assert all(gone(pid) for pid in pids(tmp_path / "actors.pids"))


def test_a_child_that_cannot_start_is_given_up_after_five_tries(started: Started, tmp_path: Path) -> None:
    (tmp_path / "never-ready").touch()
    launcher = launch(started, tmp_path, "web=crashing", "actors=obedient", ready=False)
    _, text = launcher.communicate(timeout=DEADLINE_S)
    assert launcher.returncode == 1
    assert "web failed (5 in a row): giving up" in text
    assert len(pids(tmp_path / "web.pids")) == 5


def test_sighup_reaches_the_children(started: Started, tmp_path: Path) -> None:
    launcher = launch(started, tmp_path, "actors=obedient", "web=obedient")
    launcher.send_signal(signal.SIGHUP)
    for name in ("actors", "web"):
        eventually((tmp_path / f"{name}.hups").exists, f"{name} hears of the reload")
    assert launcher.poll() is None


def test_a_closed_terminal_stops_the_server_instead_of_reloading_it(tmp_path: Path) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["PYTHONPATH"] = str(HOME)
        os.execv(sys.executable, [sys.executable, LAUNCHED, str(tmp_path), "web=obedient"])
    try:
        eventually((tmp_path / "ready").exists, "the launcher is ready")
        os.close(terminal)
        eventually(lambda: gone(pid), "the launcher ends")
        assert os.waitpid(pid, 0)[1] == 0
        assert not (tmp_path / "web.hups").exists()
        assert all(gone(child) for child in pids(tmp_path / "web.pids"))
    finally:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
