"""What the registry and the journal have in common: a title, logs, and a heartbeat to the root."""

from pathlib import Path
from typing import Any

from setproctitle import setproctitle

from actors.base import BaseActor
from core.config import Settings
from core.messages import Address, PartAlive
from store import logs


class PartActor(BaseActor):
    """`part`: its name in titles, logs and heartbeats."""

    part = ""

    def __init__(self) -> None:
        super().__init__()
        self._root: Address = None
        self._beat_s = 0.0

    def begin(self, root: Any, log_dir: str, settings: Settings) -> None:
        """Called for the first message, and again for new settings."""
        started, self._beat_s = self._beat_s > 0, settings.supervision.heartbeat_s
        self._root = root
        logs.setup_logging(Path(log_dir), settings.log)
        if not started:
            setproctitle(f"sambung: {self.part}")
            self._beat()

    def on_wake(self, name: str, epoch: int) -> None:
        if name == "alive":
            self._beat()

    def _beat(self) -> None:
        self.send(self._root, PartAlive(self.part))
        self.wake_after(self._beat_s, "alive", 0)
