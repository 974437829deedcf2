"""The demo as a whole: a simulator, a real server, and everything it is there to show."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from cli.demo_story import Phase
from cli.processes import descendants
from tests.cli.running import HOME, Started, eventually


def demo(started: Started, folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    options = ("--port", "0", "--data", str(folder / "data"), "--token", "t" * 40)
    return started.python(
        str(HOME / "run.py"), "demo", *options, *arguments, env={"SAMBUNG_NO_BOOTSTRAP": "1"}
    )


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_within_two_minutes_everything_is_seen_and_nothing_is_left(started: Started, tmp_path: Path) -> None:
    process = demo(started, tmp_path, "--seconds", "110")
    out, err = process.communicate(timeout=300)
    assert (process.returncode, err) == (0, ""), out
    for phase in Phase:
        assert f"s: {phase.value}\n" in out
    assert "curl -s http://127.0.0.1:" in out
    assert not descendants(process.pid)


@pytest.mark.timeout(300)
def test_ctrl_c_stops_the_server_and_the_simulator(started: Started, tmp_path: Path) -> None:
    process = demo(started, tmp_path)
    assert process.stdout is not None
    eventually(lambda: "Ctrl-C stops everything." in process.stdout.readline(), "the demo runs", 120)
    eventually(lambda: "is connected" in process.stdout.readline(), "an instance is connected", 120)
    below = descendants(process.pid)
    assert len(below) > 8
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, ""), out
    eventually(lambda: not any(each.alive for each in below), "every process has ended", 10)


def test_a_folder_in_use_is_refused(started: Started, tmp_path: Path) -> None:
    script = (
        "import sys, signal\n"
        "from pathlib import Path\n"
        "from cli.folder import Place\n"
        "from cli.serve import holding\n"
        "with holding(Place.choose(Path(sys.argv[1]))):\n"
        "    print('held', flush=True)\n"
        "    signal.pause()\n"
    )
    holder = started.python("-c", script, str(tmp_path / "data"))
    assert holder.stdout is not None and holder.stdout.readline() == "held\n"
    process = demo(started, tmp_path, "--seconds", "1")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert f"a server runs on {tmp_path / 'data'} already (pid {holder.pid})" in err
