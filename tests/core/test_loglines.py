"""The log lines operators grep for, byte for byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import loglines
from core.loglines import text

CONTRACT = {
    "socket": ("socket.creating", {}, "🔧 Creating new WebSocket socket for instance: XXX"),
    "connecting": ("connection.update", {"state": "connecting"}, "Connection update: connecting QR: None"),
    "open": ("connection.update", {"state": "open"}, "Connection update: open QR: None"),
    "close": ("connection.update", {"state": "close"}, "Connection update: close QR: None"),
    "qr": (
        "connection.update",
        {"state": "connecting", "qr": "Generated"},
        "Connection update: connecting QR: Generated",
    ),
    "opened": ("connection.open", {}, "✅ Connection opened successfully"),
    "counters": ("retry.reset", {}, "🔄 Retry counters reset for: XXX"),
    "error": ("socket.error", {"reason": "refused"}, "🚨 WebSocket connection error caught: refused"),
    "retry": ("retry.scheduled", {"delay_s": 30.0}, "🔄 Retrying connection after 30000ms"),
    "whole ms": ("retry.scheduled", {"delay_s": 16.50049}, "🔄 Retrying connection after 16500ms"),
    "high": ("failures.high", {"failures": 7}, "⚠️ WARNING: High failure rate for XXX (7 failures)"),
    "tripped": ("breaker.open", {}, "🔴 Circuit breaker activated for: XXX - Too many failures"),
    "ten minutes": (
        "breaker.waiting",
        {"reset_after_s": 600.0},
        "⏸️ Waiting for manual intervention or automatic reset in 10 minutes",
    ),
    "reset": ("breaker.reset", {}, "🔄 Circuit breaker reset for: XXX"),
}


@pytest.mark.parametrize(("event", "fields", "line"), CONTRACT.values(), ids=CONTRACT.keys())
def test_a_line_of_the_contract(event: str, fields: dict[str, object], line: str) -> None:
    assert text(event, fields, "XXX").encode() == line.encode()


def test_a_whatsapp_socket_is_named_so() -> None:
    line = text("socket.creating", {}, "XXX", "WhatsApp")
    assert line == "🔧 Creating new WhatsApp socket for instance: XXX"


def test_the_signs_are_the_very_code_points_that_operators_search() -> None:
    signs = [text(event, fields, "XXX")[0] for event, fields, _ in CONTRACT.values()]
    assert [f"{ord(sign):X}" for sign in signs] == [
        *("1F527", "43", "43", "43", "43", "2705", "1F504", "1F6A8"),
        *("1F504", "1F504", "26A0", "1F534", "23F8", "1F504"),
    ]
    # Both of these are followed by the emoji variation selector.
    assert text("failures.high", {"failures": 7}, "XXX")[1] == "\ufe0f"
    assert text("breaker.waiting", {"reset_after_s": 600}, "XXX")[1] == "\ufe0f"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (600.0, "10 minutes"),
        (60.0, "1 minute"),
        (90.0, "90 seconds"),
        (1.0, "1 second"),
        (0.5, "0.5 seconds"),
        (59.0, "59 seconds"),
        (86_400.0, "1440 minutes"),
    ],
)
def test_the_open_time_in_words(seconds: float, shown: str) -> None:
    assert text("breaker.waiting", {"reset_after_s": seconds}, "XXX").endswith(f"reset in {shown}")


OTHERS = {
    "link.closing": ({"cause": "configuration changed"}, "Closing the connection: configuration changed"),
    "link.idle": ({"cause": "not wanted"}, "Not connecting: not wanted"),
    "link.held": ({"cause": "held by the upstream gate"}, "Waiting: held by the upstream gate"),
    "link.waiting": (
        {"cause": "circuit breaker open", "delay_s": 1.5},
        "Waiting 1500ms: circuit breaker open",
    ),
    "link.unanswered": (
        {"cause": "no answer to the permit request for 30 s", "delay_s": 2.0},
        "Connecting without a permit after 2000ms: no answer to the permit request for 30 s",
    ),
    "link.restarting": ({"reason": "515"}, "Reconnecting at once, the upstream asked for it: 515"),
    "link.reconfigured": ({"cause": "configuration changed"}, "Trying again: configuration changed"),
    "link.ban_over": ({"cause": "the temporary ban is over"}, "Trying again: the temporary ban is over"),
    "link.forced": ({"cause": "force-retry by the operator"}, "Connecting now: force-retry by the operator"),
}


@pytest.mark.parametrize(("event", "row"), OTHERS.items(), ids=OTHERS.keys())
def test_a_line_beyond_the_contract(event: str, row: tuple[dict[str, object], str]) -> None:
    assert text(event, row[0], "XXX") == row[1]


def test_every_line_has_a_test() -> None:
    assert set(loglines.LINES) == {event for event, _, _ in CONTRACT.values()} | set(OTHERS)


def test_an_event_without_a_line_shows_its_text() -> None:
    assert (
        text("link.parked", {"text": "Parked: unlinked.", "kind": "logged_out"}, "XXX") == "Parked: unlinked."
    )


def test_an_event_without_a_text_shows_its_fields() -> None:
    assert text("store.slow", {"took_s": 2, "why": None}, "XXX") == "store.slow took_s=2"
    assert text("store.slow", {}, "XXX") == "store.slow"


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("bye\n2026 INFO [XXX] ✅ Connection opened", "bye\\n2026 INFO [XXX] ✅ Connection opened"),
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("a\u2028b", "a\\u2028b"),
        ("lone \ud800", "lone \\ud800"),
        ("selamat datang 👋🏽", "selamat datang 👋🏽"),
    ],
    ids=["forged line", "terminal control", "line separator", "surrogate", "ordinary"],
)
def test_a_peers_words_stay_on_one_line(reason: str, shown: str) -> None:
    assert text("socket.error", {"reason": reason}, "XXX") == f"🚨 WebSocket connection error caught: {shown}"


@given(
    reason=st.text(alphabet=st.characters()),
    event=st.sampled_from(["socket.error", "link.restarting", "other"]),
)
def test_every_line_is_one_line_of_encodable_text(reason: str, event: str) -> None:
    for line in (text(event, {"reason": reason}, "XXX"), text("other", {"text": reason}, "XXX")):
        assert line.isprintable()
        assert line.encode().decode() == line
