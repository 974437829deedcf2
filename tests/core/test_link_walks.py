"""The link's machine moved by hand, through walks that random ones find seldom."""

import math

import pytest

from core.failures import Failure, FailureKind
from core.link_state import LinkState
from tests.core.test_link_machine import LinkMachine


def a_machine(u: float = 0.0) -> LinkMachine:
    machine = LinkMachine()
    machine.fix_randomness(u=u)
    machine.want()
    return machine


def test_the_longest_wait_is_no_longer_than_it_may_be_to_the_last_digit() -> None:
    machine = a_machine(math.nextafter(1.0, 0.0))
    machine.attempts_fail(failure=Failure(FailureKind.BUG, "refused"), times=2)
    assert machine.link.attempts == 3


@pytest.mark.parametrize("says", ["replace", "force", "complete"])
def test_a_ban_is_counted_from_the_end_of_the_close_that_it_caused(says: str) -> None:
    machine = a_machine()
    machine.grant()
    machine.dial_succeeds()
    machine.protocol_gives_up(
        failure=Failure(FailureKind.TEMP_BANNED, "banned", retry_after_s=3.0), named=True
    )
    machine.unwant()
    machine.time_passes(by_s=5.0)
    machine.want()
    if says == "complete":
        machine.close_completes(as_lost=False)
    else:
        machine.the_operator_says(says=says)
    machine.a_parked_link_keeps_its_reason()
    assert machine.link.next_at_s in (None, 1008.0)
    assert (machine.link.next_at_s is None) is (machine.link.state is LinkState.CLOSING)
