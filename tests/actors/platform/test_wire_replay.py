"""The replay window: whatever comes in whatever order, each frame is judged new at most once."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.wire_codec import FrameRefused, Refusal, Stamp
from actors.wire_replay import MAX_AGE_NS, SECOND_NS, WINDOW, ReplayWindow, Verdict

HERE = b"\x7f\0\0\1\x04\xd2"
ELSEWHERE = b"\x7f\0\0\1\x04\xd3"
BEGAN_NS = 1_000 * SECOND_NS
NOW_NS = BEGAN_NS + 500 * SECOND_NS
STAMP = Stamp(HERE, b"sender-1", 1_000, NOW_NS)


def window() -> ReplayWindow:
    return ReplayWindow(HERE, BEGAN_NS)


def refusal(one: ReplayWindow, stamp: Stamp, now_ns: int = NOW_NS) -> Refusal:
    with pytest.raises(FrameRefused) as caught:
        one.judge(stamp, now_ns)
    return caught.value.refusal


def deliver(one: ReplayWindow, stamp: Stamp, now_ns: int = NOW_NS) -> Verdict:
    verdict = one.judge(stamp, now_ns)
    if verdict is Verdict.NEW:
        one.delivered(stamp, now_ns)
    return verdict


def test_a_frame_is_new_until_it_was_delivered() -> None:
    one = window()
    assert one.judge(STAMP, NOW_NS) is Verdict.NEW
    assert one.judge(STAMP, NOW_NS) is Verdict.NEW, "a transfer that broke off is repeated"
    one.delivered(STAMP, NOW_NS)
    assert one.judge(STAMP, NOW_NS) is Verdict.REPEATED


def test_senders_are_told_apart() -> None:
    one = window()
    assert deliver(one, STAMP) is Verdict.NEW
    assert deliver(one, replace(STAMP, stream=b"sender-2")) is Verdict.NEW
    assert len(one) == 2


def test_a_frame_for_another_receiver_is_refused() -> None:
    assert refusal(window(), replace(STAMP, destination=ELSEWHERE)) is Refusal.MISDIRECTED


@pytest.mark.parametrize(
    ("sent_ns", "fine"),
    [
        (BEGAN_NS - 1, False),
        (NOW_NS - MAX_AGE_NS - 1, False),
        (NOW_NS - MAX_AGE_NS, True),
        (NOW_NS + SECOND_NS, True),
        (NOW_NS + SECOND_NS + 1, False),
        (0, False),
        ((1 << 64) - 1, False),
    ],
    ids=[
        "before it began",
        "too old",
        "just not too old",
        "just ahead",
        "from the future",
        "zero",
        "largest",
    ],
)
def test_times(sent_ns: int, fine: bool) -> None:
    stamp = replace(STAMP, sent_ns=sent_ns)
    if fine:
        assert window().judge(stamp, NOW_NS) is Verdict.NEW
    else:
        assert refusal(window(), stamp) is Refusal.STALE


def test_what_was_sent_to_the_ports_former_owner_is_refused() -> None:
    young = ReplayWindow(HERE, NOW_NS - SECOND_NS)
    assert refusal(young, replace(STAMP, sent_ns=NOW_NS - SECOND_NS - 1)) is Refusal.STALE


def test_a_repetition_is_known_while_it_could_be_taken_for_new() -> None:
    one = window()
    deliver(one, STAMP)
    for number in range(200):
        deliver(one, replace(STAMP, stream=number.to_bytes(8)), NOW_NS + MAX_AGE_NS)
    assert one.judge(STAMP, NOW_NS + MAX_AGE_NS) is Verdict.REPEATED
    assert refusal(one, STAMP, NOW_NS + MAX_AGE_NS + 1) is Refusal.STALE


def test_senders_that_ended_are_forgotten() -> None:
    one = window()
    for number in range(20_000):
        now_ns = NOW_NS + number * SECOND_NS
        deliver(one, Stamp(HERE, number.to_bytes(8), 1, now_ns), now_ns)
    assert len(one) <= 1.25 * MAX_AGE_NS / SECOND_NS + 1


@pytest.mark.parametrize("behind", [1, WINDOW - 1])
def test_a_late_frame_inside_the_window_is_new_once(behind: int) -> None:
    one = window()
    deliver(one, STAMP)
    late = replace(STAMP, counter=STAMP.counter - behind, sent_ns=NOW_NS - 1)
    assert deliver(one, late) is Verdict.NEW
    assert deliver(one, late) is Verdict.REPEATED
    assert deliver(one, STAMP) is Verdict.REPEATED


def test_a_frame_left_of_the_window_is_refused() -> None:
    one = window()
    deliver(one, STAMP)
    assert refusal(one, replace(STAMP, counter=STAMP.counter - WINDOW)) is Refusal.STALE


def test_the_largest_numbers_cost_nothing() -> None:
    one = window()
    deliver(one, replace(STAMP, counter=0))
    assert deliver(one, replace(STAMP, counter=(1 << 64) - 1)) is Verdict.NEW
    assert deliver(one, replace(STAMP, counter=(1 << 64) - 1)) is Verdict.REPEATED


FRAMES = st.lists(
    st.tuples(
        st.integers(0, 3),  # sender
        st.integers(0, 200),  # number, and with it the time sent
        st.integers(-100, 300),  # when it arrives, in seconds behind the time sent
    ),
    max_size=300,
)


@given(FRAMES)
def test_no_frame_is_delivered_twice(arrivals: list[tuple[int, int, int]]) -> None:
    one, taken = window(), set()
    clock_ns = NOW_NS
    for sender, number, delay_s in arrivals:
        stamp = Stamp(HERE, sender.to_bytes(8), number, NOW_NS + number * SECOND_NS)
        clock_ns = max(clock_ns, stamp.sent_ns + delay_s * SECOND_NS)
        try:
            if deliver(one, stamp, clock_ns) is Verdict.NEW:
                assert (sender, number) not in taken
                taken.add((sender, number))
            else:
                assert (sender, number) in taken
        except FrameRefused:
            pass


@given(st.integers(0, 3), st.lists(st.integers(1, 1 << 40), unique=True, max_size=100))
def test_what_a_living_sender_sends_in_order_is_always_delivered(sender: int, numbers: list[int]) -> None:
    one = window()
    for place, number in enumerate(sorted(numbers)):
        stamp = Stamp(HERE, sender.to_bytes(8), number, NOW_NS + place)
        assert deliver(one, stamp, NOW_NS + place) is Verdict.NEW
        assert deliver(one, stamp, NOW_NS + place) is Verdict.REPEATED
