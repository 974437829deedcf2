"""Availability: what counts, in which window, across restarts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.availability import DAY_S, HOUR_S, Ledger, Span, add, export, last_day, last_month, ratio, restore

T0 = 500_000 * HOUR_S


def test_nothing_wanted_has_no_availability() -> None:
    assert ratio(Span()) is None


def test_connected_over_wanted() -> None:
    assert ratio(Span(200.0, 150.0, 30.0)) == 0.75


def test_spans_add_up_field_by_field() -> None:
    assert Span(1.0, 2.0, 3.0) + Span(10.0, 20.0, 30.0) == Span(11.0, 22.0, 33.0)
    ledger = add(add(Ledger(), T0, Span(10, 5, 2)), T0 + HOUR_S, Span(10, 0, 7))
    assert ledger.run == last_day(ledger, T0 + HOUR_S) == last_month(ledger, T0 + HOUR_S) == Span(20, 5, 9)


def test_a_day_forgets_what_is_older_and_a_month_keeps_it() -> None:
    ledger = add(Ledger(), T0, Span(100, 0))
    ledger = add(ledger, T0 + 30 * HOUR_S, Span(100, 100))
    now = T0 + 30 * HOUR_S
    assert last_day(ledger, now) == Span(100, 100)
    assert last_month(ledger, now) == Span(200, 100)
    assert ledger.run == Span(200, 100)


def test_a_month_forgets_after_thirty_days() -> None:
    ledger = add(Ledger(), T0, Span(100, 0))
    assert last_month(ledger, T0 + 31 * DAY_S) == Span()


def test_a_restarted_process_goes_on_and_a_restarted_server_begins_its_run_anew() -> None:
    ledger = add(Ledger(5.0), T0, Span(10, 5, 1))
    assert restore(export(ledger), 5.0) == ledger
    later = restore(export(ledger), 6.0)
    assert (later.started_at, later.run) == (6.0, Span())
    assert last_day(later, T0) == Span(10, 5, 1)


def test_a_new_store_begins_at_nothing() -> None:
    assert restore(None, 7.0) == Ledger(7.0)


@pytest.mark.parametrize("jump_s", [-400 * DAY_S, 400 * DAY_S], ids=["back", "ahead"])
def test_a_clock_that_jumps_leaves_no_bucket_behind(jump_s: float) -> None:
    ledger = add(add(Ledger(), T0, Span(1, 1)), T0 + jump_s, Span(1, 0))
    assert len(ledger.hours) == len(ledger.days) == 1


@given(st.lists(st.tuples(st.integers(0, 90 * 24), st.booleans()), max_size=300))
def test_the_ledger_is_bounded_and_never_above_one(steps: list[tuple[int, bool]]) -> None:
    ledger = Ledger()
    for hour, connected in sorted(steps):
        ledger = add(ledger, T0 + hour * HOUR_S, Span(5.0, 5.0 if connected else 0.0))
        assert len(ledger.hours) <= 25
        assert len(ledger.days) <= 31
        share = ratio(last_day(ledger, T0 + hour * HOUR_S))
        assert share is not None and 0 <= share <= 1
