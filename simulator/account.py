"""What is known about one instance of a listener: its sockets, messages, events and acknowledgements."""

import base64
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from simulator.counting import Gauges, Numbers
from simulator.views import InstanceSummary, InstanceView, MessageView, SocketView

ENTRIES_KEPT = 1000
MESSAGE_KEPT_BYTES = 64 * 1024
MESSAGES_KEPT_BYTES = 1024 * 1024


@dataclass(slots=True, eq=False)
class SocketEntry:
    """One socket while it lives and after; SocketView says what the fields mean."""

    number: int
    dialled_at: float
    opened_at: float | None = None
    session_at: float | None = None
    closed_at: float | None = None
    close_code: int | None = None
    close_reason: str | None = None
    ended_by: str | None = None
    violation: str | None = None

    def view(self) -> SocketView:
        return SocketView(**{name: getattr(self, name) for name in self.__dataclass_fields__})


@dataclass(slots=True)
class Tally:
    """Counters that a reset sets back to zero."""

    dials: int = 0
    opened: int = 0
    received: int = 0
    pings: int = 0
    stale_frames: int = 0
    violations: int = 0
    skipped: int = 0
    bytes_in: int = 0
    bytes_out: int = 0


@dataclass(slots=True)
class Account:
    """The books of one instance. Event numbers and acknowledgements outlive sockets and resets."""

    instance: str
    tally: Tally = field(default_factory=Tally)
    gauges: Gauges = field(default_factory=Gauges)
    sent: int = 0
    acked: Numbers = field(default_factory=Numbers)
    acks_repeated: int = 0
    acks_unknown: int = 0
    path: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    newest_session: int = 0
    entries: deque[SocketEntry] = field(default_factory=lambda: deque(maxlen=ENTRIES_KEPT))
    dialled_at: deque[float] = field(default_factory=lambda: deque(maxlen=ENTRIES_KEPT))
    messages: deque[MessageView] = field(default_factory=deque)
    _messages_bytes: int = 0

    def dialled(self, entry: SocketEntry) -> None:
        self.tally.dials += 1
        self.gauges.sockets.up()
        self.dialled_at.append(entry.dialled_at)
        self.entries.append(entry)

    def accepted(self, entry: SocketEntry, now_s: float) -> None:
        entry.opened_at = now_s
        self.tally.opened += 1
        self.gauges.open.up()

    def logged_in(self, entry: SocketEntry, now_s: float) -> None:
        entry.session_at = now_s
        self.gauges.sessions.up()
        self.newest_session = max(self.newest_session, entry.number)

    def gone(self, entry: SocketEntry, now_s: float) -> None:
        entry.closed_at = now_s
        self.gauges.sockets.down()
        if entry.opened_at is not None:
            self.gauges.open.down()
        if entry.session_at is not None:
            self.gauges.sessions.down()

    def received(self, entry: SocketEntry, data: bytes, text: str | None, now_s: float) -> None:
        """Book one message; the oldest ones are forgotten beyond the limits."""
        self.tally.received += 1
        if entry.number < self.newest_session:
            self.tally.stale_frames += 1
        kept = data[:MESSAGE_KEPT_BYTES]
        self.messages.append(
            MessageView(
                at=now_s,
                socket=entry.number,
                size_bytes=len(data),
                text=None if text is None else text[:MESSAGE_KEPT_BYTES],
                base64=base64.b64encode(kept).decode() if text is None else None,
            )
        )
        self._messages_bytes += min(len(data), MESSAGE_KEPT_BYTES)
        while len(self.messages) > ENTRIES_KEPT or self._messages_bytes > MESSAGES_KEPT_BYTES:
            self._messages_bytes -= min(self.messages.popleft().size_bytes, MESSAGE_KEPT_BYTES)

    def acknowledged(self, number: int) -> None:
        if not 1 <= number <= self.sent:
            self.acks_unknown += 1
        elif not self.acked.add(number):
            self.acks_repeated += 1

    def forget(self) -> None:
        """Reset the counters and history; live sockets and event numbers stay."""
        self.tally = Tally()
        self.gauges.forget()
        self.dialled_at.clear()
        self.messages.clear()
        self._messages_bytes = 0
        living = [entry for entry in self.entries if entry.closed_at is None]
        self.entries.clear()
        self.entries.extend(living)

    def _counters(self) -> dict[str, int]:
        return {
            **{name: getattr(self.tally, name) for name in self.tally.__dataclass_fields__},
            **self.gauges.counters(),
            "sent": self.sent,
            "acknowledged": self.acked.count,
            "acks_repeated": self.acks_repeated,
            "acks_unknown": self.acks_unknown,
        }

    def summary(self) -> InstanceSummary:
        return InstanceSummary(**self._counters())

    def view(self, fault: Mapping[str, Any]) -> InstanceView:
        return InstanceView(
            **self._counters(),
            instance=self.instance,
            fault=fault,
            dialled_at=tuple(self.dialled_at),
            sockets=tuple(entry.view() for entry in self.entries),
            messages=tuple(self.messages),
            acknowledged_ranges=self.acked.ranges(),
            path=self.path,
            headers=self.headers,
        )
