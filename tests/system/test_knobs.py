"""Knobs of contract §2 do what they say: from the file, the environment, per instance, and after a reload.

How values are read and refused is tested in tests/cli; here a real server has to act on them.
"""

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from server import HOME, TOKEN, Server, running, wait_for
from watching import human_lines, log_events, wait_equal, wait_events

from simulator.client import Listener, Simulator

Knobs = Mapping[str, Mapping[str, Any]]

FILE: Knobs = {
    "retry": {
        "delay_s": 0.2,
        "timeout_delay_s": 0.7,
        "step_s": 0.1,
        "max_s": 0.4,
        "jitter": 0,
        "fast_first_s": 0,
        "stable_after_s": 0.6,
    },
    "breaker": {"failure_threshold": 9, "reset_after_s": 1.5, "window_s": 60},
    "failures": {"high": 2},
    "transport": {"dial_timeout_s": 0.5},
    "supervision": {"heartbeat_s": 0.5},
    "log": {"timezone": "Asia/Jakarta"},
}
# The environment goes before the file.
THRESHOLD = 6


def toml(knobs: Knobs) -> str:
    lines: list[str] = []
    for section, values in knobs.items():
        lines.append(f"[{section}]")
        for key, value in values.items():
            lines.append(f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {str(value).lower()}")
    return "\n".join(lines) + "\n"


@dataclass
class Tuned:
    """A server with a settings file of its own."""

    server: Server
    file: Path
    knobs: dict[str, dict[str, Any]]

    def change(self, section: str, **values: Any) -> Any:
        """Write the file anew and reload; the API's answer."""
        self.knobs.setdefault(section, {}).update(values)
        self.file.write_text(toml(self.knobs))
        answer = self.server.call("POST", "/api/v1/reload")
        assert answer.status == 200, answer.raw
        return answer.data


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tuned]:
    folder = tmp_path_factory.mktemp("knobs")
    file = folder / "own.toml"
    file.write_text(toml(FILE))
    env = {"breaker__failure_threshold": str(THRESHOLD)}
    with running(folder / "data", "--config", str(file), **env) as server:
        yield Tuned(server, file, {section: dict(values) for section, values in FILE.items()})


NUMBERS = itertools.count()
Add = Callable[..., str]


@pytest.fixture
def add(tuned: Tuned, simulator: Simulator) -> Iterator[Add]:
    """A new instance, removed after the test."""
    made: list[str] = []

    def make(upstream: Listener, **config: Any) -> str:
        name = f"n{next(NUMBERS)}"
        tuned.server.add(name, upstream.url_of(name), **config)
        made.append(name)
        return name

    yield make
    for name in made:
        tuned.server.call("DELETE", f"/api/v1/instances/{name}")


def delays(server: Server, name: str) -> list[float]:
    return [one["delay_s"] for one in log_events(server, name, "retry.scheduled")]


# ── retry, breaker, failures: the file, the environment, one instance ────────────────────────────────────────────────


def test_delays_come_from_the_file_and_the_threshold_from_the_environment(
    tuned: Tuned, simulator: Simulator, add: Add
) -> None:
    name = add(simulator.listener(fault="refuse"))
    [opened] = wait_events(tuned.server, name, "breaker.open")
    # delay_s 0.2, growing by step_s 0.1 per attempt up to max_s 0.4; opens at 6 (environment), not at 9 (file).
    assert delays(tuned.server, name) == pytest.approx([0.2, 0.2, 0.3, 0.4, 0.4])
    assert opened["failures"] == THRESHOLD
    [high] = log_events(tuned.server, name, "failures.high")
    assert high["failures"] == 3
    [waiting] = log_events(tuned.server, name, "breaker.waiting")
    assert waiting["reset_after_s"] == 1.5
    wait_events(tuned.server, name, "breaker.half_open")


def test_one_instance_has_its_own(tuned: Tuned, simulator: Simulator, add: Add) -> None:
    overrides = {
        "retry": {"delay_s": 0.25, "step_s": 0},
        "breaker": {"failure_threshold": 4, "reset_after_s": 0.5},
        "failures": {"high": 1},
    }
    name = add(simulator.listener(fault="refuse"), overrides=overrides)
    [opened] = wait_events(tuned.server, name, "breaker.open")[:1]
    assert delays(tuned.server, name) == [0.25] * 3
    assert opened["failures"] == 4
    assert log_events(tuned.server, name, "failures.high")[0]["failures"] == 2
    assert log_events(tuned.server, name, "breaker.waiting")[0]["reset_after_s"] == 0.5


def test_a_timeout_waits_its_own_time(tuned: Tuned, simulator: Simulator, add: Add) -> None:
    name = add(simulator.listener(fault="stall_handshake"))
    wait_events(tuned.server, name, "retry.scheduled")
    assert delays(tuned.server, name)[0] == 0.7


