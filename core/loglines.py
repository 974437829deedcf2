"""The words of the log: event names to the lines that operators grep for, byte for byte."""

from collections.abc import Callable, Mapping
from typing import Any

Fields = Mapping[str, Any]


def text(event: str, fields: Fields, instance_id: str, socket: str = "WebSocket") -> str:
    """The human line of an event; events without a fixed line show their `text` field or name and fields.

    It is always one line: a peer's words cannot forge another line or drive the operator's terminal.
    """
    line = LINES.get(event)
    if line is not None:
        return _one_line(line(fields, instance_id, socket))
    if "text" in fields:
        return _one_line(str(fields["text"]))
    shown = " ".join(f"{key}={value}" for key, value in fields.items() if value is not None)
    return _one_line(f"{event} {shown}".rstrip())


def _one_line(line: str) -> str:
    """Control characters, line separators and lone surrogates as escapes."""
    if line.isprintable():
        return line
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)


def _ms(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"


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
    "retry.scheduled": lambda f, i, s: f"🔄 Retrying connection after {_ms(f['delay_s'])}",
    "failures.high": lambda f, i, s: f"⚠️ WARNING: High failure rate for {i} ({f['failures']} failures)",
    "breaker.open": lambda f, i, s: f"🔴 Circuit breaker activated for: {i} - Too many failures",
    "breaker.waiting": lambda f, i, s: (
        f"⏸️ Waiting for manual intervention or automatic reset in {_duration(f['reset_after_s'])}"
    ),
    "breaker.reset": lambda f, i, s: f"🔄 Circuit breaker reset for: {i}",
    # Beyond the contract: what else happened to the link, and why.
    "link.closing": lambda f, i, s: f"Closing the connection: {f['cause']}",
    "link.idle": lambda f, i, s: f"Not connecting: {f['cause']}",
    "link.held": lambda f, i, s: f"Waiting: {f['cause']}",
    "link.waiting": lambda f, i, s: f"Waiting {_ms(f['delay_s'])}: {f['cause']}",
    "link.unanswered": lambda f, i, s: f"Connecting without a permit after {_ms(f['delay_s'])}: {f['cause']}",
    "link.restarting": lambda f, i, s: f"Reconnecting at once, the upstream asked for it: {f['reason']}",
    "link.reconfigured": lambda f, i, s: f"Trying again: {f['cause']}",
    "link.ban_over": lambda f, i, s: f"Trying again: {f['cause']}",
    "link.forced": lambda f, i, s: f"Connecting now: {f['cause']}",
}
