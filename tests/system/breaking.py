"""Instances whose breaker opens soon, for the tests of the breaker: short knobs, an upstream that fails on purpose."""

import contextlib
import itertools
from collections.abc import Callable, Iterator
from typing import Any

from server import QUICK, Server
from watching import wait_events

from simulator.client import Listener, Simulator

DELAY_S, TIMEOUT_DELAY_S, STABLE_AFTER_S = 0.3, 0.8, 1.0
RESET_AFTER_S, PROBE_TIMEOUT_S, DIAL_TIMEOUT_S = 1.5, 1.0, 0.5
THRESHOLD = 3
SETTINGS: dict[str, str] = {
    **QUICK,
    "retry__delay_s": str(DELAY_S),
    "retry__timeout_delay_s": str(TIMEOUT_DELAY_S),
    "retry__step_s": "0",
    "retry__jitter": "0",
    "retry__fast_first_s": "0",
    "retry__stable_after_s": str(STABLE_AFTER_S),
    "breaker__failure_threshold": str(THRESHOLD),
    "breaker__reset_after_s": str(RESET_AFTER_S),
    "breaker__probe_timeout_s": str(PROBE_TIMEOUT_S),
    "transport__dial_timeout_s": str(DIAL_TIMEOUT_S),
}
# An upstream that never answers a login, and an instance that waits for the answer.
MUTE: dict[str, Any] = {"replies": [], "login_required": True}
LOGIN: dict[str, Any] = {"hello": [{"type": "login"}], "login": {"accept": {"type": "welcome"}}}
# How late a machine that is busy with other things may be; never how early.
LATE_S = 3.0
EARLY_S = 0.01

Start = Callable[..., tuple[str, Listener]]
NUMBERS = itertools.count()


@contextlib.contextmanager
def starting(server: Server, simulator: Simulator) -> Iterator[Start]:
    """Makes instances with an upstream of their own, which answers HTTP 500 unless another fault is named.

    Both are gone at the end. `breaker`, `retry`: overrides; `login`: see above.
    """
    made: list[tuple[str, Listener]] = []

    def start(
        fault: str = "http", /, breaker: Any = None, retry: Any = None, login: bool = False, **parameters: Any
    ) -> tuple[str, Listener]:
        if fault == "http":
            parameters.setdefault("status", 500)
        upstream = simulator.listener(fault, behaviour=MUTE if login else {}, **parameters)
        name = f"b{next(NUMBERS)}"
        overrides = {"breaker": breaker or {}, "retry": retry or {}}
        server.add(name, upstream.url_of(name), overrides=overrides, **(LOGIN if login else {}))
        made.append((name, upstream))
        return made[-1]

    yield start
    for name, upstream in made:
        server.call("DELETE", f"/api/v1/instances/{name}")
        upstream.close()


def tripped(server: Server, name: str, times: int = 1) -> dict[str, Any]:
    """The log event of the n-th time that the breaker opened."""
    return wait_events(server, name, "breaker.open", times)[times - 1]


def assert_after(later_s: float, earlier_s: float, wait_s: float) -> None:
    """`later` came `wait_s` after `earlier`: not before, and not much later."""
    assert wait_s - EARLY_S <= later_s - earlier_s <= wait_s + LATE_S
