"""Bytes that really went over the wire, captured and sent once more to the ports of a running system."""

import pickle
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from actor_programs import Program, listeners, titled, tree, wait_until
from wire_forging import Forger, exchanged

from actors.wire_codec import HEADER_BYTES, RECEIPT_BYTES, header_tag
from actors.wire_replay import MAX_AGE_NS

# What the root answers to, in a pickle as its own senders make it.
SPAWN = {"kind": "Spawn", "breed": "Child", "count": 1}


@dataclass
class Scene:
    """A running system, the ports of its actors, and a message that was captured on its way to the root."""

    program: Program
    forger: Forger
    root_port: int
    child_port: int
    admin_port: int
    spawn: bytes

    def children(self) -> int:
        return len(titled(self.program.admin, "Child"))

    def receipt(self, frame: bytes) -> bytes:
        return self.forger.codec.receipt(header_tag(frame), True)


def port_of(program: Program, pid: int) -> int:
    return next(port for (_, port), owner in listeners([pid]).items() if owner == pid)


@pytest.fixture(scope="module", params=["fork", "spawn"])
def scene(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("replayed")
    program = Program(sys.executable, folder, start_method=request.param)
    try:
        program.start()
        captured = program.do("ask_captured", **SPAWN)
        wait_until(lambda: titled(program.admin, "Child"), "the child")
        yield Scene(
            program,
            Forger(bytes.fromhex(program.wanted["key"])),
            root_port=port_of(program, titled(program.admin, "Root")[0]),
            child_port=port_of(program, titled(program.admin, "Child")[0]),
            admin_port=program.port,
            spawn=bytes.fromhex(captured["frames"][-1]),
        )
    finally:
        program.close()


def test_a_duplicate_at_the_same_port_is_acknowledged_and_not_delivered(scene: Scene) -> None:
    before = tree(scene.program.admin)
    for _ in range(20):
        assert exchanged(scene.root_port, scene.spawn, RECEIPT_BYTES) == scene.receipt(scene.spawn)
    # Whatever was delivered would be done before the next message is answered.
    assert scene.program.echo()
    assert scene.children() == 1 and tree(scene.program.admin) == before
    assert scene.program.do("drain") == {"drained": 0}
    assert "a frame that was delivered before" in scene.program.stderr()


def test_a_duplicate_in_slices_is_acknowledged_too(scene: Scene) -> None:
    with socket.create_connection(("127.0.0.1", scene.root_port), timeout=20) as connection:
        for position in range(0, len(scene.spawn), 10):
            connection.sendall(scene.spawn[position : position + 10])
        assert connection.recv(4096) == scene.receipt(scene.spawn)
    assert scene.program.echo() and scene.children() == 1


@pytest.mark.parametrize("name", ["child_port", "admin_port"])
def test_at_another_port_it_is_refused(scene: Scene, name: str) -> None:
    before = tree(scene.program.admin)
    assert exchanged(getattr(scene, name), scene.spawn) == b""
    assert scene.program.echo() and tree(scene.program.admin) == before
    assert "a frame for another receiver" in scene.program.stderr()


def test_at_another_port_its_header_alone_is_refused(scene: Scene) -> None:
    header = scene.forger.frame(scene.root_port, bytes(1 << 20))[:HEADER_BYTES]
    assert exchanged(scene.child_port, header) == b"", "closed without waiting for the payload"


def answer_to(scene: Scene, later_ns: int) -> bytes:
    """What the root answers to a message of the forger's, sealed that much later than now."""
    payload = pickle.dumps("not a pair of sender and message", protocol=5)
    frame = scene.forger.frame(scene.root_port, payload, later_ns)
    answer = exchanged(scene.root_port, frame, RECEIPT_BYTES)
    assert answer in (b"", scene.forger.codec.receipt(header_tag(frame), False))
    return answer


@pytest.mark.parametrize("later_ns", [-MAX_AGE_NS - 1, -(1 << 40), 60_000_000_000])
def test_a_frame_from_another_time_is_refused(scene: Scene, later_ns: int) -> None:
    assert answer_to(scene, 0) != b"", "the same frame of now is read, and refused for what it holds"
    assert answer_to(scene, later_ns) == b""
    assert "a frame from another time" in scene.program.stderr()
    assert scene.program.echo()


def test_a_frame_for_the_former_owner_of_a_port_is_refused(programs: Callable[..., Program]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    first = programs(port=port)
    first.start()
    forger = Forger(bytes.fromhex(first.wanted["key"]))
    captured = forger.frame(port, pickle.dumps("x", protocol=5))
    assert exchanged(port, captured, RECEIPT_BYTES) != b""
    first.do("stop")
    first.close()
    second = programs(port=port, key=first.wanted["key"])
    second.start()
    assert exchanged(port, captured) == b""
    assert "sent before this receiver began" in second.stderr()
    assert second.echo()


def test_a_restarted_host_knows_no_frame_of_before(scene: Scene) -> None:
    other = Forger(bytes.fromhex(scene.program.wanted["key"]))
    other.codec = type(other.codec)(bytes.fromhex(scene.program.wanted["key"]), 1 << 24, b"another boot")
    assert exchanged(scene.root_port, other.frame(scene.root_port, b"x" * 100)) == b""
    assert scene.program.echo()


def test_a_sender_whose_receipt_was_lost_is_told_and_the_message_counts_once(scene: Scene) -> None:
    """The forger sends, closes before the receipt comes, and repeats the same bytes: as Thespian does."""
    poison = scene.forger.frame(scene.root_port, pickle.dumps("x", protocol=5))
    with socket.create_connection(("127.0.0.1", scene.root_port)) as connection:
        connection.sendall(poison)
    assert exchanged(scene.root_port, poison, RECEIPT_BYTES) == scene.forger.codec.receipt(
        header_tag(poison), False
    )
    fresh = bytes.fromhex(scene.program.do("ask_captured", kind="Echo", text="once")["frames"][-1])
    assert exchanged(scene.root_port, fresh, RECEIPT_BYTES) == scene.receipt(fresh)
    assert scene.program.do("drain") == {"drained": 0}


def test_no_frame_is_written_to_the_log(scene: Scene) -> None:
    for path in Path(scene.program.log_dir).rglob("*"):
        if path.is_file():
            assert scene.spawn[-64:] not in path.read_bytes()
