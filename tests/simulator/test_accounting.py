"""What a healthy upstream does and books."""

import json
import os
import signal
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from simulator.client import Listener, Simulator, SimulatorError

DEADLINE_S = 20.0
FIN, TEXT, BINARY = 0x80, 0x1, 0x2
Dial = Callable[..., Any]


def test_a_login_is_welcomed(upstream: Listener, dial: Dial) -> None:
    client = dial().open()
    client.send_text('{"type":"login","token":"t"}')
    assert client.frame() == (FIN | TEXT, b'{"type":"welcome"}')


def test_an_application_ping_in_a_binary_frame_is_answered_in_one(upstream: Listener, dial: Dial) -> None:
    client = dial().open()
    client.send_frame(BINARY, b'{"type":"ping"}')
    assert client.frame() == (FIN | BINARY, b'{"type":"pong"}')


def test_hello_messages_and_rules_are_configurable(upstream: Listener, dial: Dial) -> None:
    rule = {"match": {"op": "auth", "v": 2}, "reply": {"op": "ok"}, "copy": ["ref"], "login": True}
    upstream.set_behaviour(hello=["plain", {"n": 1}], replies=[rule], login_required=True)
    client = dial().open()
    assert client.frame()[1] == b"plain"
    assert client.frame()[1] == b'{"n":1}'
    client.send_text('{"op":"auth","v":1}')
    client.send_text('{"op":"auth","v":2,"ref":"r1"}')
    assert json.loads(client.frame()[1]) == {"op": "ok", "ref": "r1"}


def test_echo_returns_what_no_rule_answers(upstream: Listener, dial: Dial) -> None:
    upstream.set_behaviour(echo=True)
    client = dial().open()
    client.send_text("héllo")
    client.send_frame(BINARY, b"\x00\xff")
    assert client.frame() == (FIN | TEXT, "héllo".encode())
    assert client.frame() == (FIN | BINARY, b"\x00\xff")


def test_without_echo_a_message_is_only_booked(upstream: Listener, dial: Dial) -> None:
    client = dial().open()
    client.send_text("one")
    client.send_frame(BINARY, b"\x00")
    assert client.ping()
    seen = upstream.instance("a")
    assert [(each.text, each.base64, each.size_bytes) for each in seen.messages] == [
        ("one", None, 3),
        (None, "AA==", 1),
    ]
    assert (seen.received, seen.pings) == (2, 1)


def test_fragments_are_one_message(upstream: Listener, dial: Dial) -> None:
    client = dial().open()
    client.socket.sendall(b"\x01\x82" + bytes(4) + b"ab" + b"\x80\x82" + bytes(4) + b"cd")
    assert client.ping()
    assert upstream.instance("a").texts == ["abcd"]


def test_sockets_opens_and_sessions_are_counted_apart(upstream: Listener, dial: Dial) -> None:
    upstream.set_behaviour(login_required=True)
    upstream.set_fault("stall_handshake")
    dial().request()
    upstream.wait_instance("a", lambda seen: seen.sockets_now == 1, DEADLINE_S)
    upstream.set_fault("none")
    first, second = dial().open(), dial().open()
    first.send_text('{"type":"login"}')
    assert first.frame()[1] == b'{"type":"welcome"}'
    seen = upstream.instance("a")
    assert (seen.sockets_now, seen.open_now, seen.sessions_now) == (3, 2, 1)
    assert (seen.dials, seen.opened) == (3, 2)
    for client in (first, second):
        client.close()
    seen = upstream.wait_instance("a", lambda seen: seen.open_now == 0, DEADLINE_S)
    assert (seen.sockets_max, seen.open_max, seen.sessions_max, seen.sessions_now) == (3, 2, 1, 0)


def test_the_life_of_a_socket_is_kept(upstream: Listener, dial: Dial) -> None:
    before = time.time()
    client = dial().open()
    client.close()
    seen = upstream.wait_instance("a", lambda seen: seen.sockets_now == 0, DEADLINE_S)
    (socket,) = seen.sockets
    assert socket.opened_at is not None
    assert socket.closed_at is not None
    assert before <= socket.dialled_at <= socket.opened_at <= socket.closed_at <= time.time()
    assert socket.session_at == socket.opened_at
    assert (socket.ended_by, socket.close_code, seen.dialled_at) == ("client", None, (socket.dialled_at,))


