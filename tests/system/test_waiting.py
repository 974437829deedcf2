"""What an upstream asked to wait is waited, whatever happens to the process that was asked."""

from typing import Any

from server import Server

from simulator.client import Simulator

ASKED_S = 120


def waits(one: Any) -> bool:
    """Waiting, in a process that lives."""
    return one["link_state"] == "waiting" and one["next_retry_in_s"] is not None and one["pid"] is not None


def test_a_retry_after_outlasts_kills_and_restarts(server: Server, simulator: Simulator) -> None:
    upstream = simulator.listener("http", status=429, retry_after_s=ASKED_S)
    server.add("patient", upstream.url_of("patient"))
    first = pid = server.wait_instance("patient", waits)["pid"]
    for end in ("kill", "restart"):
        if end == "kill":
            server.kill(pid)
        else:
            assert server.call("POST", "/api/v1/instances/patient/restart").status == 200
        back = server.wait_instance("patient", lambda one, old=pid: waits(one) and one["pid"] != old)
        pid = back["pid"]
        assert (back["reason"], back["attempts"]) == ("the server asks to wait (HTTP 429)", 1)
        assert ASKED_S - 60 < back["next_retry_in_s"] < ASKED_S
    assert pid != first
    assert upstream.instance("patient").dials == 1
    # The operator may ask for less patience.
    upstream.clear_fault()
    assert server.call("POST", "/force-retry/patient").status == 200
    server.wait_open("patient")
