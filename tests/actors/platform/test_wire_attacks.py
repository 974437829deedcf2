"""What strangers, and peers that go too far, can do to a running system's ports: nothing."""

import os
import pickle
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from actor_programs import Program, listeners, rss_kib, titled, tree
from wire_forging import Forger, exchanged

from actors.wire_codec import HEADER_BYTES

TARGETS = ["admin", "logger", "Root", "Child", "starter"]


class Payload:
    """Unpickling it runs a shell command."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (self.command,)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Program, int, int]]:
    """A running system; (program, pid, port) of its process of that name."""
    import sys

    program = Program(sys.executable, tmp_path_factory.mktemp("attacked"))
    try:
        program.start()
        program.with_children(1)

        def find(name: str) -> tuple[Program, int, int]:
            pid = program.process.pid if name == "starter" else titled(program.admin, name)[0]
            port = next(port for (_, port), owner in listeners([pid]).items())
            return program, pid, port

        yield find
    finally:
        program.close()


def stock_frame(payload: bytes) -> bytes:
    """A frame as an unchanged Thespian sends it."""
    return b"%d>%s" % (len(payload), payload)


def frames(program: Program, marker: Path, port: int) -> dict[str, bytes]:
    """Every attack by name; those that run code would create `marker`."""
    crafted = pickle.dumps((None, Payload(f"touch {marker}")))
    genuine, foreign = Forger(bytes.fromhex(program.wanted["key"])), Forger(bytes(32))
    sealed = genuine.frame(port, crafted)
    unsigned = sealed[: HEADER_BYTES - 64] + bytes(64)
    return {
        "crafted pickle as stock Thespian sends it": stock_frame(crafted),
        "crafted pickle, unsigned": unsigned + crafted,
        "crafted pickle, signed with another key": foreign.frame(port, crafted),
        "payload exchanged behind a genuine header": genuine.frame(port, bytes(len(crafted)))[:HEADER_BYTES]
        + crafted,
        "crafted pickle, correctly signed": sealed,
        "stock length of 2^40": b"1099511627776>" + bytes(4096),
        "length of 2^40": b"SBW\x02" + (1 << 40).to_bytes(8) + bytes(4096),
        "endless digits": b"9" * 4096,
        "HTTP": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "another version": b"SBW\x01" + bytes(100),
    }


NAMES = list(frames(type("Any", (), {"wanted": {"key": "00" * 32}})(), Path("x"), 1))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("kind", NAMES)
def test_nothing_is_executed_and_the_system_goes_on(
    target: Callable[[str], tuple[Program, int, int]], name: str, kind: str, tmp_path: Path
) -> None:
    program, _pid, port = target(name)
    marker = tmp_path / "executed"
    before = tree(program.admin)
    answer = exchange(program, name, port, frames(program, marker, port)[kind])
    assert not marker.exists()
    if kind != "crafted pickle, correctly signed":
        assert answer == b"", "no answer to a stranger"
    assert program.echo()
    assert tree(program.admin) == before


def exchange(program: Program, name: str, port: int, data: bytes) -> bytes:
    """The attack; the starter's sockets are served while its mailbox listens."""
    if name != "starter":
        return exchanged(port, data)
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(data)
        program.do("drain")
        program.echo()
        connection.setblocking(False)
        try:
            return connection.recv(65536)
        except (BlockingIOError, ConnectionResetError):
            return b""


def test_refusals_are_logged_once_for_each_kind_and_process(
    target: Callable[[str], tuple[Program, int, int]], tmp_path: Path
) -> None:
    program, _, port = target("Root")
    for _ in range(20):
        for data in frames(program, tmp_path / "executed", port).values():
            exchanged(port, data)
    lines = [line for line in program.stderr().splitlines() if f"from 127.0.0.1 on port {port}" in line]
    kinds = [line.split(": ", 1)[1].split(":")[0].split(";")[0] for line in lines]
    assert sorted(kinds) == sorted(set(kinds)), lines
    assert set(kinds) >= {
        "not a frame of this protocol",
        "a frame of another version",
        "a longer frame than allowed",
        "a frame without a valid signature",
        "a class that may not travel",
    }


def test_memory_stays_flat_under_refused_frames(
    target: Callable[[str], tuple[Program, int, int]], tmp_path: Path
) -> None:
    program, pid, port = target("Root")
    attacks = frames(program, tmp_path / "executed", port)
    for data in attacks.values():
        exchanged(port, data)
    before_kib = rss_kib(pid)
    for _ in range(100):
        for data in attacks.values():
            exchanged(port, data)
    assert rss_kib(pid) - before_kib < 1024
    assert program.echo()


def test_a_stranger_cannot_make_a_process_hold_more_than_a_header(
    target: Callable[[str], tuple[Program, int, int]],
) -> None:
    _program, pid, port = target("Root")
    before_kib = rss_kib(pid)
    header = Forger(bytes(32)).frame(port, bytes(1 << 24))[:HEADER_BYTES]
    exchanged(port, header + bytes(1 << 22))
    assert rss_kib(pid) - before_kib < 1024


def test_a_message_of_an_unlisted_class_is_refused_and_the_receiver_goes_on(
    target: Callable[[str], tuple[Program, int, int]],
) -> None:
    program, _, _ = target("Root")
    program.do("ask", kind="SayUnlisted", answers=0)
    assert program.echo()
    assert "actor_cast.Unlisted" in program.stderr()


def test_spawned_processes_are_protected_alike(programs: Callable[..., Program], tmp_path: Path) -> None:
    program = programs(start_method="spawn")
    program.start()
    program.with_children(1)
    marker = tmp_path / "executed"
    for (host, port), _ in listeners(tree(program.admin)).items():
        assert host == "127.0.0.1"
        for data in frames(program, marker, port).values():
            exchanged(port, data)
    assert not marker.exists()
    assert program.echo()
