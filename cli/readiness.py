"""Is the server ready? And when it is not for a while: why."""

import contextlib
import logging
import time
from dataclasses import dataclass

from cli.client import Client
from cli.failure import CommandFailed
from cli.folder import Place, read_listening

log = logging.getLogger("sambung.launcher")

PATIENCE_S = 5.0


@dataclass(slots=True)
class Readiness:
    """`since_s`: monotonic time of the start; reasons are logged when they last longer than PATIENCE_S."""

    place: Place
    since_s: float
    told: str = ""

    def asked(self) -> bool:
        """Ask /health/ready once."""
        reason = self.why_not()
        if reason and reason != self.told and time.monotonic() - self.since_s > PATIENCE_S:
            self.told = reason
            log.warning("not ready yet: %s", reason)
        return reason is None

    def why_not(self) -> str | None:
        """None when the server is ready."""
        listening = read_listening(self.place)
        if listening is None:
            return "the web process does not listen yet"
        try:
            status, answer = Client(listening.url, None, timeout_s=1.0).answer("GET", "/health/ready")
        except CommandFailed as failure:
            return failure.message
        return None if status == 200 else self._in_full() or str(answer.get("message") or f"HTTP {status}")

    def _in_full(self) -> str:
        """The same with where the files are, which only a token is told."""
        with contextlib.suppress(CommandFailed, KeyError, TypeError):
            data = Client.of(self.place, timeout_s=1.0).call("GET", "/api/v1/server")["data"]
            return "; ".join(one["message"] for one in data["not_ready"])
        return ""
