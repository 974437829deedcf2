"""The simulator's own process: one line when ready, and an end in every case."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest
from websockets.sync.client import connect

from simulator.client import Simulator, SimulatorError
from simulator.waiting import wait_for

DEADLINE_S = 20.0
HERE = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "simulator"]


def start(*options: str, stdin: int = subprocess.DEVNULL) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [*COMMAND, *options], cwd=HERE, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def alive(pid: int) -> bool:
    """False for a zombie too: whoever adopted it may be slow to bury it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(") ")[2][0] != "Z"
    except FileNotFoundError:
        return False


def ready(process: "subprocess.Popen[bytes]") -> str:
    assert process.stdout is not None
    line = json.loads(process.stdout.readline())
    assert line["pid"] == process.pid
    with urllib.request.urlopen(line["control"], timeout=DEADLINE_S) as response:
        assert json.load(response)["pid"] == process.pid
    return str(line["control"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_it_prints_one_line_and_ends_on_a_signal(number: signal.Signals) -> None:
    with start() as process:
        ready(process)
        process.send_signal(number)
        assert process.communicate(timeout=DEADLINE_S) == (b"", b"")
        assert process.returncode == 0


def test_it_ends_with_open_connections() -> None:
    with start() as process:
        control = ready(process)
        request = urllib.request.Request(f"{control}/listeners", method="POST", data=b"{}")
        with urllib.request.urlopen(request, timeout=DEADLINE_S) as response:
            port = json.load(response)["port"]
        with socket.create_connection(("127.0.0.1", port), DEADLINE_S):
            process.terminate()
            assert process.communicate(timeout=DEADLINE_S) == (b"", b"")
            assert process.returncode == 0


def test_it_ends_when_stdin_closes() -> None:
    with start("--until-stdin-closes", stdin=subprocess.PIPE) as process:
        ready(process)
        assert process.communicate(timeout=DEADLINE_S) == (b"", b"")
        assert process.returncode == 0


def test_a_stdin_that_cannot_close_is_refused() -> None:
    with start("--until-stdin-closes") as process:
        out, err = process.communicate(timeout=DEADLINE_S)
    assert (out, process.returncode) == (b"", 1)
    assert b"needs a pipe" in err


def test_it_does_not_start_when_the_parent_is_gone_already() -> None:
    with start("--die-with-parent", "1") as process:
        assert process.communicate(timeout=DEADLINE_S) == (b"", b"")


def test_a_taken_control_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with start("--control-port", port) as process:
            out, err = process.communicate(timeout=DEADLINE_S)
    assert (out, process.returncode) == (b"", 1)
    assert f"cannot serve 127.0.0.1:{port}" in err.decode()


# Spawns a simulator as a test would, shows its pid, and waits to be killed.
PARENT = """
import os, sys, threading
from simulator.client import Simulator
def run():
    simulator = Simulator.spawn()
    os.write(1, b"%d\\n" % simulator.pid)
    threading.Event().wait()
if sys.argv[1] == "main":
    run()
else:
    threading.Thread(target=run).start()
"""


@pytest.mark.parametrize("thread", ["main", "other"])
def test_it_ends_when_its_parent_is_killed(thread: str) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, thread], cwd=HERE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert alive(pid)
        parent.kill()
        wait_for(lambda: alive(pid), lambda living: not living, DEADLINE_S)


def test_it_outlives_the_thread_that_spawned_it() -> None:
    spawned: list[Simulator] = []
    thread = threading.Thread(target=lambda: spawned.append(Simulator.spawn()))
    thread.start()
    thread.join(DEADLINE_S)
    with spawned[0] as simulator:
        assert simulator.errors() == []


def test_listeners_can_be_bound_to_ipv6() -> None:
    with Simulator.spawn(host="::1") as simulator:
        upstream = simulator.listener()
        assert upstream.url == f"ws://[::1]:{upstream.port}"
        with connect(upstream.url_of("a")):
            assert upstream.instance("a").open_now == 1


def test_an_address_that_is_not_ours_is_a_conflict() -> None:
    with Simulator.spawn(host="192.0.2.1") as simulator, pytest.raises(SimulatorError, match="assign"):
        simulator.listener()


def test_close_leaves_no_process_and_can_be_repeated() -> None:
    with Simulator.spawn() as simulator:
        assert alive(simulator.pid)
        simulator.close()
        assert simulator.process.returncode == 0
        assert not alive(simulator.pid)
    with pytest.raises(SimulatorError):
        simulator.errors()


def test_a_simulator_that_cannot_start_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(SimulatorError, match="was not ready"):
        Simulator.spawn()


def test_it_raises_its_limit_of_open_files() -> None:
    with Simulator.spawn() as simulator:
        limits = Path(f"/proc/{simulator.pid}/limits").read_text(encoding="ascii")
    soft, hard = next(line for line in limits.splitlines() if line.startswith("Max open files")).split()[3:5]
    assert soft == hard
    assert os.sysconf("SC_OPEN_MAX") <= int(hard)
