"""Who is back after a fault, and what a fault that nobody may notice has done."""

from collections import Counter
from typing import Any

import pytest

from benchmarks.paced import quantile_ms
from soak.cases import STUCK_S, Case, Seen
from soak.faults import GENTLE, HARD, SINGLE, Fault, Scope

BY_NAME = {fault.what: fault for fault in (*SINGLE, *HARD, *GENTLE)}


def case(fault: Fault, lifted: float | None = 110.0) -> Case:
    return Case(fault, lambda: None, 100.0, 0.0, {"a": Seen(7, 3)}, lifted)


def one(state: str = "open", pid: int = 7) -> dict[str, Any]:
    return {"id": "a", "link_state": state, "pid": pid}


@pytest.mark.parametrize(
    ("what", "lifted", "shown", "dials", "sessions", "back"),
    [
        ("refused", 110.0, one(), 4, 1, True),
        ("refused", None, one(), 4, 1, False),
        ("refused", 110.0, one("waiting"), 4, 0, False),
        ("refused", 110.0, one(), 3, 1, False),
        ("process killed", 110.0, one(pid=7), 4, 1, False),
        ("process killed", 110.0, one(pid=8), 4, 1, True),
        ("path slow: 200 ms", 110.0, one(), 3, 1, True),
        ("path slow: 200 ms", 110.0, one("waiting"), 3, 0, False),
    ],
)
def test_an_instance_is_back_when_both_ends_say_so(
    what: str, lifted: float | None, shown: dict[str, Any], dials: int, sessions: int, back: bool
) -> None:
    assert case(BY_NAME[what], lifted).is_back(shown, dials, sessions) is back


def test_a_fault_that_nobody_may_notice_leaves_process_and_dials_alone() -> None:
    slow = case(BY_NAME["path slow: 200 ms"])
    assert slow.disturbed("a", Seen(7, 3)) is None
    assert "1 dials" in str(slow.disturbed("a", Seen(7, 4)))
    assert "7 → 8" in str(slow.disturbed("a", Seen(8, 3)))
    assert case(BY_NAME["refused"]).disturbed("a", Seen(8, 9)) is None


def test_the_api_may_be_away_while_parts_are_replaced_and_not_for_ever() -> None:
    killed = case(next(fault for fault in HARD if fault.scope is Scope.ALL))
    over = 110.0 + killed.budget_s
    assert killed.excuses(over + STUCK_S) and not killed.excuses(over + STUCK_S + 1)
    assert case(killed.fault, lifted=None).excuses(1e9)
    assert not case(BY_NAME["refused"]).excuses(110.0)


def test_the_budget_is_how_long_it_lasted_and_what_the_matrix_allows() -> None:
    refused = BY_NAME["refused"]
    assert case(refused).budget_s == 10.0 + refused.detect_s + refused.recover_s
    assert case(BY_NAME["path slow: 200 ms"]).budget_s == 0.0
    assert case(BY_NAME["whole tree paused"]).budget_s == 10.0


def test_what_breaks_links_has_time_to_be_noticed_and_to_return_and_nothing_else_has() -> None:
    for fault in (*SINGLE, *HARD, *GENTLE):
        assert (fault.recover_s > 0) is fault.breaks, fault.what
        assert not fault.replaces or fault.breaks, fault.what
    assert {fault.scope for fault in SINGLE} == {Scope.ONE}
    assert Scope.ONE not in {fault.scope for fault in (*HARD, *GENTLE)}


def test_a_quantile_of_the_histogram_is_the_upper_end_of_its_bucket() -> None:
    histogram = Counter({9: 98, 49: 1, 999: 1})
    assert quantile_ms(histogram, 0.5) == 1.0
    assert quantile_ms(histogram, 0.99) == 5.0
    assert quantile_ms(histogram, 1.0) == 100.0
    assert quantile_ms(Counter(), 0.99) == 0.0
