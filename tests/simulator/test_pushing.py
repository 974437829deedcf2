"""Numbered events: rate, numbers, acknowledgements, and what is not sent."""

import json
import time
from collections.abc import Callable
from typing import Any

from websockets.sync.client import connect

from simulator.client import Listener

DEADLINE_S = 20.0
Dial = Callable[..., Any]


def events(client: Any, count: int) -> list[dict[str, Any]]:
    return [json.loads(client.recv(DEADLINE_S)) for _ in range(count)]


def test_events_are_numbered_and_stamped(upstream: Listener) -> None:
    before = time.time()
    with connect(upstream.url_of("a")) as client:
        push = upstream.push(rate_per_s=200, count=5, type="note", data={"room": 7}, pad_bytes=10)
        got = events(client, 5)
        assert push.wait(DEADLINE_S).sent == 5
    assert [event["id"] for event in got] == [1, 2, 3, 4, 5]
    assert {event["instance"] for event in got} == {"a"}
    assert {(event["type"], event["room"], event["pad"]) for event in got} == {("note", 7, "x" * 10)}
    stamps = [event["sent_at"] for event in got]
    assert before <= stamps[0] <= stamps[-1] <= time.time()
    assert stamps == sorted(stamps)


def test_numbers_go_on_over_reconnects_and_nothing_is_sent_again(upstream: Listener) -> None:
    for wanted in ([1, 2], [3, 4]):
        with connect(upstream.url_of("a")) as client:
            upstream.push(instances=["a"], rate_per_s=500, count=2)
            assert [event["id"] for event in events(client, 2)] == wanted
        upstream.wait_instance("a", lambda seen: seen.sockets_now == 0, DEADLINE_S)
        assert upstream.push(instances=["a"], rate_per_s=500, count=3).wait(DEADLINE_S).skipped == 3
    seen = upstream.instance("a")
    assert (seen.sent, seen.skipped) == (4, 6)


def test_the_rate_is_held_for_the_duration(upstream: Listener) -> None:
    with connect(upstream.url_of("a")) as client:
        begun_s = time.monotonic()
        upstream.push(rate_per_s=100, duration_s=0.5)
        events(client, 50)
        took_s = time.monotonic() - begun_s
        assert upstream.push(rate_per_s=500, duration_s=60, count=1).wait(DEADLINE_S).sent == 1
    assert took_s > 0.4
    assert upstream.instance("a").sent == 51


def test_only_chosen_instances_get_events(upstream: Listener) -> None:
    with connect(upstream.url_of("a")) as chosen, connect(upstream.url_of("b")) as other:
        upstream.push(instances=["a"], rate_per_s=500, count=2).wait(DEADLINE_S)
        assert len(events(chosen, 2)) == 2
        assert other.ping().wait(DEADLINE_S)
    assert upstream.instance("b").sent == 0


def test_all_means_those_that_have_a_session_at_that_moment(upstream: Listener) -> None:
    upstream.set_behaviour(login_required=True)
    with connect(upstream.url_of("in")) as logged_in, connect(upstream.url_of("out")):
        logged_in.send('{"type":"login"}')
        assert logged_in.recv(DEADLINE_S) == '{"type":"welcome"}'
        seen = upstream.push(rate_per_s=500, count=3).wait(DEADLINE_S)
    assert (seen.sent, seen.skipped) == (3, 0)
    assert upstream.instance("out").sent == 0


def test_a_stopped_push_sends_no_more(upstream: Listener) -> None:
    with connect(upstream.url_of("a")) as client:
        push = upstream.push(rate_per_s=100, duration_s=3600)
        events(client, 3)
        push.stop()
        sent = push.wait(DEADLINE_S).sent
        assert upstream.push(count=1).wait(DEADLINE_S).sent == 1
        assert [event["id"] for event in events(client, sent + 1 - 3)][-1] == sent + 1


def test_a_client_that_does_not_read_gets_events_skipped_not_piled_up(upstream: Listener, dial: Dial) -> None:
    dial().open()
    seen = upstream.push(rate_per_s=10_000, count=300, pad_bytes=100_000).wait(DEADLINE_S)
    assert seen.sent + seen.skipped == 300
    assert seen.skipped > 0
    assert upstream.instance("a").sent == seen.sent


def test_acknowledgements_are_booked(upstream: Listener) -> None:
    with connect(upstream.url_of("a")) as client:
        upstream.push(rate_per_s=1000, count=6)
        events(client, 6)
        for message in ('{"ack":1}', '{"ack":[2,3,5]}', '{"ack":3}', '{"ack":99}', '{"ack":"x"}'):
            client.send(message)
        seen = upstream.wait_instance("a", lambda seen: seen.received == 5, DEADLINE_S)
    assert seen.acknowledged_ranges == ((1, 3), (5, 5))
    assert seen.acknowledged_ids == {1, 2, 3, 5}
    assert (seen.acknowledged, seen.acks_repeated, seen.acks_unknown) == (4, 1, 2)


def test_single_messages_can_be_sent(upstream: Listener) -> None:
    with connect(upstream.url_of("a")) as one, connect(upstream.url_of("b")) as two:
        assert upstream.send({"k": 1}) == 2
        assert upstream.send("plain", instances=["b", "absent"]) == 1
        assert upstream.send_binary("AP8=", instances=["a"]) == 1
        assert [one.recv(DEADLINE_S), one.recv(DEADLINE_S)] == ['{"k":1}', b"\x00\xff"]
        assert [two.recv(DEADLINE_S), two.recv(DEADLINE_S)] == ['{"k":1}', "plain"]
