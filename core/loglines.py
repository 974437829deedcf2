"""The words of the log: event names to the lines that operators grep for, byte for byte (contract §3)."""

from collections.abc import Callable, Mapping
from typing import Any

Fields = Mapping[str, Any]


def text(event: str, fields: Fields, instance_id: str, socket: str = "WebSocket") -> str:
    """The human line of an event; events without a fixed line show their `text` field or name and fields."""
    line = LINES.get(event)
    if line is not None:
        return line(fields, instance_id, socket)
    if "text" in fields:
        return str(fields["text"])
    shown = " ".join(f"{key}={value}" for key, value in fields.items() if value is not None)
    return f"{event} {shown}".rstrip()


def _duration(seconds: float) -> str:
    """`10 minutes`, `1 minute`, `90 seconds`: whole minutes where they say it all."""
    unit, amount = ("minute", seconds / 60) if seconds >= 60 and seconds % 60 == 0 else ("second", seconds)
    return f"{amount:g} {unit}{'' if amount == 1 else 's'}"


Line = Callable[[Fields, str, str], str]

LINES: dict[str, Line] = {
    "socket.creating": lambda f, i, s: f"🔧 Creating new {s} socket for instance: {i}",
    "connection.update": lambda f, i, s: f"Connection update: {f['state']} QR: {f.get('qr', 'None')}",
    "connection.open": lambda f, i, s: "✅ Connection opened successfully",
    "retry.reset": lambda f, i, s: f"🔄 Retry counters reset for: {i}",
    "socket.error": lambda f, i, s: f"🚨 WebSocket connection error caught: {f['reason']}",
    "retry.scheduled": lambda f, i, s: f"🔄 Retrying connection after {round(f['delay_s'] * 1000)}ms",
    "failures.high": lambda f, i, s: f"⚠️ WARNING: High failure rate for {i} ({f['failures']} failures)",
    "breaker.open": lambda f, i, s: f"🔴 Circuit breaker activated for: {i} - Too many failures",
    "breaker.waiting": lambda f, i, s: (
        f"⏸️ Waiting for manual intervention or automatic reset in {_duration(f['reset_after_s'])}"
    ),
    "breaker.reset": lambda f, i, s: f"🔄 Circuit breaker reset for: {i}",
}
