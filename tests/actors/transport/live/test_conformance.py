"""Groups 1 to 7 and 10 of the Autobahn client cases in small: recorded server bytes against what an echo client
answers, once through the frame reader alone and once over a real socket. The numbers are the suite's case numbers.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from actors.frames import FrameReader, Message, PeerClose, Ping, Violation, close_payload
from actors.transport import Lost, Received
from core.failures import FailureKind

CONT, TEXT, BIN, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
BYE = (CLOSE, b"\x03\xe8")


def f(opcode: int, payload: bytes | str = b"", *, fin: bool = True, rsv: int = 0) -> bytes:
    data = payload.encode() if isinstance(payload, str) else payload
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    if len(data) < 126:
        return head + bytes([len(data)]) + data
    if len(data) < 1 << 16:
        return head + b"\x7e" + len(data).to_bytes(2, "big") + data
    return head + b"\x7f" + len(data).to_bytes(8, "big") + data


@dataclass(frozen=True)
class Case:
    """`sent` by the server; `answers`: the client's frames, the last one its Close; `chop`: bytes per write."""

    number: str
    sent: bytes
    answers: list[tuple[int, bytes]] = field(default_factory=list)
    chop: int = 0
    violation: bool = False


def good(number: str, sent: bytes, *answers: tuple[int, bytes], chop: int = 0) -> Case:
    """The server closes normally at the end, and the client echoes that."""
    return Case(number, sent + f(*BYE), [*answers, BYE], chop)


def bad(number: str, sent: bytes, code: int, *answers: tuple[int, bytes], chop: int = 0) -> Case:
    """The stream breaks the protocol: the client says so with this code."""
    return Case(number, sent, [*answers, (CLOSE, code.to_bytes(2, "big"))], chop, violation=True)


def sizes(group: str, opcode: int) -> list[Case]:
    found = []
    for index, size in enumerate((0, 125, 126, 127, 128, 65535, 65536), 1):
        payload = (b"*" if opcode == TEXT else b"\xfe") * size
        found.append(good(f"{group}.{index}", f(opcode, payload), (opcode, payload)))
    payload = b"*" * 65536
    return [*found, good(f"{group}.8", f(opcode, payload), (opcode, payload), chop=997)]


HELLO = (TEXT, b"Hello, world!")
KOSME = "κόσμε".encode()
SURROGATE = KOSME + b"\xed\xa0\x80edited"
BEYOND = KOSME + b"\xf4\x90\x80\x80edited"


def fragments(opcode: int, *parts: bytes) -> bytes:
    last = len(parts) - 1
    return b"".join(f(CONT if i else opcode, part, fin=i == last) for i, part in enumerate(parts))


def one_by_one(payload: bytes) -> bytes:
    return fragments(TEXT, *[bytes([byte]) for byte in payload])


