"""Connections that bring nothing: few are kept, none for long, and nobody waits for them."""

import os
import pickle
import resource
import select
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from actor_programs import Program, listeners, rss_kib, titled, wait_until
from wire_forging import Forger

from actors.wire_codec import HEADER_BYTES, RECEIPT_BYTES
from actors.wire_incoming import MAX_STRANGERS, STRANGER_DEADLINE

THOUSANDS = 3_000
DEADLINE_S, LATE_S = STRANGER_DEADLINE.total_seconds(), 1.5
# Where the port's queue was full, the kernel tries again after 1, 2, 4 and 8 s: the last strangers arrive so late.
SYN_RETRIES_S = 16.0


@pytest.fixture
def many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2 * THOUSANDS:
        pytest.skip(f"only {hard} files may be open here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2 * THOUSANDS), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def root_of(program: Program) -> tuple[int, int]:
    """Pid and port of the root."""
    pid = titled(program.admin, "Root")[0]
    return pid, next(port for (_, port), owner in listeners([pid]).items() if owner == pid)


def open_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


@contextmanager
def silent(port: int, count: int) -> Iterator[list[socket.socket]]:
    """So many connections at once that say nothing; closed afterwards with those that were added."""
    connections: list[socket.socket] = []
    try:
        for _ in range(count):
            connections.append(socket.socket())
            connections[-1].setblocking(False)
            connections[-1].connect_ex(("127.0.0.1", port))
        yield connections
    finally:
        for each in connections:
            each.close()


def send_quietly(connection: socket.socket, data: bytes) -> None:
    with suppress(OSError):
        connection.send(data)


@pytest.mark.parametrize("start_method", ["fork", "spawn"])
def test_thousands_of_idle_connections_disturb_nobody(
    programs: Callable[..., Program], many_files: None, start_method: str
) -> None:
    program = programs(start_method=start_method)
    program.start()
    pid, port = root_of(program)
    assert program.echo()
    files, memory_kib = open_files(pid), rss_kib(pid)
    with silent(port, THOUSANDS):
        slowest_s, most = 0.0, 0
        for _ in range(20):
            started_s = time.monotonic()
            assert program.echo()
            slowest_s = max(slowest_s, time.monotonic() - started_s)
            most = max(most, open_files(pid))
        print(f"\n{start_method}: slowest echo {slowest_s * 1000:.0f} ms, {most - files} more files")
        assert slowest_s < 5.0
        assert most - files <= 2 * MAX_STRANGERS + 16
        # Newcomers have to connect to the same port as the strangers.
        assert len(program.with_children(2)) == 2
        wait_until(
            lambda: open_files(pid) <= files + 16, "the strangers to be dropped", SYN_RETRIES_S + DEADLINE_S
        )
        assert rss_kib(pid) - memory_kib < 4096
        assert program.echo()


@pytest.mark.parametrize(
    "said", [b"", b"SBW", b"SBW\x02" + bytes(60)], ids=["nothing", "magic", "half a header"]
)
def test_a_silent_stranger_is_dropped_after_the_deadline(system: Program, said: bytes) -> None:
    _, port = root_of(system)
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(said)
        started_s = time.monotonic()
        ready, _, _ = select.select([connection], [], [], 60)
        assert ready and connection.recv(1) == b""
        assert 0.9 * DEADLINE_S < time.monotonic() - started_s < DEADLINE_S + LATE_S
    assert system.echo()


def test_a_receiver_that_was_paused_reads_what_came_meanwhile(system: Program) -> None:
    pid, port = root_of(system)
    assert system.echo()
    frame = Forger(bytes.fromhex(system.wanted["key"])).frame(port, pickle.dumps("x", protocol=5))
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        wait_until(lambda: has_peer(pid, port, connection), "the connection to be accepted")
        os.kill(pid, signal.SIGSTOP)
        try:
            connection.sendall(frame)
            select.select([], [], [], STRANGER_DEADLINE.total_seconds() + 0.5)
        finally:
            os.kill(pid, signal.SIGCONT)
        assert len(connection.recv(4096)) == RECEIPT_BYTES, "read and answered, not dropped"
    assert system.echo()


def has_peer(pid: int, port: int, connection: socket.socket) -> bool:
    """Whether the process holds its end of this connection."""
    own = f"{port:04X}", f"{connection.getsockname()[1]:04X}"
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if (fields[1].split(":")[1], fields[2].split(":")[1]) == own:
            return f"socket:[{fields[9]}]" in [link_of(each) for each in Path(f"/proc/{pid}/fd").iterdir()]
    return False


def link_of(descriptor: Path) -> str:
    try:
        return os.readlink(descriptor)
    except OSError:
        return ""  # closed meanwhile


def test_a_dripping_stranger_gains_no_time(system: Program) -> None:
    _, port = root_of(system)
    started_s = time.monotonic()
    dripped = 0
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for byte in b"SBW\x02" + bytes(90):
            send_quietly(connection, bytes([byte]))
            dripped += 1
            if select.select([connection], [], [], 0.5)[0]:
                break
    assert 1 < dripped < 90 and time.monotonic() - started_s < DEADLINE_S + LATE_S
    assert system.echo()


def test_repeating_a_captured_frame_does_not_prolong_a_stay(system: Program) -> None:
    pid, port = root_of(system)
    files = open_files(pid)
    captured = bytes.fromhex(system.do("ask_captured", kind="Echo", text="x")["frames"][-1])
    with silent(port, 0) as connections:
        for _ in range(2 * MAX_STRANGERS + 100):
            connections.append(socket.create_connection(("127.0.0.1", port)))
            send_quietly(connections[-1], captured)
        assert system.echo()
        assert open_files(pid) - files <= 2 * MAX_STRANGERS + 16
        wait_until(lambda: open_files(pid) <= files + 4, "those who only repeat to be dropped", 30.0)
    assert system.echo()


def test_unfinished_frames_are_bounded_too(system: Program) -> None:
    pid, port = root_of(system)
    files = open_files(pid)
    forger = Forger(bytes.fromhex(system.wanted["key"]))
    with silent(port, 0) as connections:
        for _ in range(2 * MAX_STRANGERS + 100):
            connections.append(socket.create_connection(("127.0.0.1", port)))
            send_quietly(connections[-1], forger.frame(port, bytes(1000))[: HEADER_BYTES + 10])
        assert system.echo()
        assert open_files(pid) - files <= 2 * MAX_STRANGERS + 16
    assert system.echo()
