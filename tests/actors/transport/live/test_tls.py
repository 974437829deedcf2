"""TLS: verification always on, records with many frames, one context per CA file."""

import datetime
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from actors import tls
from actors.tls import context_for, warm_up
from core.failures import Failure, FailureKind
from core.protocol import Endpoint

Serve = Callable[..., Any]
Drive = Callable[..., Any]


def server_context(authority: trustme.CA, *names: str, **options: Any) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names, **options).configure_cert(context)
    return context


def test_a_verified_server_is_connected_by_name_and_by_address(
    serve: Serve, drive: Drive, server_tls: Any, ca_file: str
) -> None:
    server = serve(lambda peer: peer.upgrade().frames(), server_tls)
    for host in ("localhost", "127.0.0.1"):
        driver = drive()
        driver.open(Endpoint(f"wss://{host}:{server.port}/", ca_file=ca_file))
        driver.close()


def test_the_server_name_is_sent(serve: Serve, drive: Drive, authority: trustme.CA, ca_file: str) -> None:
    context = server_context(authority, "localhost")
    names: list[str | None] = []
    context.sni_callback = lambda sock, name, ctx: names.append(name)
    server = serve(lambda peer: peer.upgrade().wait_eof(), context)
    drive().open(Endpoint(server.url, ca_file=ca_file))
    assert names == ["localhost"]


@pytest.mark.parametrize("case", ["unknown authority", "wrong name", "expired"])
def test_a_bad_certificate_is_a_protocol_failure(
    case: str, serve: Serve, drive: Drive, authority: trustme.CA, ca_file: str
) -> None:
    past = datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC)
    context = {
        "unknown authority": lambda: server_context(trustme.CA(), "localhost"),
        "wrong name": lambda: server_context(authority, "other.example"),
        "expired": lambda: server_context(
            authority, "localhost", not_before=past, not_after=past + datetime.timedelta(days=1)
        ),
    }[case]()
    server = serve(lambda peer: peer.upgrade(), context)
    lost = drive().lost(Endpoint(server.url, ca_file=ca_file))
    assert lost.failure.kind is FailureKind.PROTOCOL
    assert "certificate refused" in lost.failure.text


def test_a_server_without_tls_is_a_protocol_failure(serve: Serve, drive: Drive) -> None:
    server = serve(lambda peer: peer.sock.sendall(b"HTTP/1.1 400 Bad\r\n\r\n") or peer.wait_eof())
    lost = drive().lost(f"wss://127.0.0.1:{server.port}/")
    assert lost.failure.kind is FailureKind.PROTOCOL
    assert "TLS failed" in lost.failure.text


def test_a_connection_that_ends_in_the_tls_handshake_is_a_network_failure(serve: Serve, drive: Drive) -> None:
    for end in (lambda peer: peer.sock.recv(10), lambda peer: peer.reset()):
        lost = drive().lost(f"wss://127.0.0.1:{serve(end).port}/")
        assert lost.failure.kind is FailureKind.NETWORK


@pytest.mark.parametrize("count", [50, 1000])
def test_frames_of_one_tls_record_are_all_delivered_without_further_bytes(
    count: int, serve: Serve, drive: Drive, server_tls: Any, ca_file: str
) -> None:
    frames = b"".join(b"\x82\x02" + index.to_bytes(2, "big") for index in range(count))
    assert len(frames) < 16_384  # one record holds them all

    def play(peer: Any) -> None:
        peer.upgrade()
        peer.sock.sendall(frames)
        peer.wait_eof()

    driver = drive()
    driver.open(Endpoint(serve(play, server_tls).url, ca_file=ca_file))
    assert driver.messages(count) == [index.to_bytes(2, "big") for index in range(count)]


def test_large_messages_pass_both_ways(serve: Serve, drive: Drive, server_tls: Any, ca_file: str) -> None:
    payload = bytes(range(256)) * 4096

    def play(peer: Any) -> None:
        opcode, data = peer.upgrade().read_frame()
        peer.send(opcode, data)
        peer.wait_eof()

    driver = drive(send_timeout_s=10.0)
    driver.open(Endpoint(serve(play, server_tls).url, ca_file=ca_file))
    assert driver.transport.send(payload, False) is None
    assert driver.messages(1) == [payload]


def test_a_context_is_made_once_per_ca_file_and_again_when_it_changes(
    authority: trustme.CA, tmp_path: Path
) -> None:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    warm_up()
    assert context_for(None) is context_for(None)
    first = context_for(str(path))
    assert isinstance(first, ssl.SSLContext)
    assert first is context_for(str(path)) is not context_for(None)
    assert first.verify_mode is ssl.CERT_REQUIRED
    assert first.check_hostname
    trustme.CA().cert_pem.write_to_path(str(path), append=True)
    assert context_for(str(path)) is not first


def test_the_number_of_contexts_is_bounded(authority: trustme.CA, tmp_path: Path) -> None:
    for index in range(tls.MAX_CONTEXTS + 3):
        path = tmp_path / f"{index}.pem"
        authority.cert_pem.write_to_path(str(path))
        assert isinstance(context_for(str(path)), ssl.SSLContext)
    assert len(tls._contexts) <= tls.MAX_CONTEXTS


@pytest.mark.parametrize("content", [None, b"", b"no certificate", b"\xff\xfe"])
def test_an_unusable_ca_file_is_a_config_failure_that_names_it(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    failure = context_for(str(path))
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.CONFIG
    assert str(path) in failure.text
