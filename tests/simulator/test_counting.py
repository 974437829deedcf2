"""Counters, checked against simple models."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from simulator.account import ENTRIES_KEPT, MESSAGE_KEPT_BYTES, MESSAGES_KEPT_BYTES, Account, SocketEntry
from simulator.counting import SECONDS_KEPT, DialClock, Gauges, Numbers


@given(st.lists(st.integers(1, 60)))
def test_numbers_are_a_set_in_ranges(added: list[int]) -> None:
    numbers, model = Numbers(), set[int]()
    for number in added:
        assert numbers.add(number) == (number not in model)
        model.add(number)
    ranges = numbers.ranges()
    assert {n for first, last in ranges for n in range(first, last + 1)} == model
    assert numbers.count == len(model)
    assert all(last + 1 < first for (_, last), (first, _) in pairwise(ranges))


@given(st.lists(st.floats(0, 5)))
def test_the_most_dials_in_any_second_is_found(gaps_s: list[float]) -> None:
    clock, times_s, now_s = DialClock(), list[float](), 1000.0
    for gap_s in gaps_s:
        now_s += gap_s
        times_s.append(now_s)
        clock.dialled(now_s)
    peaks = [sum(1 for other_s in times_s if time_s - 1 < other_s <= time_s) for time_s in times_s]
    # Equal times are one moment: the model counts all of them, the clock gets there with the last.
    assert clock.per_s_max == max(peaks, default=0)
    assert clock.total == len(times_s) == sum(clock.by_second.values())


def test_dials_by_second_are_kept_for_an_hour() -> None:
    clock = DialClock()
    for second in range(SECONDS_KEPT + 50):
        clock.dialled(float(second))
    assert len(clock.by_second) == SECONDS_KEPT
    assert min(clock.by_second) == 50
    assert clock.total == SECONDS_KEPT + 50


def test_a_part_counts_along_in_the_whole() -> None:
    whole = Gauges()
    one, two = whole.part(), whole.part()
    one.open.up()
    two.open.up()
    one.open.down()
    two.open.up()
    assert (one.open.peak, two.open.peak, whole.open.now, whole.open.peak) == (1, 2, 2, 2)
    whole.forget()
    assert whole.open.peak == 2


def test_messages_are_forgotten_beyond_the_limits() -> None:
    account, entry = Account("a"), SocketEntry(1, 0.0)
    for n in range(ENTRIES_KEPT + 5):
        account.received(entry, b"x", str(n), 0.0)
    assert len(account.messages) == ENTRIES_KEPT
    assert account.messages[0].text == "5"
    for _ in range(40):
        account.received(entry, bytes(2 * MESSAGE_KEPT_BYTES), None, 0.0)
    assert len(account.messages) == MESSAGES_KEPT_BYTES // MESSAGE_KEPT_BYTES
    assert account.messages[-1].size_bytes == 2 * MESSAGE_KEPT_BYTES
    assert account.tally.received == ENTRIES_KEPT + 45


def test_acknowledgements_are_told_apart() -> None:
    account = Account("a", sent=3)
    for number in (1, 3, 3, 4, 0):
        account.acknowledged(number)
    assert (account.acked.ranges(), account.acks_repeated, account.acks_unknown) == (((1, 1), (3, 3)), 1, 2)


def test_forgetting_keeps_what_lives_and_event_numbers() -> None:
    account, gone, lives = Account("a", sent=7), SocketEntry(1, 1.0), SocketEntry(2, 2.0)
    for entry in (gone, lives):
        account.dialled(entry)
        account.accepted(entry, 3.0)
    account.acknowledged(7)
    account.gone(gone, 4.0)
    account.forget()
    seen = account.view({})
    assert [socket.number for socket in seen.sockets] == [2]
    assert (seen.sockets_now, seen.sockets_max, seen.open_max, seen.dials, seen.sent) == (1, 1, 1, 0, 7)
    assert seen.acknowledged_ids == {7}
