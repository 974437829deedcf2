"""The background service with instances at work: killed launcher, restart, stop under load, starts at the same time.

How the commands answer is tested in tests/cli/test_service.py; here it is what becomes of the links.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from server import HOME, TOKEN, Server, wait_for

from cli.folder import keeper_of, launcher_of, tree_is_gone
from cli.processes import Process, descendants
from simulator.client import Listener, Simulator
from tests.cli.commands import Done, Operator

pytestmark = pytest.mark.serial

IDS = ("s1", "s2", "s3")
BACK_S = 30.0
STOP_S = 10.0
ENV = {
    "SAMBUNG_ADMIN_TOKEN": TOKEN,
    "SAMBUNG_RETRY__DELAY_S": "0.5",
    "SAMBUNG_RETRY__FAST_FIRST_S": "0.5",
    "SAMBUNG_RETRY__STABLE_AFTER_S": "1",
}


class Service(Operator):
    """An operator whose environment is the one above."""

    def run(self, *arguments: str, **environ: str) -> Done:
        return super().run(*arguments, **{**ENV, **environ})

    def everything(self) -> list[Process]:
        keeper = keeper_of(self.place)
        assert keeper is not None
        return [keeper, *descendants(keeper.pid)]

    @property
    def api(self) -> Server:
        return Server(self.data)


@pytest.fixture(scope="module")
def upstream(simulator: Simulator) -> Listener:
    return simulator.listener()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, upstream: Listener) -> Iterator[Service]:
    one = Service(tmp_path_factory.mktemp("service") / "data")
    one.ok("start", "--port", "0")
    try:
        for name in IDS:
            one.api.add(name, upstream.url_of(name), ack_field="id")
        for name in IDS:
            one.api.wait_open(name)
        yield one
    finally:
        one.clean_up()


def all_back(service: Service, upstream: Listener, old: set[int], deadline_s: float) -> None:
    """Every instance is open in a new process, with one session at the upstream."""

    def back() -> bool:
        try:
            found = [service.api.instance(name) for name in IDS]
        except (OSError, ValueError, KeyError):
            return False
        return all(one["link_state"] == "open" and one["pid"] not in old for one in found)

    wait_for(back, deadline_s, lambda: f"not back: {service.run('status').out}")
    for name in IDS:
        upstream.wait_instance(name, lambda seen: seen.sessions_now == 1, 5)
        seen = upstream.instance(name)
        assert (seen.sessions_max, seen.stale_frames) == (1, 0)


def test_a_killed_launcher_is_back_with_every_link_within_thirty_seconds(
    service: Service, upstream: Listener
) -> None:
    keeper, *below = service.everything()
    launcher = launcher_of(service.place)
    assert launcher is not None
    assert launcher.send(signal.SIGKILL)
    all_back(service, upstream, {process.pid for process in below}, BACK_S)
    assert keeper.alive
    assert not any(process.alive for process in below)


def test_a_restart_closes_and_reopens_every_link(service: Service, upstream: Listener) -> None:
    before = service.everything()
    sockets = {name: upstream.instance(name).sockets[-1].number for name in IDS}
    service.ok("restart")
    assert not any(process.alive for process in before)
    all_back(service, upstream, {process.pid for process in before}, BACK_S)
    for name in IDS:
        [old] = [one for one in upstream.instance(name).sockets if one.number == sockets[name]]
        assert (old.close_code, old.ended_by) == (1000, "client")


def test_logs_follow_one_instance_only(service: Service, upstream: Listener) -> None:
    command = [
        sys.executable,
        str(HOME / "run.py"),
        "logs",
        "-f",
        "-n",
        "0",
        "s2",
        "--data",
        str(service.data),
    ]
    following = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "SAMBUNG_NO_BOOTSTRAP": "1"},
        text=True,
        encoding="utf-8",
    )
    lines: list[str] = []

    def read() -> None:
        assert following.stdout is not None
        lines.extend(iter(following.stdout.readline, ""))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        # Only what is appended once it follows is shown: reconnect, at a pace that links can keep, until it does.
        def shown() -> bool:
            upstream.drop("reset")
            time.sleep(1.0)
            return any("✅ Connection opened successfully" in line for line in list(lines))

        wait_for(shown, 40, lambda: f"nothing was followed: {lines}")
        assert all("[s2]" in line for line in lines)
    finally:
        following.send_signal(signal.SIGINT)
        following.wait(10)
        reader.join(10)


def test_a_stop_under_load_takes_at_most_ten_seconds_and_closes_every_link(
    service: Service, upstream: Listener
) -> None:
    all_back(service, upstream, set(), BACK_S)
    before = service.everything()
    push = upstream.push(rate_per_s=50, duration_s=60)
    upstream.wait_for(lambda seen: seen.received >= 20 * len(IDS), 20)
    begun_s = time.monotonic()
    service.ok("stop")
    assert time.monotonic() - begun_s <= STOP_S
    push.stop()
    assert not any(process.alive for process in before)
    assert tree_is_gone(service.place)
    for name in IDS:
        seen = upstream.wait_instance(name, lambda one: one.sockets_now == 0, 5)
        assert (seen.sockets[-1].close_code, seen.sockets[-1].ended_by) == (1000, "client")


def test_of_two_starts_at_the_same_time_one_wins_and_the_other_says_so(
    service: Service, upstream: Listener
) -> None:
    done: list[Done] = []
    starters = [
        threading.Thread(target=lambda: done.append(service.run("start", "--port", "0"))) for _ in range(2)
    ]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join(100)
    assert sorted(one.code for one in done) == [0, 1], [(one.code, one.err) for one in done]
    [loser] = [one for one in done if one.code]
    assert "already" in loser.err or "did not start" in loser.err, loser.err
    all_back(service, upstream, set(), BACK_S)
    titles = [title(process) for process in service.everything()]
    assert titles.count("sambung: launcher") == 1
    assert titles.count("sambung: keeper") == 1


def title(process: Process) -> str:
    return Path(f"/proc/{process.pid}/cmdline").read_text().strip("\0 ")


def test_a_start_after_everything_was_killed_at_once_brings_all_back(
    service: Service, upstream: Listener
) -> None:
    before = service.everything()
    for process in before:
        process.send(signal.SIGKILL)
    wait_for(lambda: not any(process.alive for process in before), 5, lambda: "processes are left")
    service.ok("start", "--port", "0")
    all_back(service, upstream, {process.pid for process in before}, BACK_S)


def test_a_stop_while_the_service_is_starting_leaves_nothing(service: Service) -> None:
    service.ok("stop")
    started: list[Done] = []
    starter = threading.Thread(target=lambda: started.append(service.run("start", "--port", "0")))
    starter.start()
    keeper: list[Any] = []

    def kept() -> bool:
        keeper[:] = [keeper_of(service.place)]
        return keeper[0] is not None

    wait_for(kept, 30, lambda: "no keeper came up")
    stopped = service.run("stop")
    starter.join(100)
    assert stopped.code == 0, stopped.err
    assert started[0].code == 1
    assert not keeper[0].alive
    assert tree_is_gone(service.place)
    assert launcher_of(service.place) is None
