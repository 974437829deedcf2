"""Faults that meet a dial, seen from the socket."""

import email.utils
import errno
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

from simulator.client import Listener

DEADLINE_S = 20.0
Dial = Callable[..., Any]


def test_refuse_answers_a_dial_with_rst_and_the_same_port_opens_again(upstream: Listener, dial: Dial) -> None:
    upstream.set_fault("refuse")
    assert not upstream.stats().listening
    with pytest.raises(ConnectionRefusedError):
        dial()
    upstream.clear_fault()
    assert dial().open().ping()
    assert upstream.stats().listening


def test_refuse_keeps_the_port_from_other_processes(upstream: Listener) -> None:
    upstream.set_fault("refuse")
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with pytest.raises(OSError) as caught:
            other.bind(("127.0.0.1", upstream.port))
    assert caught.value.errno == errno.EADDRINUSE


def test_refuse_leaves_open_connections_alone(upstream: Listener, dial: Dial) -> None:
    client = dial().open()
    upstream.set_fault("refuse")
    assert client.ping()


def test_refuse_with_drop_open_ends_them(upstream: Listener, dial: Dial) -> None:
    client = dial().open()
    upstream.set_fault("refuse", drop_open=True)
    assert client.end() == "eof"
    assert upstream.stats().open_now == 0


def test_counted_refuse_accepts_resets_and_counts(upstream: Listener, dial: Dial) -> None:
    upstream.set_fault("refuse", counted=True)
    for _ in range(3):
        # The RST may overtake the wake-up from connect().
        with pytest.raises(ConnectionResetError):
            dial().exactly(1)
    stats = upstream.wait_for(lambda seen: seen.unidentified == 3, DEADLINE_S)
    assert (stats.dials, stats.opened, stats.sockets_max) == (3, 0, 0)


def test_refuse_for_one_instance_resets_only_its_dials(upstream: Listener, dial: Dial) -> None:
    upstream.set_fault("refuse", instance="bad")
    bad = dial("bad")
    bad.request()
    assert bad.end() == "reset"
    assert dial("good").open().ping()
    assert upstream.instance("bad").dials == 1
    assert upstream.instance("bad").opened == 0


@pytest.mark.parametrize("status", [200, 302, 401, 403, 404, 429, 500, 503, 599])
def test_http_answers_with_the_status_and_eof(upstream: Listener, dial: Dial, status: int) -> None:
    upstream.set_fault("http", status=status, body="no")
    client = dial()
    client.request()
    found, headers = client.head()
    assert found == status
    assert "retry-after" not in headers
    assert client.exactly(int(headers["content-length"])) == b"no"
    assert client.end() == "eof"
    assert upstream.instance("a").opened == 0


def test_http_retry_after_in_seconds(upstream: Listener, dial: Dial) -> None:
    upstream.set_fault("http", status=429, retry_after_s=17)
    client = dial()
    client.request()
    assert client.head()[1]["retry-after"] == "17"


def test_http_retry_after_as_a_date(upstream: Listener, dial: Dial) -> None:
    upstream.set_fault("http", status=503, retry_after_s=100, retry_after_form="date")
    client = dial()
    client.request()
    date = email.utils.parsedate_to_datetime(client.head()[1]["retry-after"])
    assert 98 <= date.timestamp() - time.time() <= 101


def test_http_sends_other_headers(upstream: Listener, dial: Dial) -> None:
    upstream.set_fault("http", status=301, headers={"Location": "ws://127.0.0.1:1/"})
    client = dial()
    client.request()
    assert client.head()[1]["location"] == "ws://127.0.0.1:1/"


def test_stall_reads_the_request_and_never_answers(upstream: Listener, dial: Dial) -> None:
    upstream.set_fault("stall_handshake")
    client = dial()
    client.request()
    upstream.wait_instance("a", lambda seen: seen.dials == 1, DEADLINE_S)
    assert client.hears_nothing()
    client.close()
    upstream.wait_instance("a", lambda seen: seen.sockets_now == 0, DEADLINE_S)


def test_drip_answers_rightly_byte_by_byte(upstream: Listener, dial: Dial) -> None:
    upstream.set_fault("drip_handshake", interval_s=0.003)
    client = dial()
    client.request()
    begun_s = time.monotonic()
    assert client.head()[0] == 101
    assert time.monotonic() - begun_s > 100 * 0.003
    assert client.ping()


def test_bad_handshake_with_a_wrong_accept_header(upstream: Listener, dial: Dial) -> None:
    upstream.set_fault("bad_handshake", variant="wrong_accept")
    client = dial()
    client.request()
    status, headers = client.head()
    assert status == 101
    assert headers["sec-websocket-accept"] == "AAAAAAAAAAAAAAAAAAAAAAAAAAA="


def test_bad_handshake_without_upgrade(upstream: Listener, dial: Dial) -> None:
    upstream.set_fault("bad_handshake", variant="no_upgrade")
    client = dial()
    client.request()
    status, headers = client.head()
    assert status == 101
    assert "upgrade" not in headers


def test_bad_handshake_that_is_no_http(upstream: Listener, dial: Dial) -> None:
    upstream.set_fault("bad_handshake", variant="garbage")
    client = dial()
    client.request()
    assert not client.exactly(8).startswith(b"HTTP/")


def test_bad_handshake_with_endless_headers(upstream: Listener, dial: Dial) -> None:
    upstream.set_fault("bad_handshake", variant="endless_headers")
    client = dial()
    client.request()
    assert b"\r\n\r\n" not in client.exactly(2_000_000)
    client.close()
    upstream.wait_instance("a", lambda seen: seen.sockets_now == 0, DEADLINE_S)


def test_a_request_that_is_no_handshake_is_answered_with_426(upstream: Listener, dial: Dial) -> None:
    client = dial()
    client.socket.sendall(b"GET /ws/a HTTP/1.1\r\nHost: x\r\n\r\n")
    assert client.head()[0] == 426
    assert client.end() == "eof"


def test_flapping_refuses_and_opens_again_and_drops_what_is_open(upstream: Listener, dial: Dial) -> None:
    client = dial().open()
    upstream.set_fault("flapping", on_s=1, off_s=0.3)
    assert client.ping()
    assert client.end() == "eof"
    upstream.wait_for(lambda seen: not seen.listening, DEADLINE_S)
    upstream.wait_for(lambda seen: seen.listening, DEADLINE_S)
    upstream.wait_for(lambda seen: not seen.listening, DEADLINE_S)
    assert upstream.stats().fault == {"kind": "flapping", "on_s": 1, "off_s": 0.3, "counted": False}
    upstream.clear_fault()
    assert dial().open().ping()


def test_flapping_for_one_instance_leaves_the_others(upstream: Listener, dial: Dial) -> None:
    steady, flapping = dial("steady").open(), dial("flap").open()
    upstream.set_fault("flapping", instance="flap", on_s=0.1, off_s=60)
    assert flapping.end() == "eof"
    again = dial("flap")
    again.request()
    assert again.end() == "reset"
    assert steady.ping()
