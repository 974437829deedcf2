"""The keeper looks after its launcher: one that hangs is replaced, as one that was killed is."""

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from cli import heartbeat, keeper
from cli.folder import Place, launcher_of
from cli.heartbeat import slot_on
from cli.keeper import SILENCE_S
from cli.request import Request
from tests.cli.commands import Operator
from tests.cli.running import DEADLINE_S, HOME, eventually


def test_the_keeper_judges_its_launcher_later_than_that_judges_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []

    class Kept:
        """Instead of the loop."""

        def __init__(self, children: Any, **settings: Any) -> None:
            made.extend([*children, settings["watch"]])

        def run(self) -> int:
            return 0

    monkeypatch.setattr(keeper, "Launcher", Kept)
    monkeypatch.setattr(keeper, "setproctitle", lambda _: None)
    monkeypatch.setattr(keeper, "setup_logging", lambda *_, **__: None)
    place = Place.choose(tmp_path)
    place.data.create()
    assert keeper.run(Request(None, None, None, None), place) == 0
    launcher, watch = made
    launcher.pid, launcher.started_s = 4711, 1000.0
    ended: list[Any] = []
    monkeypatch.setattr(heartbeat, "end_process", lambda *what: ended.append(what))
    slot_on(launcher.page).write(1001.0)
    for half in range(2 * int(SILENCE_S)):
        watch.look([launcher], 1001.0 + half / 2)
    assert not ended
    watch.look([launcher], 1001.0 + SILENCE_S)
    assert ended == [(4711, signal.SIGABRT)]


def test_a_launchers_loop_gives_signs_of_life(tmp_path: Path) -> None:
    signs = tmp_path / "signs"
    program = (
        "import sys; from cli.child import Child; from cli.launcher import Launcher\n"
        "child = Child('it', ['/bin/sh', '-c', 'exit 0'], may_finish=True)\n"
        f"alive = lambda _: open({str(signs)!r}, 'a').write('x')\n"
        "sys.exit(Launcher([child], is_ready=lambda: True, on_ready=lambda: True, alive=alive).run())"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=HOME, timeout=DEADLINE_S, check=False)
    assert done.returncode == 0
    assert signs.read_text()


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_launcher_that_hangs_is_replaced_with_everything_below_it(tmp_path: Path) -> None:
    operator = Operator(tmp_path / "data")
    operator.ok("start", "--port", "0")
    try:
        launcher = launcher_of(operator.place)
        assert launcher is not None and launcher.send(signal.SIGSTOP)
        began_s = time.monotonic()
        eventually(lambda: not launcher.alive, "it is ended", 120)
        ended_s = time.monotonic() - began_s
        eventually(
            lambda: (operator.run("status", "-o", "json").json or {}).get("health"),
            "the server answers again",
            90,
        )
        print(f"ended after {ended_s:.1f} s, answers again after {time.monotonic() - began_s:.1f} s")
        assert SILENCE_S <= ended_s <= SILENCE_S + 15
    finally:
        operator.clean_up()
