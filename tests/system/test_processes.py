"""What the processes of a server hold, and what they do not."""

from pathlib import Path

from server import Server

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
