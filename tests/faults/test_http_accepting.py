"""A web process that takes no connections any more, beside a bridge that lives: it is replaced, and no link notices."""

import http.client
import time
from pathlib import Path

import pytest
from hooked import hooks_on, run_in
from server import QUICK, Server, running, wait_for

from simulator.client import Simulator
from web.accepting import STUCK_S

pytestmark = [pytest.mark.serial, pytest.mark.slow, pytest.mark.timeout(300)]

TAKE_NONE = """
import gc, time
from web.accepting import TurningServer
for one in gc.get_objects():
    if isinstance(one, TurningServer):
        one._connections._selector.select = lambda **_: time.sleep(3600)
"""
SILENCE_S = 15.0


def answers(server: Server) -> bool:
    """Whether anybody takes a connection now."""
    try:
        return server.call("GET", "/health/live", timeout_s=2.0).status == 200
    except (OSError, http.client.HTTPException):
        return False


def test_a_web_process_that_takes_no_connections_is_replaced(tmp_path: Path, simulator: Simulator) -> None:
    upstream = simulator.listener()
    with hooks_on(tmp_path / "hooks"), running(tmp_path, **QUICK) as server:
        server.add("a", upstream.url_of("a"))
        before = server.wait_open("a")
        web = server.pid_of("web")
        run_in(server, web, TAKE_NONE)
        began_s = time.monotonic()
        wait_for(lambda: not answers(server), 20, lambda: "its loop has not come round")
        wait_for(lambda: web not in server.processes(), 90, lambda: "it is not ended")
        ended_s = time.monotonic() - began_s
        server.wait_ready()
        print(f"ended after {ended_s:.1f} s, ready again after {time.monotonic() - began_s:.1f} s")
        assert STUCK_S <= ended_s <= STUCK_S + SILENCE_S + 10.0
        after = server.wait_open("a")
        assert (after["pid"], after["restarts"]) == (before["pid"], 0)
        assert upstream.instance("a").dials == 1
        told = (server.data / "serve.out").read_text()
        assert "a thread that takes connections stands still or has ended" in told
        assert "most recent call first" in told, "the stacks say where"
