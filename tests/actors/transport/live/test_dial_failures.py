"""Dials that reach no server: bad endpoints, unknown hosts, refusals, an exhausted machine. Row 1."""

import errno
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from actors.transport import Lost, Transport, TransportState
from core.config import TransportSettings
from core.failures import FailureKind
from core.protocol import Endpoint

Serve = Callable[..., Any]
Drive = Callable[..., Any]
SECRET = "s3cret"


@pytest.fixture
def refusing_port() -> Any:
    """A port that is bound, so that nobody else gets it, but does not listen."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


def test_row_1_a_refused_connection_is_a_network_failure_at_once(drive: Drive, refusing_port: int) -> None:
    started_s = time.monotonic()
    lost = drive().lost(f"ws://127.0.0.1:{refusing_port}/?key={SECRET}")
    assert time.monotonic() - started_s < 1
    assert lost.failure.kind is FailureKind.NETWORK
    assert "Connection refused" in lost.failure.text
    assert SECRET not in lost.failure.text


def test_proxies_from_the_environment_are_not_used(
    serve: Serve, drive: Drive, refusing_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{refusing_port}")
    drive().open(serve(lambda peer: peer.upgrade().wait_eof()).url)


def test_all_addresses_are_tried(
    serve: Serve, drive: Drive, refusing_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(lambda peer: peer.upgrade().wait_eof())
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))
        for port in (refusing_port, server.port)
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)
    drive().open("ws://two-addresses.example/")


def test_an_unknown_host_is_a_network_failure(drive: Drive, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: Any, **kwargs: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    lost = drive().lost("ws://nowhere.example/")
    assert lost.failure.kind is FailureKind.NETWORK
    assert "nowhere.example" in lost.failure.text


@pytest.mark.parametrize(
    "endpoint",
    [
        Endpoint(""),
        Endpoint("http://h/"),
        Endpoint("ws://h/", proxy="x"),
        Endpoint("wss://h/", ca_file="/none"),
        Endpoint(None),  # type: ignore[arg-type]
        Endpoint("ws://h/", ping_interval_s="soon"),  # type: ignore[arg-type]
    ],
    ids=["empty", "scheme", "proxy", "ca file", "no text", "ping"],
)
def test_a_bad_endpoint_is_a_config_failure_of_the_next_poll(
    endpoint: Endpoint, settings: TransportSettings
) -> None:
    transport = Transport(settings)
    transport.dial(endpoint, 7)
    assert transport.state is TransportState.CLOSED
    assert transport.pending()
    assert transport.fds() == []
    (event,) = transport.poll()
    assert isinstance(event, Lost)
    assert (event.epoch, event.failure.kind) == (7, FailureKind.CONFIG)
    assert transport.poll() == []
    assert not transport.pending()


def test_a_machine_without_descriptors_or_threads_is_a_network_failure(
    drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_descriptor(*args: Any) -> Any:
        raise OSError(errno.EMFILE, "Too many open files")

    def no_thread(*args: Any) -> Any:
        raise RuntimeError("can't start new thread")

    driver = drive()
    with monkeypatch.context() as patch:
        patch.setattr(socket, "socketpair", no_descriptor)
        assert "descriptor" in driver.lost("ws://127.0.0.1:1/").failure.text
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_thread)
        assert "thread" in driver.lost("ws://127.0.0.1:1/").failure.text
    assert driver.transport.fds() == []


def test_dialling_twice_or_with_an_old_epoch_is_the_callers_error(serve: Serve, drive: Drive) -> None:
    server, driver = serve(lambda peer: peer.upgrade().frames()), drive()
    driver.open(server.url)
    with pytest.raises(RuntimeError, match="open"):
        driver.transport.dial(Endpoint(server.url), 2)
    driver.close()
    with pytest.raises(ValueError, match="epoch 1"):
        driver.transport.dial(Endpoint(server.url), 1)