CASES = [
    *sizes("1.1", TEXT),
    *sizes("1.2", BIN),
    good("2.1", f(PING), (PONG, b"")),
    good("2.2", f(PING, "Hello, world!"), (PONG, b"Hello, world!")),
    good("2.3", f(PING, b"\x00\xff\xfe\xfd"), (PONG, b"\x00\xff\xfe\xfd")),
    good("2.4", f(PING, b"\xfe" * 125), (PONG, b"\xfe" * 125)),
    bad("2.5", f(PING, b"\xfe" * 126), 1002),
    good("2.6", f(PING, b"\xfe" * 125), (PONG, b"\xfe" * 125), chop=1),
    good("2.7", f(PONG)),
    good("2.8", f(PONG, "unsolicited")),
    good("2.9", f(PONG, "unsolicited") + f(PING, "ping"), (PONG, b"ping")),
    good("2.10", b"".join(f(PING, str(i)) for i in range(10)), *[(PONG, str(i).encode()) for i in range(10)]),
    good("2.11", b"".join(f(PING, str(i)) for i in range(10)), *[(PONG, str(i).encode()) for i in range(10)], chop=1),
    bad("3.1", f(TEXT, "Hello", rsv=1), 1002),
    bad("3.2", f(*HELLO) + f(TEXT, "Hello", rsv=2) + f(PING), 1002, HELLO),
    bad("3.3", f(*HELLO) + f(TEXT, "Hello", rsv=3) + f(PING), 1002, HELLO),
    bad("3.4", f(*HELLO) + f(TEXT, "Hello", rsv=4) + f(PING), 1002, HELLO, chop=1),
    bad("3.5", f(BIN, b"\x00\xff", rsv=5), 1002),
    bad("3.6", f(PING, "x", rsv=6), 1002),
    bad("3.7", f(CLOSE, b"\x03\xe8", rsv=7), 1002),
    *[bad(f"4.1.{n}", f(op) + f(PING), 1002) for n, op in enumerate((3, 4, 5, 6, 7), 1)],
    *[bad(f"4.2.{n}", f(*HELLO) + f(op, "x") + f(PING), 1002, HELLO) for n, op in enumerate((11, 12, 13, 14, 15), 1)],
    bad("5.1", f(PING, "frag", fin=False) + f(CONT, "ment"), 1002),
    bad("5.2", f(PONG, "frag", fin=False) + f(CONT, "ment"), 1002),
    good("5.3", fragments(TEXT, b"frag", b"ment"), (TEXT, b"fragment")),
    good("5.5", fragments(TEXT, b"frag", b"ment"), (TEXT, b"fragment"), chop=1),
    good("5.6", f(TEXT, "frag", fin=False) + f(PING, "p") + f(CONT, "ment"), (PONG, b"p"), (TEXT, b"fragment")),
    good("5.8", f(TEXT, "frag", fin=False) + f(PING, "p") + f(CONT, "ment"), (PONG, b"p"), (TEXT, b"fragment"), chop=1),
    bad("5.9", f(CONT, "orphan") + f(*HELLO), 1002),
    bad("5.10", f(CONT, "orphan") + f(*HELLO), 1002),
    bad("5.11", f(CONT, "orphan") + f(*HELLO), 1002, chop=1),
    bad("5.12", f(CONT, "orphan", fin=False) + f(*HELLO), 1002),
    bad("5.15", fragments(TEXT, b"a", b"b") + f(CONT, "c", fin=False), 1002, (TEXT, b"ab")),
    bad("5.16", f(CONT, "a", fin=False) + f(TEXT, "b", fin=False) + f(CONT, "c"), 1002),
    bad("5.18", f(TEXT, "a", fin=False) + f(TEXT, "b"), 1002),
    good("5.19", f(TEXT, "1", fin=False) + f(CONT, "2", fin=False) + f(PING, "a") + f(CONT, "3", fin=False)
         + f(CONT, "4", fin=False) + f(PING, "b") + f(CONT, "5"), (PONG, b"a"), (PONG, b"b"), (TEXT, b"12345")),
    good("6.1.1", f(TEXT), (TEXT, b"")),
    good("6.1.2", fragments(TEXT, b"", b"", b""), (TEXT, b"")),
    good("6.1.3", fragments(TEXT, b"", b"middle", b""), (TEXT, b"middle")),
    good("6.2.1", f(TEXT, "Hello-µ@ßöäüàá-UTF-8!!"), (TEXT, "Hello-µ@ßöäüàá-UTF-8!!".encode())),
    good("6.2.3", one_by_one("Hello-µ@ßöäüàá".encode()), (TEXT, "Hello-µ@ßöäüàá".encode())),
    good("6.2.4", one_by_one(KOSME), (TEXT, KOSME)),
    bad("6.3.1", f(TEXT, SURROGATE), 1007),
    bad("6.3.2", one_by_one(SURROGATE), 1007),
    bad("6.4.1", fragments(TEXT, KOSME, b"\xf4\x90\x80\x80", b"edited"), 1007),
    bad("6.4.2", fragments(TEXT, KOSME + b"\xf4", b"\x90", b"\x80\x80edited"), 1007),
    bad("6.4.3", f(TEXT, BEYOND), 1007, chop=3),
    bad("6.4.4", f(TEXT, BEYOND), 1007, chop=1),
    good("6.5.1", f(TEXT, KOSME), (TEXT, KOSME)),
    *[bad(f"6.6.{n}", f(TEXT, KOSME[:n]), 1007) for n in (1, 3, 5, 7, 9)],
    *[good(f"6.7.{n}", f(TEXT, c), (TEXT, c.encode())) for n, c in enumerate("\0\x80\u0800\U00010000", 1)],
    *[bad(f"6.8.{n}", f(TEXT, b), 1007) for n, b in enumerate((b"\xf8" + b"\x88" * 4, b"\xfc" + b"\x84" * 5), 1)],
    *[good(f"6.9.{n}", f(TEXT, c), (TEXT, c.encode())) for n, c in enumerate("\x7f\u07ff\uffff\U0010ffff", 1)],
    *[bad(f"6.10.{n}", f(TEXT, b), 1007) for n, b in enumerate((b"\xf7\xbf\xbf\xbf", b"\xfb\xbf\xbf\xbf\xbf"), 1)],
    *[good(f"6.11.{n}", f(TEXT, c), (TEXT, c.encode())) for n, c in enumerate("\ud7ff\ue000\ufffd\U0010ffff", 1)],
    *[bad(f"6.12.{n}", f(TEXT, b), 1007) for n, b in enumerate((b"\x80", b"\xbf", b"\x80\xbf"), 1)],
    *[bad(f"6.13.{n}", f(TEXT, b), 1007) for n, b in enumerate((b"\xc0 \xc1 ", b"\xe0 \xe1 ", b"\xf0 "), 1)],
    *[bad(f"6.14.{n}", f(TEXT, b), 1007) for n, b in enumerate((b"\xc0", b"\xe0\x80", b"\xf0\x80\x80", b"\xdf"), 1)],
    *[bad(f"6.16.{n}", f(TEXT, b), 1007) for n, b in enumerate((b"\xfe", b"\xff", b"\xfe\xfe\xff\xff"), 1)],
    *[bad(f"6.17.{n}", f(TEXT, b), 1007) for n, b in enumerate((b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf"), 1)],
    *[bad(f"6.20.{n}", f(TEXT, b), 1007) for n, b in enumerate((b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xed\xad\xbf"), 1)],
    *[good(f"6.22.{n}", f(TEXT, c), (TEXT, c.encode())) for n, c in enumerate("\ufffe\uffff\U0001fffe", 1)],
    good("6.23.1", f(TEXT, "\ufffd"), (TEXT, b"\xef\xbf\xbd")),
    good("7.1.1", f(*HELLO), HELLO),
    Case("7.1.2", f(*BYE) + f(*BYE), [BYE]),
    Case("7.1.3", f(*BYE) + f(PING, "late"), [BYE]),
    Case("7.1.4", f(*BYE) + f(*HELLO), [BYE]),
    Case("7.1.5", f(TEXT, "frag", fin=False) + f(*BYE) + f(CONT, "ment"), [BYE]),
    Case("7.1.6", f(TEXT, b"a" * 256 * 1024) + f(*HELLO) + f(*BYE) + f(PING), [(TEXT, b"a" * 256 * 1024), HELLO, BYE]),
    Case("7.3.1", f(CLOSE), [(CLOSE, b"")]),
    bad("7.3.2", f(CLOSE, "a"), 1002),
    Case("7.3.3", f(CLOSE, b"\x03\xe8"), [BYE]),
    Case("7.3.4", f(CLOSE, b"\x03\xe8Hello World!"), [BYE]),
    Case("7.3.5", f(CLOSE, b"\x03\xe8" + b"*" * 123), [BYE]),
    bad("7.3.6", f(CLOSE, b"\x03\xe8" + b"*" * 124), 1002),
    bad("7.5.1", f(CLOSE, b"\x03\xe8" + SURROGATE), 1007),
    *[Case(f"7.7.{n}", f(CLOSE, code.to_bytes(2, "big")), [(CLOSE, code.to_bytes(2, "big"))])
      for n, code in enumerate((1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999), 1)],
    *[bad(f"7.9.{n}", f(CLOSE, code.to_bytes(2, "big")), 1002)
      for n, code in enumerate((0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999), 1)],
    bad("7.13.1", f(CLOSE, (5000).to_bytes(2, "big")), 1002),
    bad("7.13.2", f(CLOSE, (65535).to_bytes(2, "big")), 1002),
    good("10.1.1", fragments(TEXT, *[b"*" * 1300] * 50, b"*" * 536), (TEXT, b"*" * 65536)),
]  # fmt: skip

by_number = pytest.mark.parametrize("case", CASES, ids=[case.number for case in CASES])


def chopped(case: Case) -> list[bytes]:
    step = case.chop or len(case.sent)
    return [case.sent[at : at + step] for at in range(0, len(case.sent), step)]


def code_only(frame: tuple[int, bytes]) -> tuple[int, bytes]:
    """Our reason after the code of a Close is free text."""
    return (frame[0], frame[1][:2]) if frame[0] == CLOSE else frame


@by_number
def test_the_reader_answers_as_the_case_demands(case: Case) -> None:
    reader = FrameReader(1 << 20)
    answers: list[tuple[int, bytes]] = []
    for part in chopped(case):
        reader.feed(part)
        while (event := reader.take()) is not None:
            match event:
                case Message(str() as text):
                    answers.append((TEXT, text.encode()))
                case Message(bytes() as data):
                    answers.append((BIN, data))
                case Ping(data):
                    answers.append((PONG, data))
                case PeerClose(code, _) | Violation(code, _):
                    answers.append((CLOSE, close_payload(code)))
    assert answers == case.answers


@by_number
def test_the_transport_answers_as_the_case_demands_and_closes_its_socket(
    case: Case, serve: Callable[..., Any], drive: Callable[..., Any]
) -> None:
    def play(peer: Any) -> list[tuple[int, bytes]]:
        peer.upgrade()
        for part in chopped(case):
            peer.sock.sendall(part)
        return [code_only(frame) for frame in peer.frames()]

    server, driver = serve(play), drive()
    driver.open(server.url)
    answered = 0
    while not any(isinstance(event, Lost) for event in driver.events):
        driver.step(1.0)
        received = [event.data for event in driver.events if isinstance(event, Received)]
        for data in received[answered:]:
            text = isinstance(data, str)
            driver.transport.send(data.encode() if text else data, text)
        answered = len(received)
    assert driver.transport.fds() == []
    assert server.result() == case.answers
    lost = driver.lost()
    assert lost.failure.kind is (FailureKind.PROTOCOL if case.violation else FailureKind.UPSTREAM)
    assert (lost.code or 0).to_bytes(2, "big") == (case.answers[-1][1] or b"\0\0")
