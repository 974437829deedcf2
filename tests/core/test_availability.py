"""Availability: what counts, in which window, across restarts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.availability import (
    DAY_S,
    HOUR_S,
    Ledger,
    Span,
    add,
    add_between,
    appended,
    export,
    last_day,
    last_month,
    ratio,
    restore,
    total,
)

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


def test_a_window_is_twenty_four_hours_and_thirty_days_to_the_bucket() -> None:
    ledger = Ledger()
    for hour in range(40 * 24):
        ledger = add(ledger, T0 + hour * HOUR_S, Span(HOUR_S, HOUR_S))
    now = T0 + 40 * DAY_S - 1
    assert last_day(ledger, now).wanted_s == 24 * HOUR_S
    assert last_month(ledger, now).wanted_s == 29 * DAY_S + 8 * HOUR_S, "the thirtieth is eight hours old"


def test_spans_add_up_in_each_of_their_parts() -> None:
    assert total([Span(10.0, 4.0, 2.0), Span(20.0, 5.0, 3.0)]) == Span(30.0, 9.0, 5.0)
    assert add(Ledger(), T0, Span(10.0, 4.0, 2.0)).run.outage_s == 2.0


@pytest.mark.parametrize("connected", [False, True])
def test_a_long_span_lies_in_the_hours_that_it_took(connected: bool) -> None:
    ledger = add_between(Ledger(T0), T0 + 3000, T0 + 2 * HOUR_S + 60, connected)
    number = T0 // HOUR_S
    assert {at - number: span.wanted_s for at, span in ledger.hours.items()} == {0: 600, 1: 3600, 2: 60}
    whole = Span(4260.0, 4260.0 if connected else 0.0)
    assert ledger.run == last_day(ledger, T0 + 2 * HOUR_S + 60) == whole


def test_what_was_before_the_server_is_not_of_its_run() -> None:
    ledger = add_between(Ledger(T0 + 90), T0, T0 + 100)
    assert (ledger.run, last_day(ledger, T0 + 100)) == (Span(10.0), Span(100.0))
    assert add_between(Ledger(T0 + 90), T0, T0 + 50).run == Span()


def test_a_span_of_years_costs_the_buckets_of_a_month() -> None:
    until = T0 + 1000 * DAY_S
    ledger = add_between(Ledger(until - 5.0), T0, until)
    assert last_month(ledger, until).wanted_s == pytest.approx(30 * DAY_S, abs=DAY_S)
    assert (last_day(ledger, until).wanted_s, ledger.run) == (pytest.approx(DAY_S, abs=HOUR_S), Span(5.0))


def test_a_span_that_ends_before_it_begins_is_nothing() -> None:
    assert add_between(Ledger(), T0, T0 - 5.0) == Ledger()


@pytest.mark.parametrize(
    ("window", "more", "expected"),
    [
        (Span(40, 30, 10), Span(20, 5, 1), Span(60, 35, 11)),
        (Span(100, 80, 10), Span(50, 0, 0), Span(100, 40, 5)),
        (Span(100, 80, 10), Span(500, 450, 400), Span(100, 100, 100)),
        (Span(), Span(10, 0, 0), Span(10, 0, 0)),
    ],
    ids=["room left", "full: what was leaves evenly", "longer than the window", "empty"],
)
def test_a_window_without_its_buckets(window: Span, more: Span, expected: Span) -> None:
    assert appended(window, more, 100.0) == expected


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
