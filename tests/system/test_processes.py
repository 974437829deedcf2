"""What the processes of a server hold, and what they do not."""

from pathlib import Path

import psutil
from server import QUICK, Server, running, wait_for

from simulator.client import Simulator


def test_a_database_library_is_only_where_a_database_is(server: Server, simulator: Simulator) -> None:
    """In the root it would be in every process that is forked from it: half a megabyte of each instance."""
    server.add("one", simulator.listener().url)
    server.wait_open("one")
    holders = {
        title.removeprefix("sambung: ").split()[0]
        for pid, title in server.processes().items()
        if "sqlalchemy" in Path(f"/proc/{pid}/maps").read_text("utf-8")
    }
    assert holders == {"registry", "journal", "web"}


def test_a_full_outbox_is_on_the_disk_and_not_in_memory(tmp_path: Path, simulator: Simulator) -> None:
    """More bytes wait than the process may hold: it neither dies of them nor at the start after it was killed."""
    count, size, ceiling_mb = 80, 1_000_000, 64
    with running(tmp_path, supervision__memory_mb=str(ceiling_mb), **QUICK) as server:
        server.add("full", simulator.listener().url, desired="disconnected")
        for number in range(count):
            body = {"id": f"m{number}", "content": "x" * size}
            assert server.call("POST", "/api/v1/instances/full/messages", body).status == 202
        before = server.instance("full")["pid"]
        server.kill(before)
        wait_for(lambda: server.instance("full")["pid"] not in (None, before), 20, server.output)
        instance = server.instance("full")
        waiting = server.call("GET", "/api/v1/instances/full/messages?state=accepted&limit=1").body["page"]
        assert (instance["link_state"], waiting["total"]) == ("idle", count), instance
        assert psutil.Process(instance["pid"]).memory_full_info().uss < ceiling_mb * 2**20 / 2
