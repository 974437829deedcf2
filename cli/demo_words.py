"""Timeline entries as the demo tells them."""

from collections.abc import Mapping
from typing import Any

WORDS = {
    "socket.creating": "connects",
    "connection.open": "✅ is connected",
    "socket.error": "🚨 failed",
    "retry.scheduled": "🔄 waits",
    "retry.reset": "is stable: attempts and failures begin anew",
    "failures.high": "⚠️ fails often",
    "breaker.open": "🔴 its circuit breaker opens: no dials for a while",
    "breaker.half_open": "its circuit breaker is half-open: one probe",
    "breaker.reset": "🔄 its circuit breaker closes",
}

# Said by the entries beside them.
UNTOLD = ("connection.update", "breaker.waiting")


def in_words(entry: Mapping[str, Any]) -> str | None:
    """One entry in words; None for those that say nothing new."""
    event = entry["event"]
    if event in UNTOLD:
        return None
    if event == "retry.scheduled":
        return f"{WORDS[event]} {entry['delay_s']:.1f} s for the next attempt"
    parts = [WORDS.get(event, event)]
    if entry["cause"] and event != "breaker.open":
        parts.append(f"({entry['cause']})")
    if entry["why_not"]:
        parts.append(f"not retrying: {entry['why_not']}")
    return " ".join(parts)
