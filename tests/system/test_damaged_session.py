"""A damaged session file: refused in the store's words, with the next step; a copy put back is used by itself."""

import shutil
from pathlib import Path
from typing import Any

from server import QUICK, Server, running, wait_for

from simulator.client import Listener, Simulator

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


def test_a_file_that_a_removed_instance_left_is_nobody_elses(tmp_path: Path) -> None:
    """Its messages were accepted for another upstream. What is refused loses nothing."""
    url = "ws://127.0.0.1:9/"
    with running(tmp_path / "d", **QUICK) as server:
        file = server.data / "instances" / "toko.db"
        server.add("toko", url, desired="disconnected")
        server.wait_instance("toko", lambda one: one["pid"])
        sent = server.call("POST", f"{PATH}/messages", {"id": "old", "content": 1})
        assert sent.status == 202, sent.raw
        server.stop()
        shutil.copy(file, tmp_path / "left")
        server.start()
        assert server.call("DELETE", PATH).status == 200
        wait_for(lambda: not file.exists(), 20, lambda: "its file is still there")
        server.stop()
        (tmp_path / "left").rename(file)
        server.start()

        body = {"id": "toko", "link": "websocket", "url": url, "desired": "disconnected"}
        refused = server.call("POST", "/api/v1/instances", body)
        assert (refused.status, refused.body["code"]) == (409, "session_left"), refused.raw
        assert "run.py cleanup delete toko" in refused.body["message"]
        assert file.exists()
        assert server.call("GET", PATH).status == 404
        assert server.call("DELETE", "/api/v1/cleanup/sessions/toko").status == 200
        assert server.call("POST", "/api/v1/instances", body).status == 201
        assert server.call("GET", f"{PATH}/messages").data == []
