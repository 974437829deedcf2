"""What the service manager is told, on a real socket."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.notify import Manager
from tests.cli.running import Started
from tests.cli.test_launcher import launch


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(tmp_path / "notify"))
        end.settimeout(10.0)
        yield end


def test_without_a_manager_nobody_is_told() -> None:
    one = Manager.taken_from({"WATCHDOG_USEC": "1000000"})
    one.tell("READY=1")
    assert one == Manager("", None)


@pytest.mark.parametrize(
    ("variables", "every_s"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({}, None),
    ],
    ids=["watched", "by pid", "another process is", "nonsense", "zero", "not watched"],
)
def test_half_of_the_period_that_it_wants(variables: dict[str, str], every_s: float | None) -> None:
    environ = {"NOTIFY_SOCKET": "/run/notify", "HOME": "/root", **variables}
    assert Manager.taken_from(environ) == Manager("/run/notify", every_s)
    assert environ == {"HOME": "/root"}, "a child would take them for its own"


def test_it_hears_of_life_as_often_as_it_wants(manager: socket.socket, tmp_path: Path) -> None:
    one = Manager(str(tmp_path / "notify"), 15.0)
    for now_s in (100.0, 101.0, 114.9, 115.0, 129.0):
        one.alive(now_s)
    manager.setblocking(False)
    assert manager.recv(100) == manager.recv(100) == b"WATCHDOG=1"
    with pytest.raises(BlockingIOError):
        manager.recv(100)


def test_a_manager_that_is_gone_or_abstract_stops_nobody() -> None:
    Manager("/nonexistent/notify").tell("READY=1")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        name = f"sambung-test-{os.getpid()}"
        end.bind(f"\0{name}")
        Manager(f"@{name}").tell("READY=1")
        assert end.recv(100) == b"READY=1"


def test_the_launcher_tells_that_it_is_ready_that_it_lives_and_that_it_stops(
    started: Started, tmp_path: Path, manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "2000000")
    launcher = launch(started, tmp_path, "web=obedient")
    heard = [manager.recv(100) for _ in range(4)]
    assert sorted(set(heard)) == [b"READY=1", b"WATCHDOG=1"]
    assert heard.count(b"READY=1") == 1
    launcher.send_signal(signal.SIGTERM)
    while (word := manager.recv(100)) == b"WATCHDOG=1":
        pass
    assert word == b"STOPPING=1"
