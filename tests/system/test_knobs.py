"""The knobs of conf/sambung.toml do what they say: from the file, the environment, and for one instance.

How values are read and refused is tested in tests/cli; here a real server has to act on them.
"""

from collections.abc import Iterator

import pytest
from tuned import THRESHOLD, Add, Tuned, tuned_server
from watching import log_events, wait_events

from simulator.client import Simulator


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tuned]:
    with tuned_server(tmp_path_factory.mktemp("knobs")) as one:
        yield one


@pytest.fixture
def add(tuned: Tuned) -> Iterator[Add]:
    with tuned.adding() as make:
        yield make


# ── retry, breaker, failures: the file, the environment, one instance ────────────────────────────────────────────────


def test_delays_come_from_the_file_and_the_threshold_from_the_environment(
    tuned: Tuned, simulator: Simulator, add: Add
) -> None:
    name = add(simulator.listener(fault="refuse"))
    [opened] = wait_events(tuned.server, name, "breaker.open")
    # delay_s 0.2, growing by step_s 0.1 per attempt up to max_s 0.4; opens at 6 (environment), not at 9 (file).
    assert tuned.delays(name) == pytest.approx([0.2, 0.2, 0.3, 0.4, 0.4])
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
    assert tuned.delays(name) == [0.25] * 3
    assert opened["failures"] == 4
    assert log_events(tuned.server, name, "failures.high")[0]["failures"] == 2
    assert log_events(tuned.server, name, "breaker.waiting")[0]["reset_after_s"] == 0.5


def test_a_timeout_waits_its_own_time(tuned: Tuned, simulator: Simulator, add: Add) -> None:
    name = add(simulator.listener(fault="stall_handshake"))
    wait_events(tuned.server, name, "retry.scheduled")
    assert tuned.delays(name)[0] == 0.7


def test_jitter_lengthens_and_never_shortens(tuned: Tuned, simulator: Simulator, add: Add) -> None:
    overrides = {"retry": {"jitter": 1.0, "step_s": 0}, "breaker": {"failure_threshold": 50}}
    name = add(simulator.listener(fault="refuse"), overrides=overrides)
    wait_events(tuned.server, name, "retry.scheduled", 8)
    found = tuned.delays(name)
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
    assert 0 <= tuned.delays(name)[0] < 0.2


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
    assert tuned.delays(name) == [0.35]
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
