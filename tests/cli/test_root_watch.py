"""When the root counts as lost: a table of moments."""

import pytest

from cli.root_watch import RootWatch


def test_an_answering_root_is_never_lost() -> None:
    watch = RootWatch()
    for second in range(0, 100, 2):
        assert not watch.failed(float(second))
        watch.asked(float(second))
        watch.answered()


def test_three_unanswered_pings_in_a_row_are_too_many() -> None:
    watch = RootWatch()
    moments = {}
    for second in (0.0, 2.0, 4.0, 6.0):
        moments[second] = watch.failed(second)
        watch.asked(second)
    assert moments == {0.0: False, 2.0: False, 4.0: False, 6.0: True}


def test_the_third_ping_is_given_its_full_interval() -> None:
    watch = RootWatch()
    for second in (0.0, 2.0, 4.0):
        watch.asked(second)
    assert not watch.failed(5.9)
    watch.answered()
    assert not watch.failed(6.0)


@pytest.mark.parametrize("before", [1, 2, 3])
def test_a_pause_of_this_process_convicts_nobody(before: int) -> None:
    watch = RootWatch()
    for number in range(before):
        watch.asked(2.0 * number)
    assert not watch.failed(62.0)  # the whole machine stood still for a minute
    for second in (62.0, 64.0, 66.0):
        assert not watch.failed(second)
        watch.asked(second)
    assert watch.failed(68.0)


def test_pings_are_due_every_two_seconds() -> None:
    watch = RootWatch()
    assert watch.due_in_s(5.0) == 0.0
    watch.asked(5.0)
    assert watch.due_in_s(5.5) == 1.5
    assert watch.due_in_s(9.0) == 0.0
