"""What is said to a SOCKS proxy, byte by byte, and what each answer means (RFC 1928, RFC 1929, SOCKS4a)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.socks import SocksRefused, Talk, socks_handshake
from core.failures import Failure, FailureKind
from core.proxies import Proxy, ProxyKind, parse_proxy

OPEN = parse_proxy("socks5://p:1080")
LOGIN = parse_proxy("socks5://user:pa%3Ass@p:1080")
FOUR = parse_proxy("socks4a://user@p:1080")
NAME = ("ws.example", 443)
BOUND = b"\x7f\0\0\1\x04\xd2"


def run(proxy: Proxy, target: tuple[str, int], answers: bytes) -> tuple[bytes, Failure | None, bytes]:
    """Everything that was sent, how it failed, and the answers' bytes that were not asked for."""
    steps, sent = socks_handshake(proxy, *target), b""
    try:
        talk: Talk = next(steps)
        while True:
            sent += talk.send
            if len(answers) < talk.answer_bytes:
                raise AssertionError(f"waits for {talk.answer_bytes} bytes, there are {answers!r}")
            answer, answers = answers[: talk.answer_bytes], answers[talk.answer_bytes :]
            talk = steps.send(answer)
    except StopIteration:
        return sent, None, answers
    except SocksRefused as refused:
        return sent, refused.failure, answers


GREETING, REQUEST = b"\x05\x01\0", b"\x05\x01\0\x03\x0aws.example\x01\xbb"
OFFER, CREDENTIALS = b"\x05\x02\0\x02", b"\x01\x04user\x05pa:ss"


@pytest.mark.parametrize(
    ("proxy", "target", "answers", "sent"),
    [
        (OPEN, NAME, b"\x05\0" + b"\x05\0\0\x01" + BOUND, GREETING + REQUEST),
        (OPEN, NAME, b"\x05\0" + b"\x05\0\0\x04" + bytes(18), GREETING + REQUEST),
        (OPEN, NAME, b"\x05\0" + b"\x05\0\0\x03\x03abc\0\1", GREETING + REQUEST),
        (
            OPEN,
            ("192.0.2.1", 80),
            b"\x05\0\x05\0\0\x01" + BOUND,
            GREETING + b"\x05\x01\0\x01\xc0\0\x02\x01\0\x50",
        ),
        (
            OPEN,
            ("2001:db8::1", 80),
            b"\x05\0\x05\0\0\x01" + BOUND,
            GREETING + b"\x05\x01\0\x04 \x01\r\xb8" + bytes(11) + b"\x01\0\x50",
        ),
        (LOGIN, NAME, b"\x05\x02\x01\0\x05\0\0\x01" + BOUND, OFFER + CREDENTIALS + REQUEST),
        (LOGIN, NAME, b"\x05\0\x05\0\0\x01" + BOUND, OFFER + REQUEST),
        (FOUR, NAME, b"\0\x5a" + BOUND, b"\x04\x01\x01\xbb\0\0\0\x01user\0ws.example\0"),
        (FOUR, ("192.0.2.1", 443), b"\0\x5a" + BOUND, b"\x04\x01\x01\xbb\xc0\0\x02\x01user\0"),
        (
            parse_proxy("socks4a://p:1"),
            NAME,
            b"\0\x5a" + BOUND,
            b"\x04\x01\x01\xbb\0\0\0\x01\0ws.example\0",
        ),
    ],
    ids=[
        "name",
        "bound to IPv6",
        "bound to a name",
        "IPv4",
        "IPv6",
        "login",
        "login not wanted",
        "4a",
        "4a IPv4",
        "4a no user",
    ],
)
def test_a_tunnel(proxy: Proxy, target: tuple[str, int], answers: bytes, sent: bytes) -> None:
    assert run(proxy, target, answers + b"behind") == (sent, None, b"behind")