def test_jitter_lengthens_and_never_shortens(tuned: Tuned, simulator: Simulator, add: Add) -> None:
    overrides = {"retry": {"jitter": 1.0, "step_s": 0}, "breaker": {"failure_threshold": 50}}
    name = add(simulator.listener(fault="refuse"), overrides=overrides)
    wait_events(tuned.server, name, "retry.scheduled", 8)
    found = delays(tuned.server, name)
    assert all(0.2 <= delay < 0.4 for delay in found)
    assert len(set(found)) == len(found)


def test_the_first_retry_after_a_stable_connection_is_fast(
    tuned: Tuned, simulator: Simulator, add: Add
) -> None:
    upstream = simulator.listener()
    name = add(upstream, overrides={"retry": {"delay_s": 30, "fast_first_s": 0.2}})
    wait_events(tuned.server, name, "retry.reset")
    upstream.drop("reset")
    wait_events(tuned.server, name, "connection.open", 2)
    assert 0 <= delays(tuned.server, name)[0] < 0.2


def test_only_a_stable_connection_resets_the_attempts(tuned: Tuned, simulator: Simulator, add: Add) -> None:
    upstream = simulator.listener(fault="drop", after_s=0.1)
    name = add(upstream)
    tuned.server.wait_instance(name, lambda one: one["attempts"] == 2)
    upstream.set_fault("none")
    assert tuned.server.wait_open(name)["attempts"] >= 2
    tuned.server.wait_instance(name, lambda one: (one["attempts"], one["recent_failures"]) == (0, 0))


def test_failures_leave_the_window(tuned: Tuned, simulator: Simulator, add: Add) -> None:
    overrides = {"retry": {"delay_s": 600}, "breaker": {"window_s": 1}}
    name = add(simulator.listener(fault="refuse"), overrides=overrides)
    tuned.server.wait_instance(name, lambda one: one["recent_failures"] == 1)
    after = tuned.server.wait_instance(name, lambda one: one["recent_failures"] == 0)
    assert after["attempts"] == 1


def test_other_overrides_of_an_open_link_take_effect_and_leave_it_open(
    tuned: Tuned, simulator: Simulator, add: Add
) -> None:
    upstream = simulator.listener()
    name = add(upstream)
    wait_events(tuned.server, name, "retry.reset")
    changed = {"overrides": {"retry": {"delay_s": 0.35, "step_s": 0}}}
    assert tuned.server.call("PATCH", f"/api/v1/instances/{name}", changed).status == 200
    upstream.drop("reset")
    wait_events(tuned.server, name, "connection.open", 2)
    assert delays(tuned.server, name) == [0.35]
    assert upstream.instance(name).dials == 2


# ── the gate ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_dials_to_one_upstream_are_paced(tuned: Tuned, simulator: Simulator, add: Add) -> None:
    tuned.change("gate", connect_rate=4)
    upstream = simulator.listener()
    names = [add(upstream, desired="disconnected") for _ in range(12)]
    for name in names:
        assert tuned.server.call("POST", f"/api/v1/instances/{name}/connect").status == 200
    seen = upstream.wait_for(lambda stats: stats.sessions_now == len(names), 30)
    # The bucket holds one second's rate: 4 at once and 4 more within the same second.
    assert seen.dials == len(names)
    assert seen.dials_per_s_max <= 8
    dialled = sorted(at for name in names for at in upstream.instance(name).dialled_at)
    assert dialled[-1] - dialled[0] >= (len(names) - 4) / 4 - 0.3
    tuned.change("gate", connect_rate=1000)
    upstream.reset_stats()
    upstream.drop("reset")
    again = upstream.wait_for(lambda stats: stats.sessions_now == len(names), 30)
    assert again.dials == len(names)
    assert again.dials_per_s_max > 6, "the new rate holds for the old upstream"


# ── reload ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_reload_by_post_changes_running_instances_and_says_what_changed(
    tuned: Tuned, simulator: Simulator, add: Add
) -> None:
    upstream = simulator.listener(fault="http", status=500)
    name = add(upstream, overrides={"breaker": {"failure_threshold": 1000}})
    wait_events(tuned.server, name, "retry.scheduled", 2)
    changed = tuned.change("retry", delay_s=0.55)
    assert changed == {"changed": ["retry.delay_s"], "restart_needed": []}
    count = len(delays(tuned.server, name))
    wait_events(tuned.server, name, "retry.scheduled", count + 2)
    assert delays(tuned.server, name)[-1] == 0.55
    assert upstream.instance(name).sessions_max == 0
    assert tuned.change("retry", delay_s=0.2)["changed"] == ["retry.delay_s"]


