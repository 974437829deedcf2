"""kill -9 of every part in turn: everything is back in time, no orphan stays, never two sessions of one instance."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from server import QUICK, Server, alive, running, wait_for

from simulator.client import Listener, Simulator

pytestmark = pytest.mark.serial

IDS = ("k1", "k2", "k3")
BACK_S = 30.0
SAME = ("pid", "link_state", "restarts", "attempts", "recent_failures")
ORPHAN_S = 1.0


@pytest.fixture(scope="module")
def upstream(simulator: Simulator) -> Listener:
    return simulator.listener()


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, upstream: Listener) -> Iterator[Server]:
    """A server with three connected instances and a restart budget that the kills of this file don't exhaust."""
    settings = {**QUICK, "supervision__max_restarts": "50"}
    with running(tmp_path_factory.mktemp("data"), **settings) as server:
        for one in IDS:
            server.add(one, f"{upstream.url}/ws/{one}")
        for one in IDS:
            server.wait_open(one)
        yield server


def sessions_now(upstream: Listener) -> dict[str, int]:
    return {one: upstream.instance(one).sessions_now for one in IDS}


def assert_all_back(
    fleet: Server, upstream: Listener, old: dict[str, int], deadline_s: float = BACK_S
) -> None:
    """Every instance is open again with one session at the upstream, in the processes that live now."""
    for one in IDS:
        fleet.wait_instance(
            one, lambda i: i["link_state"] == "open" and i["pid"] in fleet.processes(), deadline_s
        )
    wait_for(
        lambda: sessions_now(upstream) == dict.fromkeys(IDS, 1), 5.0, lambda: str(sessions_now(upstream))
    )
    for one in IDS:
        assert upstream.instance(one).sessions_max == 1, one
        assert upstream.instance(one).stale_frames == 0, one


def pids_of(fleet: Server) -> dict[str, int]:
    return {one: fleet.instance(one)["pid"] for one in IDS}


def crashes(server: Server, instance_id: str) -> list[Any]:
    return list(server.call("GET", f"/api/v1/instances/{instance_id}/crashes").data)


def test_an_instance_is_back_within_six_seconds_and_the_others_notice_nothing(
    fleet: Server, upstream: Listener
) -> None:
    before = pids_of(fleet)
    opens = {one: upstream.instance(one).opened for one in IDS}
    started = time.monotonic()
    fleet.kill(before["k1"])
    back = fleet.wait_instance("k1", lambda i: i["link_state"] == "open" and i["pid"] != before["k1"], 6.0)
    assert time.monotonic() - started < 6.0
    assert back["restarts"] == 1
    assert {one: upstream.instance(one).opened - opens[one] for one in IDS} == {"k1": 1, "k2": 0, "k3": 0}
    assert {one: pid for one, pid in pids_of(fleet).items() if one != "k1"} == {
        one: pid for one, pid in before.items() if one != "k1"
    }
    wait_for(lambda: crashes(fleet, "k1"), 5.0, lambda: "no crash record")
    newest = crashes(fleet, "k1")[0]
    assert newest["pid"] == before["k1"]
    assert "SIGKILL" in newest["cause"]


def test_a_command_for_a_process_that_just_died_is_answered_and_nothing_accepted_is_lost(
    fleet: Server, upstream: Listener
) -> None:
    """The web process still knows the dead process's address; such commands take the way over the root."""
    accepted = []
    fleet.kill(fleet.instance("k2")["pid"])
    for number in range(40):
        body = {"id": f"after-kill-{number}", "content": {"text": "hello"}}
        answer = fleet.call("POST", "/api/v1/instances/k2/messages", body)
        assert answer.status in (202, 503), answer
        if answer.status == 202:
            accepted.append(body["id"])
        time.sleep(0.1)
    assert accepted
    fleet.wait_open("k2")
    for message_id in accepted:
        path = f"/api/v1/instances/k2/messages/{message_id}"
        wait_for(
            lambda path=path: fleet.call("GET", path).data["state"] == "sent", 20.0, lambda path=path: path
        )


def test_a_killed_group_takes_its_own_instances_with_it_and_no_others(
    tmp_path: Path, upstream: Listener
) -> None:
    with running(tmp_path, **QUICK, supervision__group_size="2") as server:
        names = ("s1", "s2", "s3", "s4")
        for one in names:
            server.add(one, f"{upstream.url}/ws/{one}")
        for one in names:
            server.wait_open(one)
        before = {one: server.instance(one) for one in names}
        pid = server.pid_of("group g1")
        below = {one for one in names if psutil.Process(before[one]["pid"]).ppid() == pid}
        assert len(below) == 2
        opened = {one: upstream.instance(one).opened for one in names}
        server.kill(pid)
        dead = {before[one]["pid"] for one in below}
        wait_for(lambda: not alive(dead), ORPHAN_S, lambda: f"orphans: {alive(dead)}")
        for one in below:
            server.wait_instance(one, lambda i: i["link_state"] == "open" and i["pid"] not in dead, BACK_S)
        assert {one: upstream.instance(one).opened - opened[one] for one in names} == {
            one: int(one in below) for one in names
        }
        for one in set(names) - below:
            shown = server.instance(one)
            assert {key: shown[key] for key in SAME} == {key: before[one][key] for key in SAME}