@pytest.mark.parametrize(
    ("proxy", "answers", "kind", "sent"),
    [
        (OPEN, b"\x05\xff", FailureKind.CONFIG, GREETING),
        (LOGIN, b"\x05\xff", FailureKind.CONFIG, OFFER),
        (OPEN, b"\x05\x02", FailureKind.PROTOCOL, GREETING),
        (LOGIN, b"\x05\x01", FailureKind.PROTOCOL, OFFER),
        (OPEN, b"\x04\0", FailureKind.PROTOCOL, GREETING),
        (OPEN, b"HT", FailureKind.PROTOCOL, GREETING),
        (LOGIN, b"\x05\x02\x01\x01", FailureKind.CONFIG, OFFER + CREDENTIALS),
        (LOGIN, b"\x05\x02\x05\0", FailureKind.PROTOCOL, OFFER + CREDENTIALS),
        (OPEN, b"\x05\0\x04\0\0\x01", FailureKind.PROTOCOL, GREETING + REQUEST),
        (OPEN, b"\x05\0\x05\0\0\x02", FailureKind.PROTOCOL, GREETING + REQUEST),
        *[
            (OPEN, b"\x05\0\x05" + bytes([code]) + b"\0\x01", kind, GREETING + REQUEST)
            for code, kind in [
                (1, FailureKind.NETWORK),
                (2, FailureKind.NETWORK),
                (3, FailureKind.NETWORK),
                (4, FailureKind.NETWORK),
                (5, FailureKind.NETWORK),
                (6, FailureKind.NETWORK),
                (7, FailureKind.CONFIG),
                (8, FailureKind.CONFIG),
                (9, FailureKind.NETWORK),
                (255, FailureKind.NETWORK),
            ]
        ],
        (FOUR, b"\0\x5b" + BOUND, FailureKind.NETWORK, None),
        (FOUR, b"\0\x5c" + BOUND, FailureKind.CONFIG, None),
        (FOUR, b"\0\x5d" + BOUND, FailureKind.CONFIG, None),
        (FOUR, b"\0\0" + BOUND, FailureKind.NETWORK, None),
        (FOUR, b"\x04\x5a" + BOUND, FailureKind.PROTOCOL, None),
    ],
)
def test_no_tunnel(proxy: Proxy, answers: bytes, kind: FailureKind, sent: bytes | None) -> None:
    said, failure, _ = run(proxy, NAME, answers)
    assert failure is not None and failure.kind is kind
    assert sent is None or said == sent
    assert "user" not in failure.text.replace("the user", "").replace("a user", "")
    assert "pa:ss" not in failure.text


def test_a_password_is_sent_only_when_it_is_asked_for() -> None:
    for answers in (b"\x05\xff", b"\x05\0\x05\x01\0\x01", b"\x04\0"):
        assert b"pa:ss" not in run(LOGIN, NAME, answers)[0]


def test_nothing_said_is_in_a_repr() -> None:
    assert "canary" not in repr(Talk(b"canary", 2))


@given(st.sampled_from([OPEN, LOGIN, FOUR]), st.binary(min_size=300, max_size=300))
def test_any_answer_is_a_tunnel_or_a_refusal(proxy: Proxy, answers: bytes) -> None:
    sent, failure, _ = run(proxy, NAME, answers)
    assert sent and (failure is None or failure.text.startswith("the proxy"))


@given(st.integers(1, 255), st.integers(0, 255))
def test_credentials_of_any_length_are_counted(user_bytes: int, password_bytes: int) -> None:
    proxy = Proxy(ProxyKind.SOCKS5, "p", 1, b"u" * user_bytes, b"p" * password_bytes)
    sent, failure, _ = run(proxy, NAME, b"\x05\x02\x01\0\x05\0\0\x01" + BOUND)
    assert failure is None
    assert (
        bytes([1, user_bytes]) + b"u" * user_bytes + bytes([password_bytes]) + b"p" * password_bytes in sent
    )
