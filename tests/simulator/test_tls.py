"""Listeners that speak TLS."""

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from simulator.client import Simulator, SimulatorError

DEADLINE_S = 20.0
CLOSE, PING, PONG = 0x8, 0x9, 0x8A
Dial = Callable[..., Any]
Files = tuple[Path, Path]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Fresh for this run."""
    return trustme.CA()


@pytest.fixture(scope="module")
def files(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Certificate chain and key for 127.0.0.1."""
    folder = tmp_path_factory.mktemp("tls")
    issued = authority.issue_cert("127.0.0.1")
    for blob in issued.cert_chain_pems:
        blob.write_to_path(str(folder / "cert.pem"), append=True)
    issued.private_key_pem.write_to_path(str(folder / "key.pem"))
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture(scope="module")
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.mark.parametrize(
    ("fault", "end"),
    [("drop", "eof"), ("reset", "reset"), ("half_close", "eof"), ("close", "eof"), ("no_close_reply", None)],
)
def test_tls_listeners_act_the_same_faults_out(
    simulator: Simulator, dial: Dial, files: Files, trusting: ssl.SSLContext, fault: str, end: str | None
) -> None:
    # By hand: the synchronous client of `websockets` uses one TLS socket in two threads, which can hang.
    listener = simulator.listener(tls=files)
    assert listener.url.startswith("wss://")
    client = dial(port=listener.port, tls=trusting).open()
    assert client.ping()
    listener.set_fault(fault)
    if fault in ("close", "no_close_reply"):
        client.send_frame(CLOSE, b"\x03\xe8")
    if end is None:
        assert client.hears_nothing()
    else:
        assert client.end(below_tls=end == "reset") == end
    client.close()
    listener.wait_instance("a", lambda seen: seen.sockets_now == 0, DEADLINE_S)
    listener.close()


def test_a_silent_tls_upstream_books_that_the_client_left_and_heals(
    simulator: Simulator, dial: Dial, files: Files, trusting: ssl.SSLContext
) -> None:
    listener = simulator.listener(tls=files)
    leaves, stays = (dial(name, listener.port, trusting).open() for name in ("leaves", "stays"))
    listener.set_fault("silent")
    leaves.close()
    listener.wait_instance("leaves", lambda seen: seen.sockets_now == 0, DEADLINE_S)
    stays.send_frame(PING, b"?")
    assert stays.hears_nothing()
    listener.clear_fault()
    assert stays.frame() == (PONG, b"?")
    listener.close()


def test_a_client_that_speaks_no_tls_is_not_booked(simulator: Simulator, dial: Dial, files: Files) -> None:
    listener = simulator.listener(tls=files)
    client = dial(port=listener.port)
    client.request()
    assert client.end() in ("eof", "reset")
    assert listener.stats().dials == 0
    listener.close()


def test_unusable_tls_files_are_named(simulator: Simulator, tmp_path: Path) -> None:
    absent = tmp_path / "absent.pem"
    with pytest.raises(SimulatorError, match=r"absent\.pem") as caught:
        simulator.listener(tls=(absent, absent))
    assert caught.value.status == 400
