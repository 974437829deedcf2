"""The sweep's decisions: whom the first look finds, whom the second convicts, and what is said."""

from dataclasses import replace
from typing import Any

import pytest

from core.cleanup import confirmed, due_at, overdue, plus, told
from core.config import Settings, TransportSettings
from core.instances import InstanceConfig
from core.snapshot import InstanceSnapshot
from core.sweeps import NOTHING_CAUGHT, Caught, Sweep

NOW = 1_795_446_904.0
SETTINGS = Settings(transport=TransportSettings(close_timeout_s=3.0))
DIAL_S = 12.0


def one(state: str = "dialling", age_s: float = 0.0, **more: Any) -> InstanceSnapshot:
    since = NOW - age_s
    fields = {"link_state": state, "since": since, "pid": 7, "deadline_at": since + DIAL_S} | more
    return InstanceSnapshot("a", NOW, InstanceConfig(), "connected", **fields)


@pytest.mark.parametrize(
    ("state", "due_in_s"),
    [
        ("dialling", DIAL_S),
        ("authenticating", DIAL_S),
        ("closing", 3.0),
        ("open", None),
        ("waiting", None),
        ("idle", None),
        ("parked", None),
        ("quarantined", None),
    ],
)
def test_when_a_link_must_have_left_its_state(state: str, due_in_s: float | None) -> None:
    assert due_at(one(state), SETTINGS) == (None if due_in_s is None else NOW + due_in_s)


def test_an_authentication_without_a_deadline_may_take_as_long_as_it_likes() -> None:
    """Somebody may have to scan a code."""
    assert overdue([one("authenticating", age_s=1e6, deadline_at=None)], SETTINGS, NOW) == {}


@pytest.mark.parametrize(
    ("snapshot", "found"),
    [
        (one(age_s=DIAL_S + 10.1), True),
        (one(age_s=DIAL_S + 10), False),
        (one("open", age_s=1e6), False),
        (one(age_s=1e6, pid=None), False),
        (one(age_s=-86_400), False),
    ],
    ids=["overdue", "within the grace", "open", "without process", "from the future"],
)
def test_the_first_look(snapshot: InstanceSnapshot, found: bool) -> None:
    assert bool(overdue([snapshot], SETTINGS, NOW)) is found


STUCK = one(age_s=500)


@pytest.mark.parametrize(
    ("later", "convicted"),
    [
        (replace(STUCK, at=NOW + 5), True),
        (replace(STUCK, since=STUCK.since + 0.02), True),
        (replace(STUCK, since=NOW), False),
        (replace(STUCK, link_state="waiting"), False),
        (replace(STUCK, pid=8), False),
        (None, False),
    ],
    ids=["the same stay", "reckoned anew", "a new attempt", "another state", "another process", "removed"],
)
def test_the_second_look(later: InstanceSnapshot | None, convicted: bool) -> None:
    suspects = overdue([STUCK], SETTINGS, NOW)
    found = confirmed(suspects, {} if later is None else {"a": later})
    assert found == (suspects if convicted else {})


def test_a_clock_that_jumped_a_day_convicts_nobody() -> None:
    """The report before the jump looks old; the next one, by the same process, is by the new clock."""
    dialling = one(age_s=1.0)
    suspects = overdue([dialling], SETTINGS, NOW + 86_400)
    assert suspects
    by_the_new_clock = replace(dialling, at=NOW + 86_404, since=dialling.since + 86_400)
    assert confirmed(suspects, {"a": by_the_new_clock}) == {}


def test_counts_add_up() -> None:
    assert plus(Caught(1, 2, 3, 4, 5), Caught(10, 20, 30, 40, 50)) == Caught(11, 22, 33, 44, 55)
    assert plus(NOTHING_CAUGHT, NOTHING_CAUGHT) == NOTHING_CAUGHT


@pytest.mark.parametrize(
    ("sweep", "text"),
    [
        (Sweep(NOW, 0.1, NOTHING_CAUGHT), "Cleanup: nothing was left over"),
        (
            Sweep(NOW, 0.1, Caught(1, 1, 2, 3, 4), ("x", "y"), 2),
            "Cleanup: 1 stale connections ended, 2 old crash records dropped, 3 old crash files removed, "
            "4 old events dropped, 2 session files without instance kept",
        ),
        (
            Sweep(NOW, 0.1, Caught(events=4), problems=("the registry is not open", "x")),
            "Cleanup: 4 old events dropped; failed: the registry is not open; failed: x",
        ),
    ],
    ids=["nothing", "everything", "problems"],
)
def test_what_is_said(sweep: Sweep, text: str) -> None:
    assert told(sweep) == text
