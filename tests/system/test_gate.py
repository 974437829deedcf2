"""The upstream gate with real processes: an outage costs canaries, its end brings all back at the bucket's rate."""

import time
from pathlib import Path

import pytest
from server import Server, running, wait_for
from watching import log_events

from core.upstream import REASONS, WINDOW_S, GateState
from simulator.client import Listener, Simulator

COUNT = 24
IDS = [f"g{number}" for number in range(COUNT)]
HEALTHY, SICK = ("h1", "h2", "h3"), ("s1", "s2", "s3")
PACED = {
    "retry__delay_s": "0.5",
    "retry__step_s": "0.1",
    "retry__fast_first_s": "0.5",
    "retry__stable_after_s": "2",
    "gate__connect_rate": "5",
    "gate__probe_min_s": "1",
    "gate__probe_max_s": "3",
}


def gate(server: Server, upstream: Listener) -> dict[str, object]:
    """What /health says of this upstream."""
    shown = server.call("GET", "/health").data["upstreams"]
    return next((one for one in shown if f":{upstream.port} " in one["upstream"]), {})


def test_an_upstream_is_listed_as_long_as_an_instance_uses_it(tmp_path: Path, simulator: Simulator) -> None:
    first, second = simulator.listener(), simulator.listener()
    with running(tmp_path, **PACED) as server:
        server.add("moves", first.url)
        server.wait_open("moves")
        assert gate(server, first)["state"] == "up"
        assert server.call("PATCH", "/api/v1/instances/moves", {"url": second.url}).status == 200
        wait_for(lambda: gate(server, second), 20, lambda: "the new upstream is not listed")
        wait_for(lambda: not gate(server, first), 5, lambda: "the old upstream is still listed")
        assert server.call("DELETE", "/api/v1/instances/moves").status == 200
        wait_for(
            lambda: not gate(server, second), 10, lambda: "the deleted instance's upstream is still listed"
        )


def events(server: Server, instance_id: str) -> list[tuple[str, str | None]]:
    """What applications are told of an instance: kind and cause."""
    page = server.call("GET", f"/api/v1/instances/{instance_id}/events?limit=500").data
    return [(one["kind"], one["data"].get("cause")) for one in page]


@pytest.mark.serial
def test_an_outage_costs_canaries_and_its_end_brings_all_back_at_the_rate(
    tmp_path: Path, simulator: Simulator
) -> None:
    upstream = simulator.listener()
    with running(tmp_path, **PACED) as server:
        for one in IDS:
            server.add(one, f"{upstream.url}/ws/{one}", overrides={"breaker": {"failure_threshold": 3}})
        for one in IDS:
            server.wait_open(one, 60)
        upstream.set_fault("refuse", counted=True, drop_open=True)
        wait_for(
            lambda: gate(server, upstream).get("state") == "down", 30, lambda: str(gate(server, upstream))
        )
        before, began = upstream.totals().dials, time.monotonic()
        time.sleep(10.0)  # the outage
        canaries = upstream.totals().dials - before
        assert 1 <= canaries <= 2 + (time.monotonic() - began) / 1.0, "canaries only"
        upstream.reset_stats()
        upstream.clear_fault()
        healed = time.monotonic()
        for one in IDS:
            server.wait_open(one, 40)
        assert time.monotonic() - healed <= 1.2 * COUNT / 5 + 10
        assert upstream.totals().dials_per_s_max <= 5 + 5 + 1, "the rate, a burst's worth, and the canary"
        wait_for(lambda: gate(server, upstream).get("state") == "up", 20, lambda: str(gate(server, upstream)))
        seen = server.instance(IDS[0])
        assert seen["outage_s"] > 5, "the outage is counted beside the availability"
        assert 0 < seen["availability"] < 1
        assert seen["availability_24h"] == pytest.approx(seen["availability"], abs=0.05)
        causes = [entry["cause"] or "" for entry in server.timeline(IDS[0])]
        assert any("upstream" in cause for cause in causes), causes
        states = [one["state"] for one in log_events(server, None, "upstream")]
        assert states == ["down", "recovering", "up"]
        told = {cause for one in IDS for kind, cause in events(server, one) if kind == "link.held"}
        assert {REASONS[GateState.DOWN], REASONS[GateState.RECOVERING]} <= told
        assert "link.upstream_recovered" in {kind for one in IDS for kind, _ in events(server, one)}


