"""What holds in every row of the fault matrix: the others are undisturbed, one session at most, nothing leaks."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
from server import Server, running, wait_for
from watching import at_s, log_events, open_fds, tcp_to, wait_events

from simulator.client import Listener, Simulator

# Retries that a test can wait for; every deadline of transport and breaker is the default.
SETTINGS: dict[str, str] = {
    "retry__delay_s": "0.5",
    "retry__timeout_delay_s": "1",
    "retry__step_s": "0.1",
    "retry__max_s": "1",
    "retry__fast_first_s": "0.5",
    "retry__stable_after_s": "1",
    "breaker__failure_threshold": "1000",
}
OTHERS = ("steady1", "steady2", "steady3")
# Connections between actors come and go; what leaks grows with every row.
SLACK_FDS = 4
SAME = ("pid", "link_state", "breaker_state", "attempts", "recent_failures", "restarts")


@dataclass
class House:
    """A server with three instances that nothing may disturb."""

    server: Server
    upstream: Listener
    baseline: dict[str, int] = field(default_factory=dict)

    def settle(self) -> None:
        for name in OTHERS:
            self.server.add(name, self.upstream.url_of(name), ack_field="id")
        for name in OTHERS:
            self.server.wait_instance(
                name, lambda one: one["link_state"] == "open" and one["availability"] is not None, 40
            )
            wait_events(self.server, name, "retry.reset")
        self.baseline = self.fds()

    def others(self) -> dict[str, Any]:
        """What must not change."""
        found: dict[str, Any] = {}
        for name in OTHERS:
            seen, shown = self.upstream.instance(name), self.server.instance(name)
            found[name] = {key: shown[key] for key in SAME} | {
                "since_s": at_s(shown["since"]),
                "dials": seen.dials,
                "sessions": (seen.sessions_now, seen.sessions_max, seen.stale_frames),
            }
        return found

    def fds(self) -> dict[str, int]:
        """Descriptors of the others and of every process above them, by title."""
        ours, found = {f"instance {name}" for name in OTHERS}, {}
        for pid, title in self.server.processes().items():
            part = title.strip().removeprefix("sambung: ")
            if part in ours or not part.startswith("instance "):
                with contextlib.suppress(FileNotFoundError):
                    found[part] = len(open_fds(pid))
        return found

    def group_of(self, name: str) -> int:
        """The pid of the group that an instance is in."""
        return psutil.Process(self.server.instance(name)["pid"]).ppid()

    def has_leaked(self) -> bool:
        """More descriptors than at the start of all rows, or another set of processes."""
        now = self.fds()
        return now.keys() != self.baseline.keys() or any(
            count > self.baseline[part] + SLACK_FDS for part, count in now.items()
        )

    @contextlib.contextmanager
    def undisturbed(self) -> Iterator[None]:
        """The others' links, processes and descriptors are the same afterwards, and they still hear every event."""
        before = self.others()
        yield
        after = self.others()
        for name in OTHERS:
            # Monotonic time shown as wall time: the last digits wander.
            expected = before[name] | {"since_s": pytest.approx(before[name]["since_s"], abs=0.5)}
            assert after[name] == expected
        wait_for(lambda: not self.has_leaked(), 15, lambda: f"descriptors: {self.baseline}, now {self.fds()}")
        sent = {name: self.upstream.instance(name).acknowledged for name in OTHERS}
        self.upstream.push(instances=OTHERS, count=2, rate_per_s=50).wait(10)
        for name in OTHERS:
            self.upstream.wait_instance(name, lambda seen, n=sent[name]: seen.acknowledged == n + 2, 10)  # type: ignore[misc]

    def tell(self, row: str, **seconds: float) -> None:
        """Print a row's figures; `pytest -rP` shows them, docs/reliability.md holds the last ones."""
        print(f"{row}: " + ", ".join(f"{name} {value:.2f}" for name, value in seconds.items()))