def test_a_reload_by_sighup_takes_over_and_a_wrong_file_changes_nothing(
    tuned: Tuned, simulator: Simulator, add: Add
) -> None:
    launcher = int((tuned.server.data / "run" / "sambung.pid").read_text())
    good = {**tuned.knobs, "failures": {"high": 1}}
    tuned.file.write_text(toml(good))
    os.kill(launcher, signal.SIGHUP)
    wait_equal(lambda: tuned.server.call("GET", "/api/v1/server").data["settings"]["failures"]["high"], 1)
    name = add(simulator.listener(fault="refuse"))
    assert wait_events(tuned.server, name, "failures.high")[0]["failures"] == 2

    wrong = toml({**tuned.knobs, "failures": {"high": 0}})
    tuned.file.write_text(wrong)
    line = wrong.splitlines().index("high = 0") + 1
    told = f"{tuned.file}:{line}: failures.high: must be an integer from 1 to 10000 (got 0)"
    os.kill(launcher, signal.SIGHUP)
    wait_for(
        lambda: any(told in one["text"] for one in human_lines(tuned.server)),
        10,
        lambda: f"not in the log: {told}",
    )
    refused = tuned.server.call("POST", "/api/v1/reload")
    assert refused.status == 422
    [detail] = refused.body["details"]
    assert f"{detail['field']}: {detail['message']}" == told
    assert tuned.server.call("GET", "/api/v1/server").data["settings"]["failures"]["high"] == 1
    tuned.change("failures", high=2)


def test_a_shorter_open_time_counts_for_a_breaker_that_is_open_already(
    tuned: Tuned, simulator: Simulator, add: Add
) -> None:
    tuned.change("breaker", reset_after_s=3600)
    upstream = simulator.listener(fault="refuse")
    name = add(upstream, overrides={"breaker": {"failure_threshold": 1}})
    tuned.server.wait_instance(name, lambda one: one["breaker_state"] == "open")
    upstream.set_fault("none")
    tuned.change("breaker", reset_after_s=1.5)
    tuned.server.wait_open(name)


def test_the_time_zone_of_the_log_changes_in_every_process(
    tuned: Tuned, simulator: Simulator, add: Add
) -> None:
    upstream = simulator.listener()
    name = add(upstream)
    wait_events(tuned.server, name, "retry.reset")
    assert {one["at"][-6:] for one in human_lines(tuned.server)} == {"+07:00"}
    tuned.change("log", timezone="Asia/Jayapura")
    upstream.drop("reset")
    wait_events(tuned.server, name, "connection.open", 2)
    assert human_lines(tuned.server, name)[-1]["at"].endswith("+09:00")
    tuned.change("log", timezone="Asia/Jakarta")


def test_deadlines_of_the_transport_change_with_the_next_dial(
    tuned: Tuned, simulator: Simulator, add: Add
) -> None:
    upstream = simulator.listener(fault="stall_handshake")
    name = add(upstream, overrides={"breaker": {"failure_threshold": 1000}})
    wait_events(tuned.server, name, "socket.error")
    tuned.change("transport", dial_timeout_s=1.5)
    count = len(log_events(tuned.server, name, "socket.error"))
    wait_events(tuned.server, name, "socket.error", count + 2)
    socket = upstream.instance(name).sockets[count + 1]
    assert socket.closed_at is not None
    assert socket.closed_at - socket.dialled_at >= 1.4
    tuned.change("transport", dial_timeout_s=0.5)


def test_one_instance_more_than_the_limit_is_refused_until_the_limit_is_raised(
    tuned: Tuned, simulator: Simulator, add: Add
) -> None:
    upstream = simulator.listener()
    add(upstream)
    count = tuned.server.call("GET", "/health").data["registered_instances"]
    tuned.change("limits", max_instances=count)
    body = {"id": "toomany", "link": "websocket", "url": upstream.url_of("toomany")}
    refused = tuned.server.call("POST", "/api/v1/instances", body)
    assert (refused.status, refused.body["code"]) == (409, "limit_reached")
    assert f"{count} instances exist already (limits.max_instances)" in refused.body["message"]
    tuned.change("limits", max_instances=200)
    assert tuned.server.call("POST", "/api/v1/instances", body).status == 201
    assert tuned.server.call("DELETE", "/api/v1/instances/toomany").status == 200


def test_a_disk_that_is_too_full_turns_readiness_off_and_refuses_sends(
    tuned: Tuned, simulator: Simulator, add: Add
) -> None:
    """No disk is filled: the limit is raised above what is free, the most that can be set."""
    free = os.statvfs(tuned.server.data)
    if free.f_bavail / free.f_blocks > 0.89:
        pytest.skip("the disk is almost empty: no limit that can be set is above what is free")
    name = add(simulator.listener())
    path, body = f"/api/v1/instances/{name}/messages", {"content": {"n": 1}}
    tuned.server.wait_open(name)
    assert tuned.server.call("POST", path, body).status == 202
    tuned.change("storage", min_free_percent=90)
    refused = tuned.server.call("POST", path, body)
    assert (refused.status, refused.body["code"]) == (503, "storage_low")
    assert "storage.min_free_percent" in refused.body["message"]
    wait_equal(lambda: tuned.server.call("GET", "/health/ready").status, 503)
    tuned.change("storage", min_free_percent=0)
    wait_equal(lambda: tuned.server.call("POST", path, body).status, 202)
    wait_equal(tuned.server.ready, True)


