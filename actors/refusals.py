"""Refused frames in the log: the first of each kind from each host at once, the rest counted."""

import socket
import time

from actors.process import sambung_logger
from actors.wire_codec import FrameRefused, Refusal

REPEAT_AFTER_S = 3600.0
MAX_REMEMBERED = 256


class RefusalLog:
    """Decides which refusals are worth a line. Bounded: strangers can't make it grow."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, Refusal, str], tuple[float, int]] = {}

    def note(self, peer: str, refused: FrameRefused, now_s: float) -> int | None:
        """How many went unlogged since the last line, None when this one goes unlogged as well.

        A peer that holds the key sends what is a bug of ours: there each class counts for itself. `now_s`: monotonic
        seconds.
        """
        detail = refused.detail if refused.refusal.authenticated else ""
        key = (peer, refused.refusal, detail)
        logged_s, unlogged = self._seen.get(key, (None, 0))
        if logged_s is not None and now_s - logged_s < REPEAT_AFTER_S:
            self._seen[key] = (logged_s, unlogged + 1)
            return None
        while len(self._seen) >= MAX_REMEMBERED:
            del self._seen[next(iter(self._seen))]
        self._seen[key] = (now_s, 0)
        return unlogged


_log = RefusalLog()


def report_refusal(connection: socket.socket | None, refused: FrameRefused) -> None:
    """Log a refused frame, if this peer and kind are due."""
    try:
        assert connection is not None
        peer, here = connection.getpeername()[0], connection.getsockname()[1]
    except (OSError, AssertionError):
        peer, here = "an unknown host", 0
    unlogged = _log.note(peer, refused, time.monotonic())
    if unlogged is None:
        return
    advice = (
        "; if it is a message of ours, see actors/wire_classes.py" if refused.refusal.authenticated else ""
    )
    repeated = f" ({unlogged} more since the last report)" if unlogged else ""
    sambung_logger().warning(
        "🛡️ Refused a frame from %s on port %s: %s%s%s",
        peer,
        here,
        refused,
        advice,
        repeated,
        extra={"event": "wire.refused", "fields": {"peer": peer, "port": here, "kind": refused.refusal.name}},
    )
