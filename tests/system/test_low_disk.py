"""A disk with little room left refuses sends and turns readiness off; links stay."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from server import QUICK, running, wait_for

from simulator.client import Simulator


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if made.returncode != 0:
        pytest.skip("mounting a small tmpfs needs root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_low_disk_refuses_sends_and_turns_readiness_off(small_disk: Path, simulator: Simulator) -> None:
    with running(small_disk / "data", **QUICK) as server:
        server.add("toko1", simulator.listener().url_of("toko1"))
        server.wait_open("toko1")
        ballast = small_disk / "ballast"
        free = os.statvfs(small_disk)
        room = free.f_bavail * free.f_frsize - free.f_blocks * free.f_frsize * 3 // 100
        ballast.write_bytes(b"x" * room)
        wait_for(lambda: server.call("GET", "/health/ready").status == 503, 30, lambda: "it is still ready")
        details = server.call("GET", "/health/ready").body["details"]
        assert any("storage.min_free_percent = 5" in one["message"] for one in details)
        refused = server.call("POST", "/api/v1/instances/toko1/messages", {"content": {"n": 1}})
        assert (refused.status, refused.body["code"]) == (503, "storage_low")
        health = server.call("GET", "/health")
        assert health.status == 200 and health.data["disk_free_bytes"] < 64 * 1024 * 1024 * 5 // 100
        assert server.instance("toko1")["link_state"] == "open"
        ballast.unlink()
        wait_for(server.ready, 30, lambda: "it is not ready again")
        accepted = server.call("POST", "/api/v1/instances/toko1/messages", {"content": {"n": 1}})
        assert accepted.status == 202