def test_who_may_ask_changes_at_once(tuned: Tuned) -> None:
    by_query = f"/api/v1/instances?access_token={TOKEN}"
    assert tuned.server.call("GET", by_query, token=None).status == 200
    tuned.change("auth", query_token=False)
    assert tuned.server.call("GET", by_query, token=None).status == 401
    assert tuned.server.call("GET", "/health", token=None).status == 200
    tuned.change("health", public=False)
    assert tuned.server.call("GET", "/health", token=None).status == 401
    assert tuned.server.call("GET", "/health").status == 200
    tuned.change("auth", query_token=True)
    tuned.change("health", public=True)


def test_more_waiting_messages_than_allowed_are_refused(tuned: Tuned, simulator: Simulator, add: Add) -> None:
    tuned.change("outbox", max_messages=2)
    name = add(simulator.listener(), desired="disconnected")
    path = f"/api/v1/instances/{name}/messages"
    answers = [tuned.server.call("POST", path, {"content": {"n": n}}).status for n in range(3)]
    assert answers == [202, 202, 429]
    tuned.change("outbox", max_messages=1000)


def test_the_journal_keeps_to_its_size_at_each_sweep(tuned: Tuned, simulator: Simulator, add: Add) -> None:
    upstream = simulator.listener()
    name = add(upstream)
    tuned.server.wait_open(name)
    for number in range(40):
        upstream.send({"n": number, "filler": "x" * 50_000})
    path = f"/api/v1/instances/{name}/events?kind=message.received&limit=1"

    def total() -> int:
        return int(tuned.server.call("GET", path).body["page"]["total"])

    wait_equal(total, 40, 20)
    assert tuned.change("events", max_mb=1)["changed"] == ["events.max_mb"]
    # The next sweep would be in ten minutes.
    assert tuned.change("cleanup", interval_s=1)["changed"] == ["cleanup.interval_s"]
    wait_for(lambda: 0 < total() < 25, 20, lambda: f"{total()} events are left")
    tuned.change("events", max_mb=1024)


# ── wrong values ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "env", "told"),
    [
        (
            "[retry]\n\ndelay_s = -1\n",
            {},
            "{file}:3: retry.delay_s: must be a number from 0 to 3600 (got -1)",
        ),
        (
            "[breaker]\nfailure_threshold = '10'\n",
            {},
            "{file}:2: breaker.failure_threshold: must be an integer from 1 to 10000 (got '10')",
        ),
        (
            "[gate]\nconect_rate = 5\n",
            {},
            "{file}:2: gate.conect_rate: unknown knob (did you mean connect_rate?",
        ),
        ("[gates]\n", {}, "{file}:1: gates: unknown section (did you mean gate?"),
        ("[retry\n", {}, "{file}: not TOML: "),
        (
            "",
            {"SAMBUNG_LIMITS__MAX_INSTANCES": "many"},
            "environment: SAMBUNG_LIMITS__MAX_INSTANCES: limits.max_instances: "
            "must be an integer from 1 to 5000 (got 'many')",
        ),
        (
            "[log]\ntimezone = 'Asia/Atlantis'\n",
            {},
            "{file}:2: log.timezone: must be 'local' or a time zone such as Asia/Jakarta (got 'Asia/Atlantis')",
        ),
        (
            "[gate]\nprobe_min_s = 20\nprobe_max_s = 10\n",
            {},
            "{file}:2: gate.probe_min_s: must be at most gate.probe_max_s = 10 (got 20)",
        ),
    ],
    ids=["range", "type", "unknown knob", "unknown section", "syntax", "environment", "zone", "pair"],
)
def test_a_wrong_value_stops_the_start_and_says_where(
    tmp_path: Path, text: str, env: dict[str, str], told: str
) -> None:
    file = tmp_path / "own.toml"
    file.write_text(text)
    done = subprocess.run(
        [
            sys.executable,
            str(HOME / "run.py"),
            "serve",
            "--data",
            str(tmp_path / "data"),
            "--config",
            str(file),
        ],
        env={**os.environ, "SAMBUNG_NO_BOOTSTRAP": "1", "SAMBUNG_HTTP__PORT": "0", **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert told.format(file=file) in done.stderr
    assert not (tmp_path / "data" / "run" / "actors.json").exists()
