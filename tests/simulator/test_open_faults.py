"""Faults of open connections, seen from the socket."""

import struct
from collections.abc import Callable
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from simulator.client import Listener, Simulator
from simulator.malformed import VARIANTS

DEADLINE_S = 20.0
FIN, TEXT, BINARY, CLOSE, PING = 0x80, 0x1, 0x2, 0x8, 0x9
Dial = Callable[..., Any]


def close_payload(code: int, reason: str = "") -> bytes:
    return struct.pack("!H", code) + reason.encode()


@pytest.mark.parametrize(("kind", "end"), [("drop", "eof"), ("reset", "reset")])
def test_tcp_ends_without_a_close_frame_for_a_new_connection(
    upstream: Listener, dial: Dial, kind: str, end: str
) -> None:
    upstream.set_fault(kind, after_s=0.05)
    client = dial().open()
    assert client.end() == end
    seen = upstream.wait_instance("a", lambda seen: seen.sockets_now == 0, DEADLINE_S)
    assert seen.sockets[0].ended_by == "simulator"


@pytest.mark.parametrize(("kind", "end"), [("drop", "eof"), ("reset", "reset")])
def test_tcp_ends_for_an_open_connection_as_soon_as_the_fault_is_set(
    upstream: Listener, dial: Dial, kind: str, end: str
) -> None:
    client = dial().open()
    upstream.set_fault(kind)
    assert client.end() == end


def test_close_sends_code_and_reason_and_finishes_the_closing_handshake(
    upstream: Listener, dial: Dial
) -> None:
    client = dial().open()
    upstream.set_fault("close", code=4321, reason="so long")
    assert client.frame() == (FIN | CLOSE, close_payload(4321, "so long"))
    client.send_frame(CLOSE, close_payload(4321))
    assert client.end() == "eof"
    client.close()
    seen = upstream.wait_instance("a", lambda seen: seen.sockets_now == 0, DEADLINE_S)
    assert (seen.sockets[0].close_code, seen.sockets[0].ended_by) == (4321, "simulator")


def test_a_healthy_upstream_answers_our_close(upstream: Listener, dial: Dial) -> None:
    client = dial().open()
    client.send_frame(CLOSE, close_payload(1000, "bye"))
    assert client.frame() == (FIN | CLOSE, close_payload(1000, "bye"))
    assert client.end() == "eof"
    client.close()
    seen = upstream.wait_instance("a", lambda seen: seen.sockets_now == 0, DEADLINE_S)
    socket = seen.sockets[0]
    assert (socket.close_code, socket.close_reason, socket.ended_by) == (1000, "bye", "client")


def test_no_close_reply_never_answers_our_close_and_keeps_tcp(upstream: Listener, dial: Dial) -> None:
    upstream.set_fault("no_close_reply")
    client = dial().open()
    assert client.ping()
    client.send_frame(CLOSE, close_payload(1000))
    upstream.wait_instance("a", lambda seen: seen.sockets[0].close_code == 1000, DEADLINE_S)
    assert client.hears_nothing()
    assert upstream.instance("a").sockets_now == 1
    client.close()
    upstream.wait_instance("a", lambda seen: seen.sockets_now == 0, DEADLINE_S)


def test_silent_answers_nothing_and_sends_nothing(upstream: Listener, dial: Dial) -> None:
    client = dial().open()
    upstream.set_fault("silent")
    client.send_frame(PING, b"?")
    assert upstream.push(count=1).wait(DEADLINE_S).skipped == 1
    assert client.hears_nothing()
    assert upstream.instance("a").pings == 0


def test_silent_does_not_read_so_that_a_sender_blocks(upstream: Listener, dial: Dial) -> None:
    client = dial().open()
    upstream.set_fault("silent")
    client.socket.settimeout(0.5)
    with pytest.raises(TimeoutError):
        client.socket.sendall(bytes(64 * 2**20))
    assert upstream.instance("a").bytes_in == 0


def test_silent_with_reading_takes_everything(upstream: Listener, dial: Dial) -> None:
    client = dial().open()
    upstream.set_fault("silent", reading=True)
    client.send_frame(PING, b"?")
    client.send_text("hello")
    upstream.wait_instance("a", lambda seen: seen.texts == ["hello"], DEADLINE_S)
    assert client.hears_nothing()


@pytest.mark.parametrize("reading", [False, True])
def test_a_silent_upstream_still_books_that_the_client_left(
    upstream: Listener, dial: Dial, reading: bool
) -> None:
    client = dial().open()
    upstream.set_fault("silent", reading=reading)
    client.send_text("unread")
    client.close()
    upstream.wait_instance("a", lambda seen: seen.sockets_now == 0, DEADLINE_S)


def test_a_silent_upstream_goes_on_when_healed(upstream: Listener, dial: Dial) -> None:
    client = dial().open()
    upstream.set_fault("silent")
    client.send_frame(PING, b"?")
    assert client.hears_nothing()
    upstream.clear_fault()
    assert client.frame() == (0x8A, b"?")


