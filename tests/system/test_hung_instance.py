"""An instance that hangs and a crowd that asks it: everybody else is served meanwhile."""

import contextlib
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from server import Answer, Server

from simulator.client import Simulator

pytestmark = pytest.mark.serial

CROWD = 24
PROMPT_S = 1.0  # without the lanes: up to 5 s for each twelve of the crowd
MESSAGES = "/api/v1/instances/{}/messages"


@contextlib.contextmanager
def stopped(server: Server, name: str) -> Iterator[None]:
    pid = server.wait_open(name)["pid"]
    server.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def test_a_crowd_at_a_stopped_instance_keeps_nobody_else_out(server: Server, simulator: Simulator) -> None:
    upstream = simulator.listener()
    for name in ("stuck", "well"):
        server.add(name, upstream.url_of(name))
        server.wait_open(name)
    with stopped(server, "stuck"), ThreadPoolExecutor(CROWD) as pool:
        crowd = [
            pool.submit(server.call, "POST", MESSAGES.format("stuck"), {"content": n}) for n in range(CROWD)
        ]
        longest_s = 0.0
        while not all(one.done() for one in crowd):
            asked_s = time.monotonic()
            assert server.call("GET", "/health/live").status == 200
            assert server.call("POST", MESSAGES.format("well"), {"content": 1}).status == 202
            longest_s = max(longest_s, time.monotonic() - asked_s)
            time.sleep(0.02)  # a fast machine would fill the outbox within the five seconds
        answers = [one.result() for one in crowd]
    print(f"longest: {longest_s:.3f} s, {Counter(one.body['code'] for one in answers)}")
    assert longest_s < PROMPT_S
    assert {one.status for one in answers} == {503}
    assert Counter(one.body["code"] for one in answers) == {"timeout": 2, "busy": CROWD - 2}
    assert all(retry_after_s(one) > 0 for one in answers if one.body["code"] == "busy")


def retry_after_s(answer: Answer) -> int:
    return int(answer.headers["Retry-After"])