def test_a_message_from_an_old_socket_after_a_newer_session_is_stale(upstream: Listener, dial: Dial) -> None:
    old = dial().open()
    old.send_text("before")
    assert old.ping()
    new = dial().open()
    new.send_text("new")
    assert new.ping()
    assert upstream.instance("a").stale_frames == 0
    old.send_text("after")
    assert old.ping()
    assert upstream.instance("a").stale_frames == 1


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"\x81\x01x", id="unmasked"),
        pytest.param(b"\x83\x80" + bytes(4), id="bad opcode"),
        pytest.param(b"\x81\x81" + bytes(4) + b"\xff", id="no UTF-8"),
    ],
)
def test_a_client_that_breaks_the_protocol_is_booked(upstream: Listener, dial: Dial, sent: bytes) -> None:
    client = dial().open()
    client.socket.sendall(sent)
    assert client.frame()[0] == 0x88
    assert client.end() == "eof"
    seen = upstream.instance("a")
    assert seen.violations == 1
    assert seen.sockets[0].violation


def test_the_instance_is_read_from_path_or_query(upstream: Listener) -> None:
    for path in ("/ws/by-path", "/any/where/?instance=by-query", "/", "/ws/b%20c"):
        with connect(upstream.url + path):
            pass
    assert set(upstream.stats().instances) == {"by-path", "by-query", "anonymous", "b c"}
    assert upstream.instance("by-query").path == "/any/where/?instance=by-query"


def test_request_headers_and_the_subprotocol_are_seen(upstream: Listener) -> None:
    with connect(
        upstream.url_of("a"),
        additional_headers={"X-Mark": "m1"},
        subprotocols=[Subprotocol("v2.json"), Subprotocol("v1.json")],
    ) as client:
        assert client.subprotocol == "v2.json"
    assert upstream.instance("a").headers["X-Mark"] == "m1"


def test_listener_stats_sum_up_instances(upstream: Listener, dial: Dial) -> None:
    for name in ("a", "b"):
        client = dial(name).open()
        client.send_text("x")
        assert client.ping()
    stats = upstream.stats()
    assert (stats.dials, stats.opened, stats.open_now, stats.sessions_max, stats.received) == (2, 2, 2, 2, 2)
    assert sum(count for _, count in stats.dials_by_second) == 2
    assert stats.dials_per_s_max == 2
    assert stats.instances["a"].received == 1
    assert stats.bytes_in == 2 * len(b"\x81\x81" + bytes(4) + b"x" + b"\x89\x81" + bytes(4) + b"?")


def test_resetting_the_stats_keeps_live_sockets(upstream: Listener, dial: Dial) -> None:
    gone, lives = dial("gone").open(), dial("lives").open()
    gone.close()
    upstream.wait_instance("gone", lambda seen: seen.sockets_now == 0, DEADLINE_S)
    upstream.reset_stats()
    stats = upstream.stats()
    assert (stats.dials, stats.opened, stats.open_now, stats.open_max, stats.dials_per_s_max) == (
        0,
        0,
        1,
        1,
        0,
    )
    assert lives.ping()


def test_a_listener_closes_with_its_connections(simulator: Simulator) -> None:
    listener = simulator.listener()
    with connect(listener.url_of("a")) as client:
        listener.close()
        with pytest.raises(Exception, match="no close frame"):
            client.recv(DEADLINE_S)
    with pytest.raises(ConnectionRefusedError):
        connect(listener.url_of("a"))
    with pytest.raises(SimulatorError, match="no listener"):
        listener.stats()


def test_a_socket_that_ended_before_the_next_dial_never_counts_beside_it(
    simulator: Simulator, upstream: Listener, dial: Dial
) -> None:
    """However late the simulator finds both."""
    client = dial().open()
    for _ in range(30):
        os.kill(simulator.pid, signal.SIGSTOP)
        try:
            client.close()
            brief = dial()
            brief.request()
            brief.close()
            client = dial()
            client.request()
        finally:
            os.kill(simulator.pid, signal.SIGCONT)
        assert client.head()[0] == 101
    seen = upstream.instance("a")
    assert (seen.sockets_max, seen.open_max, seen.sessions_max) == (1, 1, 1)
    assert all(later.dialled_at >= (earlier.closed_at or 0) for earlier, later in pairwise(seen.sockets))