@pytest.mark.parametrize("variant", VARIANTS)
def test_malformed_bytes_arrive_and_a_strict_client_answers_with_the_right_code(
    upstream: Listener, dial: Dial, variant: str
) -> None:
    upstream.set_fault("malformed", variant=variant)
    wanted = VARIANTS[variant]
    assert dial("raw").open().exactly(len(wanted.sent)) == wanted.sent
    with connect(upstream.url_of("strict")) as client, pytest.raises(ConnectionClosed):
        client.recv(DEADLINE_S)
    seen = upstream.wait_instance("strict", lambda seen: seen.sockets_now == 0, DEADLINE_S)
    assert seen.sockets[0].close_code == wanted.expected_close


def test_a_declared_giant_frame_is_followed_by_bytes_without_end(upstream: Listener, dial: Dial) -> None:
    upstream.set_fault("oversized", variant="declared", total_bytes=2**31)
    client = dial().open()
    assert client.exactly(10) == struct.pack("!BBQ", 0x82, 127, 2**31)
    assert client.exactly(5_000_000) == b"x" * 5_000_000


def test_a_giant_fragmented_message_never_ends(upstream: Listener, dial: Dial) -> None:
    upstream.set_fault("oversized", variant="fragments")
    client = dial().open()
    assert client.frame() == (BINARY, b"x" * 65536)
    for _ in range(50):
        assert client.frame() == (0, b"x" * 65536)


@pytest.mark.parametrize("variant", ["declared", "fragments"])
def test_a_limiting_client_closes_an_oversized_message_with_1009(
    simulator: Simulator, upstream: Listener, variant: str
) -> None:
    upstream.set_fault("oversized", variant=variant)
    before_bytes = resident_bytes(simulator.pid)
    with connect(upstream.url_of("a"), max_size=2**20) as client, pytest.raises(ConnectionClosed):
        client.recv(DEADLINE_S)
    seen = upstream.wait_instance("a", lambda seen: seen.sockets_now == 0, DEADLINE_S)
    assert seen.sockets[0].close_code == 1009
    assert resident_bytes(simulator.pid) - before_bytes < 20 * 2**20


def resident_bytes(pid: int) -> int:
    with open(f"/proc/{pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * 4096


def test_half_close_sends_eof_and_goes_on_reading(upstream: Listener, dial: Dial) -> None:
    client = dial().open()
    upstream.set_fault("half_close")
    assert client.end() == "eof"
    client.send_text("still here")
    upstream.wait_instance("a", lambda seen: seen.texts == ["still here"], DEADLINE_S)
    assert upstream.instance("a").sockets_now == 1
    client.close()
    upstream.wait_instance("a", lambda seen: seen.sockets_now == 0, DEADLINE_S)


def test_login_reject_says_why_and_closes(upstream: Listener, dial: Dial) -> None:
    upstream.set_behaviour(login_required=True)
    upstream.set_fault("login_reject", message={"type": "failure", "why": 401}, code=4401, reason="no")
    client = dial().open()
    assert client.frame() == (FIN | TEXT, b'{"type":"failure","why":401}')
    assert client.frame() == (FIN | CLOSE, close_payload(4401, "no"))
    assert upstream.instance("a").sessions_max == 0


def test_login_reject_does_not_welcome_a_login_meanwhile(upstream: Listener, dial: Dial) -> None:
    upstream.set_behaviour(login_required=True)
    upstream.set_fault("login_reject", after_s=0.2, message="go away")
    client = dial().open()
    client.send_text('{"type":"login"}')
    assert client.frame() == (FIN | TEXT, b"go away")
    assert upstream.instance("a").sessions_max == 0


def test_a_fault_of_one_instance_overrides_the_listeners_until_cleared(
    upstream: Listener, dial: Dial
) -> None:
    upstream.set_fault("http", status=503)
    upstream.set_fault("none", instance="lucky")
    lucky = dial("lucky").open()
    assert lucky.ping()
    upstream.set_fault("close", instance="lucky", code=1012)
    assert lucky.frame() == (FIN | CLOSE, close_payload(1012))
    upstream.clear_fault("lucky")
    unlucky = dial("lucky")
    unlucky.request()
    assert unlucky.head()[0] == 503


def test_a_listener_fault_leaves_instances_with_one_of_their_own(upstream: Listener, dial: Dial) -> None:
    upstream.set_fault("none", instance="own")
    own, other = dial("own").open(), dial("other").open()
    upstream.set_fault("reset")
    assert other.end() == "reset"
    assert own.ping()


def test_a_new_fault_cancels_the_one_before(upstream: Listener, dial: Dial) -> None:
    client = dial().open()
    upstream.set_fault("reset", after_s=0.2)
    upstream.set_fault("none")
    assert client.hears_nothing(0.5)
    assert client.ping()


@pytest.mark.parametrize(("how", "end"), [("drop", "eof"), ("reset", "reset"), ("close", "eof")])
def test_drop_ends_the_chosen_connections_now(upstream: Listener, dial: Dial, how: str, end: str) -> None:
    gone, stays = dial("gone").open(), dial("stays").open()
    assert upstream.drop(how, instances=["gone", "unknown"], code=1013, reason="later") == 1
    if how == "close":
        assert gone.frame() == (FIN | CLOSE, close_payload(1013, "later"))
        gone.send_frame(CLOSE, close_payload(1013))
    assert gone.end() == end
    assert stays.ping()


def test_drop_without_names_ends_all(upstream: Listener, dial: Dial) -> None:
    clients = [dial(f"i{n}").open() for n in range(5)]
    assert upstream.drop() == 5
    assert [client.end() for client in clients] == ["eof"] * 5
