"""Rows of disks: 37 no space, no inodes · 38 read-only, failing writes. Each on a server with a disk of its own."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from disks import failing_disk, memory_disk, no_file_grows
from rows import SETTINGS, House, Patient, received
from server import Answer, Server, running, wait_for

from simulator.client import Listener, Simulator

# The guard that refuses earlier has tests of its own (tests/system/test_low_disk.py).
UNGUARDED = SETTINGS | {"storage__min_free_percent": "0"}
# The data folder is looked at every ten seconds.
SEEN_S, BACK_S, GRACE_S = 10.0, 10.0, 3.0
NAME = "toko"


class Shop:
    """One instance on a server; `accepted`: the ids of the messages that were answered 202."""

    def __init__(self, server: Server, upstream: Listener) -> None:
        self.server, self.upstream = server, upstream
        self.accepted: list[str] = []
        self.pid = 0

    def open(self) -> "Shop":
        self.server.add(NAME, self.upstream.url_of(NAME), ack_field="id", overrides={})
        self.pid = self.server.wait_open(NAME)["pid"]
        assert self.post("before").status == 202
        self.push()
        return self

    def post(self, message_id: str, size_bytes: int = 10) -> Answer:
        path = f"/api/v1/instances/{NAME}/messages"
        answer = self.server.call(
            "POST", path, {"id": message_id, "content": {"n": message_id, "x": "x" * size_bytes}}
        )
        if answer.status == 202:
            self.accepted.append(message_id)
        return answer

    def push(self, count: int = 3) -> None:
        """Events that are acknowledged, so in the instance's file."""
        before = self.upstream.instance(NAME).acknowledged
        self.upstream.push(instances=[NAME], count=count, rate_per_s=50).wait(10)
        self.upstream.wait_instance(NAME, lambda seen: seen.acknowledged == before + count, 20)

    def refused(self, size_bytes: int = 60_000) -> list[str]:
        """Messages until one is refused, and the next one too: their ids.

        Some may still find room in what the file has already. The first whose write fails waits for the disk as long
        as a command may; then the instance knows, and says so at once.
        """
        for number in range(200):
            first, second = f"m{number}", f"m{number}-again"
            if self.post(first, size_bytes).status == 503:
                answer = self.post(second, size_bytes)
                assert (answer.status, answer.body["code"]) == (503, "storage_failed"), answer.raw
                return [first, second]
        raise AssertionError("every write succeeded")

    def unready(self) -> None:
        """Wait until readiness is off."""
        wait_for(lambda: not self.server.ready(), SEEN_S + GRACE_S, lambda: "still ready")

    def whole(self, refused: list[str]) -> None:
        """Everything that was accepted is sent, every acknowledged event is in the journal, and all of it once.

        `refused`: ids that a client now asks for again.
        """
        patient = Patient(House(self.server, self.upstream), NAME, self.upstream)
        self.server.wait_open(NAME, 30)
        for one in (*refused, "after"):
            wait_for(lambda one=one: self.post(one, 60_000).status == 202, 10, lambda: "refused")  # type: ignore[misc]
        self.push()
        path = f"/api/v1/instances/{NAME}/messages"
        states: Callable[[], dict[str, str]] = lambda: {  # noqa: E731
            one: self.server.call("GET", f"{path}/{one}").data["state"] for one in self.accepted
        }
        wait_for(lambda: set(states().values()) == {"sent"}, 60, lambda: str(states()))
        sent = [json.loads(text)["n"] for text in self.upstream.instance(NAME).texts if '"n"' in text]
        assert sorted(sent) == sorted(set(self.accepted))
        wanted = self.upstream.instance(NAME).acknowledged_ids
        wait_for(lambda: wanted <= set(received(patient)), 20, lambda: f"{wanted}, {received(patient)}")
        found = received(patient)
        assert len(found) == len(set(found))
        assert self.upstream.instance(NAME).sessions_max == 1


def test_row_37_a_full_disk_accepts_nothing_and_loses_nothing(tmp_path: Path, simulator: Simulator) -> None:
    with memory_disk(tmp_path / "disk") as disk, running(disk.folder / "d", **UNGUARDED) as server:
        shop = Shop(server, simulator.listener()).open()
        before = server.processes()
        disk.fill()
        filled_s = time.time()
        refused = shop.refused()
        shop.unready()
        detected_s = time.time() - filled_s
        made = server.call("POST", "/api/v1/instances", big_instance())
        assert (made.status, made.body["code"]) == (503, "storage_failed"), made.raw
        one = server.instance(NAME)
        assert (one["link_state"], one["restarts"], one["pid"]) == ("open", 0, shop.pid)
        disk.clear()
        freed_s = time.time()
        server.wait_ready(BACK_S + GRACE_S)
        shop.whole(refused)
        print(
            f"row 37 space: D {detected_s:.1f}, R {time.time() - freed_s:.1f}, accepted {len(shop.accepted)}"
        )
        assert set(before) <= set(server.processes())
        assert server.call("GET", "/api/v1/instances/big").status == 404
        server.stop()
        server.start()
        server.wait_open(NAME, 30)
        assert not list((server.data / "corrupt").glob("*"))


