"""Rotation: a full log is put aside and compressed by one process, and every other one goes on in the new file."""

import gzip
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from server import QUICK, Server, running, wait_for
from watching import human_lines

from simulator.client import Simulator


@pytest.fixture(scope="module")
def rotated(tmp_path_factory: pytest.TempPathFactory, simulator: Simulator) -> Iterator[Server]:
    """A server that rotates at 1 MiB and writes its own local time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Asia/Kathmandu")
        with running(tmp_path_factory.mktemp("data"), log__rotate_mb="1", log__keep="2", **QUICK) as one:
            one.add("r1", simulator.listener().url_of("r1"))
            one.wait_open("r1")
            yield one


def test_the_local_time_zone_is_the_default(rotated: Server) -> None:
    assert {one["at"][-6:] for one in human_lines(rotated)} == {"+05:45"}


def test_a_full_log_is_rotated_once_and_every_process_goes_on_in_the_new_one(rotated: Server) -> None:
    logs = rotated.data / "logs"
    # An access log fills by requests; the human log is filled with what an earlier life may have left.
    flood_requests(rotated, logs / "access.jsonl", 1024 * 1024)
    filler = "2026-11-23T22:15:04.123+05:45 INFO filler " + "x" * 900 + "\n"
    with (logs / "sambung.log").open("a") as file:
        file.write(filler * 1200)
    wait_for(
        lambda: all((logs / f"{name}.1.gz").exists() for name in ("sambung.log", "access.jsonl")),
        30,
        lambda: str(sorted(logs.iterdir())),
    )
    old = gzip.decompress((logs / "sambung.log.1.gz").read_bytes()).decode("utf-8")
    assert "[r1] ✅ Connection opened successfully" in old
    assert old.count(filler) == 1200
    assert_all_write_again(rotated)
    assert (logs / "sambung.log").stat().st_size < 100_000
    assert sorted(one.name for one in logs.glob("*.log")) == ["sambung.log", "thespian.log"]


def flood_requests(server: Server, log: Path, size_bytes: int) -> None:
    path = "/nowhere/" + "y" * 4000

    def full() -> bool:
        return log.stat().st_size >= size_bytes or log.with_name(f"{log.name}.1.gz").exists()

    end = time.monotonic() + 60
    while not full():
        assert server.call("GET", path, token=None).status == 404
        assert time.monotonic() < end


def assert_all_write_again(server: Server) -> None:
    """A crash is told by the root, a reconnect by the instance, a reload by the web, a lost child by the launcher."""
    pid = server.instance("r1")["pid"]
    server.kill(pid)
    server.wait_instance("r1", lambda one: one["link_state"] == "open" and one["pid"] != pid)
    assert server.call("POST", "/api/v1/reload").status == 200
    web = server.pid_of("web")
    server.kill(web, signal.SIGKILL)
    for words in (
        f"ERROR [r1] Process of instance r1 (pid {pid}) ended",
        "INFO [r1] ✅ Connection opened successfully",
        "INFO settings taken over",
        f"WARN the web process (pid {web}) was ended by signal 9",
    ):
        wait_for(
            lambda words=words: words in (server.data / "logs" / "sambung.log").read_text("utf-8"),  # type: ignore[misc]
            20,
            lambda words=words: f"not in the new log: {words}",  # type: ignore[misc]
        )
    server.wait_ready()
