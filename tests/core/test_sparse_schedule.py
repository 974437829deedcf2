"""One fault per instance and day: the links are there at least 99.9 % of the time, whatever the faults are."""

from dataclasses import replace

import pytest

from core.availability import ratio
from core.config import RetrySettings, Settings
from core.link_state import LinkState
from core.upstream import GateState
from tests.core.sparse import DAY_S, ROWS, Outcome, Row, sparse

INSTANCES, DAYS = 100, 30
LEAST = 0.999


@pytest.fixture(scope="module")
def month() -> Outcome:
    """100 instances, 30 days, the default settings."""
    return sparse(INSTANCES, DAYS, Settings(), seed=20261124)


def test_with_one_fault_a_day_the_links_are_there_999_of_1000_seconds(month: Outcome) -> None:
    availability = ratio(month.span)
    faults = [seconds for each in month.down_s.values() for seconds in each]
    print(f"{len(faults)} faults, {sum(faults) / len(faults):.1f} s each, availability {availability:.5%}")
    assert len(faults) == INSTANCES * DAYS
    assert availability is not None and availability >= LEAST


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"row-{row.number}")
def test_it_would_hold_if_every_fault_were_of_this_kind(month: Outcome, row: Row) -> None:
    seconds = month.down_s[row]
    print(
        f"{row.what}: {len(seconds)} times, mean {sum(seconds) / len(seconds):.1f} s, most {max(seconds):.1f} s"
    )
    assert min(seconds) > 0, "the fault was felt"
    assert sum(seconds) / len(seconds) <= (1 - LEAST) * DAY_S


def test_single_faults_neither_park_nor_trip_anybody_nor_close_the_gate(month: Outcome) -> None:
    links = [one.link for one in month.fleet.members.values()]
    assert all(link.state is LinkState.OPEN and link.attempts == 0 for link in links)
    assert month.trips == 0
    assert month.fleet.gate.state is GateState.UP
    assert month.fleet.gate.since_s == 0.0


def test_a_policy_that_waits_longer_would_miss_it() -> None:
    slow = Settings(retry=replace(RetrySettings(), delay_s=300.0, timeout_delay_s=300.0, fast_first_s=0.0))
    availability = ratio(sparse(20, 10, slow, seed=1).span)
    assert availability is not None and availability < LEAST
