"""Pacing of process starts: never more than a few at a time, nobody is forgotten, order is kept."""

from hypothesis import given
from hypothesis import strategies as st

from actors.start_queue import StartQueue


def test_the_third_waits_until_one_of_the_first_two_is_up() -> None:
    queue = StartQueue(2)
    assert [queue.ask(name) for name in "abcd"] == [True, True, False, False]
    assert queue.next() is None
    queue.done("b")
    assert queue.next() == "c"
    assert queue.ask("c")
    assert queue.next() is None
    queue.done("a")
    assert queue.next() == "d"


def test_who_is_being_started_may_start_again_and_who_waits_waits_once() -> None:
    queue = StartQueue(1)
    assert queue.ask("a")
    assert queue.ask("a")
    assert not queue.ask("b")
    assert not queue.ask("b")
    queue.done("a")
    assert queue.next() == "b"
    assert queue.next() is None


def test_the_end_of_one_that_was_up_long_ago_starts_nobody_too_many() -> None:
    queue = StartQueue(1)
    assert queue.ask("a")
    assert not queue.ask("b")
    queue.done("z")
    assert queue.next() is None


@given(st.lists(st.tuples(st.sampled_from(["ask", "done"]), st.sampled_from("abcdef")), max_size=60))
def test_everybody_who_asks_is_started_once_all_others_are_done(steps: list[tuple[str, str]]) -> None:
    queue, starting, asked = StartQueue(2), set[str](), set[str]()

    def ask(name: str) -> None:
        asked.add(name)
        if queue.ask(name):
            starting.add(name)
            asked.discard(name)

    for step, name in steps:
        if step == "ask":
            ask(name)
        else:
            queue.done(name)
            starting.discard(name)
        while (turn := queue.next()) is not None:
            ask(turn)
        assert len(starting) <= 2
    while starting:
        queue.done(starting.pop())
        while (turn := queue.next()) is not None:
            ask(turn)
    assert not asked


def test_who_was_started_without_waiting_is_not_named_any_more() -> None:
    queue = StartQueue(1)
    assert queue.ask("a")
    assert not queue.ask("b")
    assert queue.waits("b")
    queue.forget("b")
    queue.forget("never asked")
    assert not queue.waits("b")
    queue.done("a")
    assert queue.next() is None
