"""A damaged session file: refused in the store's words, with the next step; a copy put back is used by itself."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from server import QUICK, Server, running, wait_for

from simulator.client import Listener, Simulator

pytestmark = pytest.mark.serial

PATH = "/api/v1/instances/toko"


def received(server: Server) -> list[int]:
    """The numbers of the upstream's messages in the journal."""
    found = server.call("GET", f"{PATH}/events?kind=message.received&limit=500")
    assert found.status == 200, found.raw
    return [event["data"]["content"]["id"] for event in found.data]


def push(server: Server, upstream: Listener, count: int) -> None:
    """Acknowledged events, in the journal when this returns."""
    server.wait_open("toko")
    before = upstream.instance("toko").acknowledged
    upstream.push(instances=["toko"], count=count, rate_per_s=50).wait(10)
    upstream.wait_instance("toko", lambda seen: seen.acknowledged == before + count, 20)
    wanted = upstream.instance("toko").acknowledged_ids
    wait_for(lambda: wanted <= set(received(server)), 20, lambda: f"{wanted}, {received(server)}")


def wait_blocked(server: Server) -> Any:
    return server.wait_instance("toko", lambda one: "toko.db" in (one["reason"] or ""))


def test_a_damaged_session_file_is_named_and_its_copy_goes_on(tmp_path: Path, simulator: Simulator) -> None:
    upstream = simulator.listener()
    with running(tmp_path / "d", **QUICK) as server:
        file = server.data / "instances" / "toko.db"
        server.add("toko", upstream.url_of("toko"), ack_field="id", overrides={})
        push(server, upstream, 2)
        server.stop()
        shutil.copy(file, tmp_path / "backup")
        server.start()
        push(server, upstream, 3)
        server.stop()
        file.write_bytes(b"x" * 5000)
        server.start()

        shown = wait_blocked(server)
        assert shown["next_step"].startswith(f"Put a sound copy at {file}"), shown
        assert f"{file}.corrupt" in shown["next_step"]
        for method, path, body in (
            ("POST", f"{PATH}/messages", {"content": {"n": 1}}),
            ("POST", "/force-retry/toko", None),
            ("GET", f"{PATH}/messages", None),
            ("GET", f"{PATH}/timeline", None),
        ):
            answer = server.call(method, path, body)
            assert (answer.status, answer.body["code"]) == (503, "storage_failed"), (path, answer.raw)

        (tmp_path / "backup").rename(file)
        push(server, upstream, 2)
        found = received(server)
        assert len(found) == len(set(found)) == 7
        assert server.instance("toko")["next_step"] is None
        assert server.instance("toko")["restarts"] == 0
        log = (server.data / "logs" / "sambung.log").read_text()
        assert f"{file} is a restored copy" in log