def big_instance() -> dict[str, Any]:
    """A configuration that does not fit into what the registry's file has already."""
    headers = {f"X-{number}": "x" * 1000 for number in range(30)}
    return {
        "id": "big",
        "link": "websocket",
        "desired": "disconnected",
        "url": "ws://127.0.0.1:9/",
        "headers": headers,
    }


def test_row_37_without_inodes_an_instance_waits_for_its_file(tmp_path: Path, simulator: Simulator) -> None:
    """What needs no new file goes on."""
    upstream = simulator.listener()
    with memory_disk(tmp_path / "disk") as disk, running(disk.folder / "d", **UNGUARDED) as server:
        shop = Shop(server, upstream).open()
        disk.fill_inodes()
        assert shop.post("meanwhile").status == 202
        server.add("late", upstream.url_of("late"))
        shown = server.wait_instance("late", lambda one: one["reason"], 10)
        assert "disk is full" in shown["reason"], shown
        disk.clear()
        freed_s = time.time()
        server.wait_open("late", 10)
        print(f"row 37 inodes: R {time.time() - freed_s:.1f}")
        assert server.instance("late")["restarts"] == 0
        shop.whole([])


@pytest.mark.slow
def test_row_38_writes_that_fail_are_not_acknowledged_and_turn_readiness_off(
    tmp_path: Path, simulator: Simulator
) -> None:
    """Every process of the server, every file: only the sockets go on."""
    with running(tmp_path / "d", **UNGUARDED) as server:
        shop = Shop(server, simulator.listener()).open()
        before = server.processes()
        with no_file_grows(before):
            failed_s = time.time()
            refused = shop.refused()
            known = shop.upstream.instance(NAME).acknowledged
            shop.upstream.push(instances=[NAME], count=2).wait(10)
            shop.unready()
            detected_s = time.time() - failed_s
            assert shop.upstream.instance(NAME).acknowledged == known
            assert server.call("GET", "/health/live").status == 200
        healed_s = time.time()
        server.wait_ready(BACK_S + GRACE_S)
        ready_s = time.time() - healed_s
        shop.whole(refused)
        print(f"row 38 failing: D {detected_s:.1f}, R {ready_s:.1f}")
        assert set(before) <= set(server.processes())
        assert server.instance(NAME)["restarts"] == 0


def outspoken(data: Path, output: Path) -> Path:
    """A data folder of a server whose own output is not on that disk: a service manager takes it."""
    data.mkdir(mode=0o700)
    (data / "serve.out").symlink_to(output)
    return data


def test_row_38_a_disk_that_became_read_only_loses_nothing_acknowledged(
    tmp_path: Path, simulator: Simulator
) -> None:
    """Such a disk is repaired and mounted again by its operator, who stops the server for it."""
    with (
        failing_disk(tmp_path / "disk", tmp_path / "image") as disk,
        running(outspoken(disk.folder / "d", tmp_path / "serve.out"), **UNGUARDED) as server,
    ):
        shop = Shop(server, simulator.listener()).open()
        disk.fail()
        failed_s = time.time()
        shop.unready()
        detected_s = time.time() - failed_s
        refused = shop.refused()
        # SQLite does not pass the system's word for it on.
        assert "the storage reports an error" in server.instance(NAME)["reason"]
        known = shop.upstream.instance(NAME).acknowledged
        shop.upstream.push(instances=[NAME], count=2).wait(10)
        made = server.call("POST", "/api/v1/instances", big_instance())
        assert (made.status, made.body["code"]) == (503, "storage_failed"), made.raw
        assert server.instance(NAME)["link_state"] == "open"
        assert shop.upstream.instance(NAME).acknowledged == known
        assert server.stop(20) == 0
        assert "Traceback" not in server.output()
        disk.unmount()
        disk.mount()
        server.start()
        shop.whole(refused)
        assert not list((server.data / "corrupt").glob("*"))
        print(f"row 38 read-only: D {detected_s:.1f}")
        server.stop()
