"""When the root or the admin counts as lost: a table of moments."""

import pytest

from cli.answer_watch import MISSES, AnswerWatch, misses
from core.config import SupervisionSettings


def test_an_answering_root_is_never_lost() -> None:
    watch = AnswerWatch()
    for second in range(0, 100, 2):
        assert not watch.failed(float(second))
        watch.asked(float(second))
        watch.answered()


def test_fifteen_seconds_without_an_answer_are_too_many() -> None:
    watch = AnswerWatch()
    lost_at = None
    for second in range(0, 20, 2):
        if lost_at is None and watch.failed(float(second)):
            lost_at = second
        watch.asked(float(second))
    assert lost_at == 16


def test_the_last_ping_is_given_its_full_interval() -> None:
    watch = AnswerWatch()
    for second in range(0, 16, 2):
        watch.asked(float(second))
    assert not watch.failed(15.9)
    watch.answered()
    assert not watch.failed(16.0)


@pytest.mark.parametrize("before", [1, 2, 3])
def test_a_pause_of_this_process_convicts_nobody(before: int) -> None:
    watch = AnswerWatch()
    for number in range(before):
        watch.asked(2.0 * number)
    assert not watch.failed(62.0)  # the whole machine stood still for a minute
    for second in range(62, 78, 2):
        assert not watch.failed(float(second))
        watch.asked(float(second))
    assert watch.failed(78.0)


def test_pings_are_due_every_two_seconds() -> None:
    watch = AnswerWatch()
    assert watch.due_in_s(5.0) == 0.0
    watch.asked(5.0)
    assert watch.due_in_s(5.5) == 1.5
    assert watch.due_in_s(9.0) == 0.0


@pytest.mark.parametrize(("silence_s", "pings"), [(15.0, 8), (3.0, 2), (1.0, 2), (600.0, 300)])
def test_the_pings_that_may_be_missed_follow_the_silence_allowed(silence_s: float, pings: int) -> None:
    assert misses(silence_s) == pings


def test_the_default_is_that_of_the_settings() -> None:
    assert misses(SupervisionSettings().silence_s) == MISSES