@pytest.mark.parametrize("part", ["group g1", "root", "admin", "actors", "registry", "journal"])
def test_everything_is_back_after_a_part_of_the_actor_tree_was_killed(
    fleet: Server, upstream: Listener, part: str
) -> None:
    old = pids_of(fleet)
    below = set(old.values()) if part in ("group g1", "root", "admin", "actors") else set()
    fleet.kill(fleet.pid_of(part))
    wait_for(lambda: not alive(below), ORPHAN_S, lambda: f"orphans: {alive(below)}")
    fleet.wait_ready(BACK_S)
    assert_all_back(fleet, upstream, old)
    if not below:
        assert pids_of(fleet) == old, "instances were disturbed"
    for one in IDS:
        seen = fleet.instance(one)
        assert seen["availability"] < 1, "what the kill cost"
        assert seen["availability"] == pytest.approx(seen["availability_24h"], abs=0.002), (
            "the server goes on"
        )


def test_the_web_process_comes_back_without_a_link_dropping(fleet: Server, upstream: Listener) -> None:
    before, opens = pids_of(fleet), {one: upstream.instance(one).opened for one in IDS}
    old = fleet.pid_of("web")
    fleet.kill(old)
    wait_for(lambda: fleet.ready() and fleet.pid_of("web") != old, BACK_S, fleet.output)
    assert pids_of(fleet) == before
    assert {one: upstream.instance(one).opened for one in IDS} == opens


def test_nothing_outlives_the_launcher_and_a_new_start_brings_all_back(
    fleet: Server, upstream: Listener
) -> None:
    assert fleet.process is not None
    everyone = set(fleet.processes())
    fleet.process.send_signal(signal.SIGKILL)
    fleet.process.wait(5.0)
    wait_for(lambda: not alive(everyone), ORPHAN_S, lambda: f"orphans: {alive(everyone)}")
    fleet.start()
    assert_all_back(fleet, upstream, {})


def test_six_kills_within_a_minute_quarantine_an_instance_until_it_is_restarted(
    tmp_path: Path, upstream: Listener
) -> None:
    with running(tmp_path, **QUICK) as server:
        server.add("q1", f"{upstream.url}/ws/q1")
        dead: set[int] = set()
        for _ in range(6):
            pid = server.wait_instance("q1", lambda i: i["pid"] is not None and i["pid"] not in dead)["pid"]
            dead.add(pid)
            server.kill(pid)
        seen = server.wait_instance("q1", lambda i: i["link_state"] == "quarantined")
        assert "6 times" in seen["reason"]
        assert seen["next_step"]
        server.wait_instance("q1", lambda i: i["availability"] < seen["availability"], 12.0)
        # The record of the last crash is written while the quarantine is already shown.
        wait_for(lambda: len(crashes(server, "q1")) == 6, 5.0, lambda: str(crashes(server, "q1")))
        refused = server.call("POST", "/force-retry/q1")
        assert (refused.status, refused.body["code"]) == (409, "quarantined")
        server.kill(server.pid_of("group g1"))
        server.add("q2", f"{upstream.url}/ws/q2")
        server.wait_open("q2")  # the new group has spoken
        kept = ("link_state", "reason", "next_step", "since", "host", "restarts")
        again = server.instance("q1")
        assert {key: again[key] for key in kept} == {key: seen[key] for key in kept}
        assert 0 < again["availability"] < seen["availability"], "what was counted stays, and goes on"
        server.stop()
        server.start()
        quarantined = server.wait_instance(
            "q1", lambda i: i["link_state"] == "quarantined" and i["next_step"]
        )
        assert quarantined["host"] == seen["host"]
        assert server.call("POST", "/api/v1/instances/q1/restart").status == 200
        server.wait_open("q1")


def has_registry(server: Server) -> bool:
    return any(title.startswith("sambung: registry") for title in server.processes().values())


def test_a_quarantine_while_the_registry_is_away_outlives_the_server(
    tmp_path: Path, upstream: Listener
) -> None:
    """No restart is allowed, and the registry is away for two seconds: the instance dies in between."""
    settings = {**QUICK, "supervision__max_restarts": "0", "supervision__delay_min_s": "2"}
    with running(tmp_path, **settings) as server:
        server.add("k9", f"{upstream.url}/ws/k9")
        pid = server.wait_open("k9")["pid"]
        server.kill(server.pid_of("registry"))
        server.kill(pid)
        server.wait_instance("k9", lambda one: one["link_state"] == "quarantined", 10.0)
        assert not has_registry(server), "it was back before the crash"
        wait_for(lambda: has_registry(server), 10.0, server.output)
        path = "/api/v1/instances/k9/crashes"
        wait_for(lambda: [one["pid"] for one in server.call("GET", path).data] == [pid], 10.0, server.output)
        server.stop()
        server.start()
        seen = server.wait_instance("k9", lambda one: one["link_state"] != "idle", 10.0)
        assert (seen["link_state"], seen["pid"]) == ("quarantined", None)