def sick_ones_dial(server: Server, upstream: Listener) -> set[str]:
    """Three instances whose every dial is refused fail again and again; the states that the gate shows meanwhile."""
    seen: set[str] = set()

    def tried(instance: dict[str, int]) -> bool:
        seen.add(str(gate(server, upstream)["state"]))
        return instance["attempts"] >= 4

    for one in SICK:
        upstream.set_fault("refuse", instance=one)
        server.add(one, upstream.url_of(one))
    for one in SICK:
        server.wait_instance(one, tried, 30)
    return seen


def test_three_sick_instances_beside_links_that_are_heard_leave_the_gate_open(
    tmp_path: Path, simulator: Simulator
) -> None:
    upstream = simulator.listener()
    with running(tmp_path, **PACED, transport__ping_interval_s="2", supervision__heartbeat_s="1") as server:
        for one in HEALTHY:
            server.add(one, upstream.url_of(one))
        for one in HEALTHY:
            server.wait_open(one)
        time.sleep(WINDOW_S + 0.5)  # their dials say nothing any more: only their frames do
        assert sick_ones_dial(server, upstream) == {"up"}
        server.add("late", upstream.url_of("late"))
        server.wait_open("late", 10)


def test_three_sick_instances_beside_dials_that_succeeded_leave_the_gate_open(
    tmp_path: Path, simulator: Simulator
) -> None:
    upstream = simulator.listener()
    with running(tmp_path, **PACED) as server:
        for one in HEALTHY:
            server.add(one, upstream.url_of(one))
        for one in HEALTHY:
            server.wait_open(one)
            server.call("POST", f"/api/v1/instances/{one}/disconnect")
        for one in HEALTHY:
            server.wait_instance(one, lambda i: i["link_state"] == "idle")
        assert sick_ones_dial(server, upstream) == {"up"}, "no link is open, but some were a moment ago"


def test_a_dead_proxy_convicts_only_its_own_egress(tmp_path: Path, simulator: Simulator) -> None:
    upstream, proxy = simulator.listener(), simulator.proxy()
    dead = f"http://127.0.0.1:{proxy.port}"
    proxy.close()
    with running(tmp_path, **PACED) as server:
        for one in ("p1", "p2", "p3", "p4"):
            server.add(one, f"{upstream.url}/ws/{one}", proxy=dead)

        def states() -> dict[str, str]:
            return {one["upstream"]: one["state"] for one in server.call("GET", "/health").data["upstreams"]}

        wait_for(lambda: "down" in states().values(), 30, lambda: str(states()))
        server.add("direct", f"{upstream.url}/ws/direct")
        server.wait_open("direct", 10)
        assert sorted(states().values()) == ["down", "up"]


def test_an_upstream_that_returns_is_noticed_although_every_breaker_is_open(
    tmp_path: Path, simulator: Simulator
) -> None:
    upstream = simulator.listener()
    upstream.set_fault("refuse")
    ids = [f"b{number}" for number in range(4)]
    with running(tmp_path, **{**PACED, "breaker__reset_after_s": "600"}) as server:
        for one in ids:
            # One failure opens it, so that all are open by the time that the gate is sure.
            server.add(one, f"{upstream.url}/ws/{one}", overrides={"breaker": {"failure_threshold": 1}})
        for one in ids:
            server.wait_instance(one, lambda i: i["breaker_state"] == "open", 20)
        wait_for(
            lambda: gate(server, upstream).get("state") == "down", 20, lambda: str(gate(server, upstream))
        )
        upstream.clear_fault()
        for one in ids:
            server.wait_open(one, 20)
        wait_for(
            lambda: {"link.summoned"} <= {kind for one in ids for kind, _ in events(server, one)}, 5, str
        )
