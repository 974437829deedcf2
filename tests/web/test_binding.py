"""Where the server listens, who can reach it, who holds a taken port."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from core.config import HttpSettings
from tests.web.conftest import DEADLINE_S
from web.binding import BindFailed, Listening, bind, listening, reach
from web.portholder import UNKNOWN, holder_of, listening_inodes


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


def close_all(sockets: list[socket.socket]) -> None:
    for sock in sockets:
        sock.close()


def test_localhost_is_both_loopback_addresses_on_one_port() -> None:
    sockets = bind(HttpSettings(port=0))
    places = listening(sockets, tls=False)
    close_all(sockets)
    assert [place.host for place in places] == (["127.0.0.1", "::1"] if has_ipv6() else ["127.0.0.1"])
    assert len({place.port for place in places}) == 1


def test_one_address_is_that_one() -> None:
    sockets = bind(HttpSettings(host="127.0.0.1", port=0))
    names = [sock.getsockname()[0] for sock in sockets]
    close_all(sockets)
    assert names == ["127.0.0.1"]


def test_a_taken_port_names_the_process_that_holds_it() -> None:
    script = "import socket; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        with pytest.raises(BindFailed) as caught:
            bind(HttpSettings(port=port))
        process.communicate("\n", timeout=DEADLINE_S)
    text = str(caught.value)
    assert f"Port {port} on 127.0.0.1" in text
    assert f"process {process.pid} (python" in text
    assert "http.port" in text


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1")
def test_a_port_taken_on_ipv6_only_is_an_error_too_and_leaves_nothing_open() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BindFailed, match=f"process {os.getpid()}"):
            bind(HttpSettings(port=port))
        with socket.create_server(("127.0.0.1", port)):
            pass


@pytest.mark.parametrize(
    ("host", "word"),
    [("no-such-host.invalid", "http.host"), ("192.0.2.77", "no address"), ("\x00", "http.host")],
)
def test_wrong_hosts_are_explained(host: str, word: str) -> None:
    with pytest.raises(BindFailed, match=word):
        bind(HttpSettings(host=host, port=0))


def test_a_free_port_has_no_holder() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        assert listening_inodes(port) == set()
        assert holder_of(port) == UNKNOWN


def test_processes_of_other_users_are_not_guessed(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    header, line = "  sl  local_address ...", "   0: 0100007F:1F90 00000000:0000 0A 0:0 0:0 0 0 0 4242 1"
    (tmp_path / "net" / "tcp").write_text(f"{header}\n{line}\n")
    (tmp_path / "77").mkdir()
    assert listening_inodes(8080, tmp_path) == {"4242"}
    assert holder_of(8080, tmp_path) == UNKNOWN


@pytest.mark.parametrize(
    ("hosts", "tls", "reached", "warned"),
    [
        (["127.0.0.1", "::1"], False, "this machine", False),
        (["0.0.0.0"], False, "every address", True),
        (["::"], False, "every address", True),
        (["192.168.1.5"], False, "192.168.1.5", True),
        (["192.168.1.5"], True, "192.168.1.5", False),
        (["127.0.0.1", "10.0.0.1"], False, "10.0.0.1", True),
    ],
)
def test_who_can_reach_the_server(hosts: list[str], tls: bool, reached: str, warned: bool) -> None:
    text, warning = reach([Listening(host, 8000, tls) for host in hosts])
    assert reached in text
    assert "http.host" in text
    assert (warning is not None) is warned
    assert warning is None or "http.tls_cert_file" in warning


@pytest.mark.parametrize(
    ("place", "url"),
    [
        (Listening("127.0.0.1", 8000, False), "http://127.0.0.1:8000"),
        (Listening("::1", 8000, True), "https://[::1]:8000"),
    ],
)
def test_urls(place: Listening, url: str) -> None:
    assert place.url == url