@contextlib.contextmanager
def housed(
    data: Path, simulator: Simulator, within: tuple[str, ...] = (), **settings: str
) -> Iterator[House]:
    """A house for a row that needs a server of its own; `within`, `settings`: as for `running`."""
    with running(data, within=within, **(SETTINGS | settings)) as server:
        one = House(server, simulator.listener())
        one.settle()
        yield one


Admit = Callable[..., "Patient"]
"""Makes an instance for one test: `admit(listener, **config)`."""


@dataclass
class Patient:
    """The instance that a row happens to. `proxy_port`: where it dials when not straight to its upstream."""

    house: House
    name: str
    upstream: Listener
    fds: int = 0
    proxy_port: int | None = None

    @property
    def server(self) -> Server:
        return self.house.server

    def open(self, deadline_s: float = 30.0) -> "Patient":
        """Wait until its link is open; remember how many descriptors it has then."""
        pid = self.server.wait_open(self.name, deadline_s)["pid"]
        self.fds = self.fds or self.quiet_fds(pid)
        return self

    def quiet_fds(self, pid: int) -> int:
        """The number of its descriptors, once two looks agree: a dial's own ones go a moment after it."""
        last = [-1]

        def same() -> bool:
            before, last[0] = last[0], len(open_fds(pid))
            time.sleep(0.1)
            return before == last[0]

        wait_for(same, 10, lambda: "its descriptors do not settle")
        return last[0]

    def events(self, event: str | None = None) -> list[dict[str, Any]]:
        return log_events(self.server, self.name, event)

    def error_after(self, moment_s: float, deadline_s: float) -> dict[str, Any]:
        """The first socket.error after a moment (epoch seconds)."""
        found: list[dict[str, Any]] = []

        def seen() -> bool:
            found[:] = [one for one in self.events("socket.error") if at_s(one["time"]) >= moment_s - 0.001]
            return bool(found)

        wait_for(seen, deadline_s, lambda: f"{self.name} noticed nothing: {self.events()[-3:]}")
        return found[0]

    def opened_after(self, moment_s: float, deadline_s: float) -> float:
        """Seconds from a moment to the next open link."""
        found: list[float] = []

        def seen() -> bool:
            times = [at_s(one["time"]) for one in self.events("connection.open")]
            found[:] = [one for one in times if one >= moment_s]
            return bool(found)

        wait_for(seen, deadline_s, lambda: f"{self.name} is not back: {self.events()[-3:]}")
        return found[0] - moment_s

    def assert_whole(self) -> None:
        """Back as before: open, one socket, as many descriptors; never two sessions, no frame of an old one."""
        one = self.server.wait_open(self.name)
        wait_for(
            lambda: tcp_to(one["pid"], self.proxy_port or self.upstream.port) == 1,
            10,
            lambda: f"sockets: {open_fds(one['pid'])}",
        )
        wait_for(
            lambda: self.quiet_fds(one["pid"]) <= self.fds + SLACK_FDS,
            15,
            lambda: f"leaked: {open_fds(one['pid'])}",
        )
        seen = self.upstream.instance(self.name)
        assert (seen.sessions_max, seen.open_max, seen.stale_frames, seen.violations) == (1, 1, 0, 0)
        assert one["restarts"] == 0
        assert all(event["kind"] != "bug" for event in self.events("socket.error"))


def crashes(patient: Patient) -> list[dict[str, Any]]:
    """Its crash records, newest first."""
    return list(patient.server.call("GET", f"/api/v1/instances/{patient.name}/crashes").data)


def received(patient: Patient) -> list[int]:
    """The numbers of the upstream's events in the journal, in its order."""
    found: list[int] = []
    after = ""
    while True:
        path = f"/api/v1/instances/{patient.name}/events?limit=500{after}"
        answer = patient.server.call("GET", path)
        assert answer.status == 200, answer.raw
        found += [
            event["data"]["content"]["id"] for event in answer.data if event["kind"] == "message.received"
        ]
        cursor = answer.body["page"]["next"]
        if cursor is None:
            return found
        after = f"&after={cursor}"
