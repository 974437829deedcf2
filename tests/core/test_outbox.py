"""Accepted sends: order, pace, retry, expiry."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config import OutboxSettings
from core.outbox import (
    RETRY_S,
    Outbox,
    Pause,
    Transmit,
    accept,
    add,
    answered,
    expire,
    full,
    link_closed,
    next_send,
    paced,
)
from core.records import MessageState, OutboxMessage, WaitingMessage

POLICY = OutboxSettings(rate_per_s=1.0, burst=2, max_messages=3, expire_after_s=100.0)
WALL_S = 1_790_000_000.0


def message(name: str, at: float = WALL_S) -> OutboxMessage:
    return accept(name, f"bytes of {name}".encode(), POLICY, at)


def waiting(name: str, at: float = WALL_S) -> WaitingMessage:
    return WaitingMessage(name, at + POLICY.expire_after_s)


def box(*names: str, policy: OutboxSettings = POLICY) -> Outbox:
    return Outbox.of(tuple(waiting(name) for name in names), policy, 0.0)


def sent(outbox: Outbox, now_s: float) -> tuple[Outbox, WaitingMessage]:
    outbox, action = next_send(outbox, now_s)
    assert isinstance(action, Transmit)
    assert outbox.waiting[0].message_id == action.message_id == outbox.in_flight
    return outbox, outbox.waiting[0]


def test_an_accepted_message_knows_its_end() -> None:
    accepted = message("a")
    assert (accepted.state, accepted.tries, accepted.expires_at) == (MessageState.ACCEPTED, 0, WALL_S + 100)
    assert add(box(), accepted).waiting == (waiting("a"),), "its bytes are the store's"


def test_messages_leave_one_at_a_time_in_the_order_they_were_accepted() -> None:
    outbox = add(box("a"), message("b"))
    outbox, first = sent(outbox, 0.0)
    assert next_send(outbox, 0.0) == (outbox, None)
    outbox, done = answered(outbox, "a", None, False, 0.0, WALL_S)
    assert done is not None and (done.message_id, done.state, done.finished_at) == (
        "a",
        MessageState.SENT,
        WALL_S,
    )
    outbox, second = sent(outbox, 0.0)
    assert (first.message_id, second.message_id) == ("a", "b")


def test_an_empty_outbox_has_nothing_to_do() -> None:
    outbox = box()
    assert next_send(outbox, 0.0) == (outbox, None)


def test_sends_are_paced_after_the_burst() -> None:
    outbox = box("a", "b", "c")
    for name in ("a", "b"):
        outbox, _ = sent(outbox, 0.0)
        outbox, _ = answered(outbox, name, None, False, 0.0, WALL_S)
    outbox, action = next_send(outbox, 0.5)
    assert action == Pause(1.0)
    outbox, third = sent(outbox, 1.0)
    assert third.message_id == "c"


def test_a_passing_error_keeps_the_message_at_the_front_for_five_seconds() -> None:
    outbox, _ = sent(box("a", "b"), 0.0)
    outbox, done = answered(outbox, "a", "busy", True, 10.0, WALL_S)
    assert done is None
    assert next_send(outbox, 14.9) == (outbox, Pause(10.0 + RETRY_S))
    outbox, again = sent(outbox, 15.0)
    assert (again.message_id, again.tries) == ("a", 2)
    outbox, done = answered(outbox, "a", None, False, 15.0, WALL_S)
    assert done is not None and done.tries == 2


def test_a_final_error_is_the_end_of_the_message() -> None:
    outbox, _ = sent(box("a", "b"), 0.0)
    outbox, done = answered(outbox, "a", "no such chat", False, 0.0, WALL_S)
    assert done is not None and (done.state, done.error) == (MessageState.FAILED, "no such chat")
    assert [one.message_id for one in outbox.waiting] == ["b"]


def test_a_lost_link_sends_the_same_message_again() -> None:
    outbox, first = sent(box("a"), 0.0)
    outbox, again = sent(link_closed(outbox), 1.0)
    assert (again.message_id, again.tries) == (first.message_id, 2)


def test_an_answer_that_comes_after_the_link_was_lost_counts() -> None:
    outbox, _ = sent(box("a"), 0.0)
    outbox, done = answered(link_closed(outbox), "a", None, False, 1.0, WALL_S)
    assert done is not None and done.state is MessageState.SENT
    assert outbox.waiting == ()


def test_a_late_answer_for_one_does_not_free_another() -> None:
    outbox, _ = sent(box("a", "b"), 0.0)
    outbox, _ = answered(link_closed(outbox), "a", None, False, 0.0, WALL_S)
    outbox, _ = sent(outbox, 0.0)
    after, done = answered(outbox, "a", None, False, 0.0, WALL_S)
    assert (done, after.in_flight) == (None, "b")


def test_an_answer_for_an_unknown_message_is_ignored() -> None:
    outbox = box("a")
    assert answered(outbox, "zzz", None, False, 0.0, WALL_S) == (outbox, None)


def test_expired_messages_are_taken_out_wherever_they_stand() -> None:
    outbox = replace(
        box(), waiting=(waiting("old", WALL_S - 100), waiting("new"), waiting("older", WALL_S - 200))
    )
    outbox, gone = expire(outbox, WALL_S)
    assert [one.message_id for one in gone] == ["old", "older"]
    ends = {(one.state, one.finished_at, one.error) for one in gone}
    assert ends == {(MessageState.EXPIRED, WALL_S, "expired before it could be sent")}
    assert [one.message_id for one in outbox.waiting] == ["new"]
    assert expire(outbox, WALL_S) == (outbox, ())


def test_a_message_in_flight_expires_only_after_its_answer() -> None:
    outbox, _ = sent(box("a"), 0.0)
    assert expire(outbox, WALL_S + 1000)[1] == ()
    _, gone = expire(link_closed(outbox), WALL_S + 1000)
    assert [one.message_id for one in gone] == ["a"]


def test_a_full_outbox_says_so() -> None:
    assert not full(box("a", "b"), POLICY)
    assert full(box("a", "b", "c"), POLICY)


@pytest.mark.parametrize(
    ("rate", "burst", "wait_s"),
    [(1.0, 2, 1.0), (4.0, 2, 0.25), (1.0, 9, 1.0)],
    ids=["unchanged", "faster", "larger burst"],
)
def test_a_new_pace_gives_no_free_burst(rate: float, burst: int, wait_s: float) -> None:
    outbox = box("a", "b", "c")
    for name in ("a", "b"):
        outbox, _ = sent(outbox, 0.0)
        outbox, _ = answered(outbox, name, None, False, 0.0, WALL_S)
    outbox = paced(outbox, replace(POLICY, rate_per_s=rate, burst=burst), 0.0)
    assert next_send(outbox, 0.0)[1] == Pause(wait_s)


def test_a_smaller_burst_holds_at_once() -> None:
    outbox = paced(box(), replace(POLICY, burst=1), 1000.0)
    assert outbox.bucket.tokens == 1


acts = st.one_of(
    st.tuples(st.just("add"), st.floats(0, 0)),
    st.tuples(st.just("send"), st.floats(0, 2)),
    st.tuples(st.sampled_from(["sent", "failed", "again", "link lost", "expire"]), st.floats(0, 60)),
)


@given(st.lists(acts, max_size=80))
def test_whatever_happens_the_laws_hold(history: list[tuple[str, float]]) -> None:
    """Each message leaves in order, paced, never after its end, and ends exactly once."""
    outbox, now_s, added = box(), 0.0, 0
    accepted: list[str] = []
    transmitted: list[tuple[float, str]] = []
    ended: list[str] = []
    for act, value in history:
        wall_s = WALL_S + now_s
        match act:
            case "add" if not full(outbox, POLICY):
                accepted.append(f"m{added}")
                outbox = add(outbox, message(f"m{added}", wall_s))
                added += 1
            case "send":
                now_s += value
                outbox, gone = expire(outbox, WALL_S + now_s)
                ended += [one.message_id for one in gone]
                outbox, action = next_send(outbox, now_s)
                if isinstance(action, Transmit):
                    first = outbox.waiting[0]
                    assert first.message_id == action.message_id
                    assert first.expires_at > WALL_S + now_s
                    transmitted.append((now_s, first.message_id))
                elif isinstance(action, Pause):
                    assert action.until_s > now_s
            case "sent" | "failed" | "again" if outbox.in_flight is not None:
                error = None if act == "sent" else "no"
                outbox, done = answered(outbox, outbox.in_flight, error, act == "again", now_s, wall_s)
                assert (done is None) is (act == "again")
                ended += [done.message_id] if done is not None else []
            case "link lost":
                outbox = link_closed(outbox)
            case "expire":
                now_s += value
                outbox, gone = expire(outbox, WALL_S + now_s)
                ended += [one.message_id for one in gone]
            case _:
                pass
        assert len(ended) == len(set(ended))
        assert sorted([*ended, *(one.message_id for one in outbox.waiting)]) == sorted(accepted)
        assert [one.message_id for one in outbox.waiting] == [m for m in accepted if m not in ended]
        assert len(transmitted) <= POLICY.rate_per_s * now_s + POLICY.burst + 0.001
    firsts = list(dict.fromkeys(name for _, name in transmitted))
    assert firsts == sorted(firsts, key=lambda name: int(name[1:]))
