"""The time that an instance counts: across processes and servers, hour by hour, and outages of its upstream alone."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from instance_bench import RECORD, Actor, quiet, setup

from core.availability import HOUR_S, Ledger, Span, add, export, last_day
from core.instances import Desired
from core.messages import StopInstance, UpstreamBack, UpstreamDown

NOW = 500_000 * HOUR_S + 1800.0
STARTED = NOW - 10 * HOUR_S
SEEN = Span(50.0, 50.0)


@pytest.fixture
def actor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Actor]:
    quiet(monkeypatch)
    made = Actor()
    yield made
    made.receiveMsg_StopInstance(StopInstance(purge=False), "group")


def took_over(
    actor: Actor, folder: Path, counted_at: float, last_seen: tuple[float, bool] | None = None, **more: object
) -> Ledger:
    """The ledger of a process whose predecessor stored one at `counted_at`."""
    stored = {"ledger": export(add(Ledger(STARTED), counted_at, SEEN)), "counted_at": counted_at}
    actor._take_over(stored, setup(folder, **({"started_at": STARTED, "last_seen": last_seen} | more)))
    return actor._ledger


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: NOW)


def test_a_crash_costs_the_time_since_the_process_was_last_seen(actor: Actor, tmp_path: Path) -> None:
    ledger = took_over(actor, tmp_path, NOW - 100, (NOW - 40, True))
    assert ledger.run == last_day(ledger, NOW) == SEEN + Span(100.0, 60.0)


def test_a_process_that_was_last_seen_down_was_down_all_the_time(actor: Actor, tmp_path: Path) -> None:
    assert took_over(actor, tmp_path, NOW - 100, (NOW - 40, False)).run == SEEN + Span(100.0)


def test_a_ledger_newer_than_the_last_report_is_not_counted_twice(actor: Actor, tmp_path: Path) -> None:
    assert took_over(actor, tmp_path, NOW - 30, (NOW - 40, True)).run == SEEN + Span(30.0)


def test_a_long_absence_lies_in_the_hours_that_it_took(actor: Actor, tmp_path: Path) -> None:
    ledger = took_over(actor, tmp_path, NOW - 2 * HOUR_S)
    now = int(NOW // HOUR_S)
    assert {now - at: span.wanted_s for at, span in ledger.hours.items()} == {0: 1800, 1: 3600, 2: 1850}
    assert ledger.run == SEEN + Span(2.0 * HOUR_S)


def test_the_time_without_a_server_counts_in_the_windows_and_not_in_its_new_run(
    actor: Actor, tmp_path: Path
) -> None:
    ledger = took_over(actor, tmp_path, NOW - 100, started_at=NOW - 30)
    assert ledger.run == Span(30.0)
    assert last_day(ledger, NOW) == SEEN + Span(100.0)


def test_nobody_wanted_the_time_of_a_disconnected_instance(actor: Actor, tmp_path: Path) -> None:
    unwanted = replace(RECORD, desired=Desired.DISCONNECTED)
    assert took_over(actor, tmp_path, NOW - 100, (NOW - 40, True), record=unwanted).run == SEEN


def test_a_new_store_owes_nothing(actor: Actor, tmp_path: Path) -> None:
    actor._take_over(None, setup(tmp_path, started_at=STARTED))
    assert actor._ledger == Ledger(STARTED)


def test_an_outage_counts_until_it_ends_or_the_instance_leads_elsewhere(actor: Actor, tmp_path: Path) -> None:
    first = setup(tmp_path)
    actor.receiveMsg_ConfigureInstance(first, "group")

    def outage_s() -> float:
        before = actor._ledger.run.outage_s
        actor.report()
        time.sleep(0.01)
        actor.report()
        return actor._ledger.run.outage_s - before

    assert outage_s() == 0
    actor.receiveMsg_UpstreamDown(UpstreamDown("ws://127.0.0.1:9"), "group")
    assert outage_s() >= 0.01
    repaced = replace(RECORD.config, overrides={"retry": {"delay_s": 2}})
    actor.receiveMsg_ConfigureInstance(replace(first, record=replace(RECORD, config=repaced)), "group")
    assert outage_s() >= 0.01, "still the same upstream"
    moved = replace(RECORD.config, url="ws://127.0.0.1:10/")
    actor.receiveMsg_ConfigureInstance(replace(first, record=replace(RECORD, config=moved)), "group")
    outage_s()
    assert outage_s() == 0, "another upstream"
    actor.receiveMsg_UpstreamDown(UpstreamDown("ws://127.0.0.1:10"), "group")
    actor.receiveMsg_UpstreamBack(UpstreamBack("ws://127.0.0.1:10"), "group")
    outage_s()
    assert outage_s() == 0
