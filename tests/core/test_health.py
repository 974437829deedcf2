"""The fleet in numbers: the score of the contract, and who counts where."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.availability import Span
from core.health import FleetCounts, count, disk_low, score
from core.instances import InstanceConfig
from core.snapshot import InstanceSnapshot


def one(desired: str = "connected", link_state: str = "open", **more: object) -> InstanceSnapshot:
    return InstanceSnapshot("x", 0.0, InstanceConfig(), desired, link_state=link_state, **more)  # type: ignore[arg-type]


UP = one()
DOWN = one(link_state="waiting")
TRIPPED = one(link_state="waiting", breaker_state="open")
PROBING = one(link_state="dialling", breaker_state="half_open")
PROBED = one(breaker_state="half_open")
PARKED = one(link_state="parked")
QUARANTINED = one(link_state="quarantined")
IDLE = one("disconnected", "idle")
NEVER_LINKED = one(link_state="parked", linked=False, attempts=5, recent_failures=5, run=Span(100.0))


@pytest.mark.parametrize(
    ("total", "active", "open_", "expected"),
    [(5, 4, 1, 85), (5, 4, 0, 92), (2, 0, 2, 70), (16, 13, 0, 93), (0, 0, 0, 100)],
    ids=["one breaker", "one down", "all tripped", "rounds half up", "empty"],
)
def test_the_score_of_the_contract(total: int, active: int, open_: int, expected: int) -> None:
    fleet = [UP] * active + [TRIPPED] * open_ + [DOWN] * (total - active - open_)
    counts = count(fleet)
    assert (counts.total, counts.active, counts.open) == (total, active, open_)
    assert score(counts.total, counts.open, counts.down) == expected


def test_many_tripped_breakers_end_at_zero() -> None:
    assert score(20, 20, 0) == 0


def test_an_empty_fleet() -> None:
    assert count([]) == FleetCounts()


@pytest.mark.parametrize(
    ("instance", "expected"),
    [
        (UP, FleetCounts(1, total=1, active=1)),
        (DOWN, FleetCounts(1, total=1, down=1)),
        (TRIPPED, FleetCounts(1, total=1, open=1)),
        (PROBING, FleetCounts(1, total=1, open=1, connecting=1)),
        (PROBED, FleetCounts(1, total=1, active=1, open=1)),
        (PARKED, FleetCounts(1, total=1, down=1, parked=1)),
        (QUARANTINED, FleetCounts(1, total=1, down=1, parked=1)),
        (IDLE, FleetCounts(1)),
        (one("disconnected", "waiting", breaker_state="open"), FleetCounts(1)),
        (one("disconnected", "parked"), FleetCounts(1, parked=1)),
        (one("disconnected", "authenticating"), FleetCounts(1, connecting=1)),
        (NEVER_LINKED, FleetCounts(1, awaiting_link=1)),
        (one("disconnected", "idle", linked=False), FleetCounts(1)),
    ],
    ids=[
        *(
            "up",
            "down",
            "tripped",
            "probing",
            "probed",
            "parked",
            "quarantined",
            "idle",
            "unwanted and tripped",
        ),
        *("unwanted and parked", "unwanted and still connecting", "never linked", "never linked nor wanted"),
    ],
)
def test_each_instance_counts_where_the_contract_says(
    instance: InstanceSnapshot, expected: FleetCounts
) -> None:
    assert count([instance]) == expected


def test_attempts_and_failures_are_summed() -> None:
    fleet = [one(attempts=2, recent_failures=3), one(attempts=1, recent_failures=4), NEVER_LINKED]
    counts = count(fleet)
    assert (counts.retry_attempts, counts.recent_failures) == (3, 7)


def test_availability_is_connected_by_wanted_seconds() -> None:
    fleet = [one(run=Span(100.0, 90.0)), one(run=Span(100.0)), NEVER_LINKED]
    assert count(fleet).availability == 0.45


def test_outages_of_upstreams_are_summed_in_each_window() -> None:
    fleet = [
        one(run=Span(9.0, 0.0, 1.0), day=Span(99.0, 0.0, 10.0), month=Span(999.0, 0.0, 100.0)),
        one(
            "disconnected",
            "idle",
            run=Span(9.0, 0.0, 2.0),
            day=Span(99.0, 0.0, 20.0),
            month=Span(999.0, 0.0, 200.0),
        ),
        one(linked=False, run=Span(9.0, 0.0, 4.0)),
    ]
    counts = count(fleet)
    assert (counts.outage_s, counts.outage_24h_s, counts.outage_30d_s) == (3.0, 30.0, 300.0)


@given(
    st.lists(
        st.builds(
            one,
            st.sampled_from(["connected", "disconnected"]),
            st.sampled_from(
                ["idle", "waiting", "dialling", "authenticating", "open", "closing", "parked", "quarantined"]
            ),
            breaker_state=st.sampled_from(["closed", "open", "half_open"]),
            linked=st.booleans(),
        ),
        max_size=30,
    )
)
def test_the_score_is_a_percentage_of_any_fleet(fleet: list[InstanceSnapshot]) -> None:
    counts = count(fleet)
    assert 0 <= score(counts.total, counts.open, counts.down) <= 100
    assert counts.down + counts.open <= counts.total
    assert counts.active + counts.down <= counts.total
    assert counts.total + counts.awaiting_link <= counts.registered == len(fleet)


@pytest.mark.parametrize(("free", "low"), [(5.0, False), (4.99, True), (0.0, True), (100.0, False)])
def test_a_disk_is_low_below_the_limit(free: float, low: bool) -> None:
    text = disk_low(free, 5.0)
    assert (text is not None) is low
    assert text is None or text.endswith("storage.min_free_percent = 5")
