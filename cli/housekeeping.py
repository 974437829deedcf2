"""What the actors process does beside watching the root: rotate the logs, measure the data folder.

The root itself does no I/O; it is told the figures.
"""

import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from core.config import Settings
from core.messages import HostStorage
from store.logs import logger, rotate

ROUND_S = 10.0


@dataclass(slots=True)
class Housekeeping:
    """`due_at_s`: monotonic time of the next round."""

    data: Path
    logs: Path
    settings: Settings
    due_at_s: float = 0.0

    def round(self, now_s: float) -> HostStorage | None:
        """Do what is due: the figures for the root, None when nothing was. Never raises: a full disk is a figure."""
        if now_s < self.due_at_s:
            return None
        self.due_at_s = now_s + ROUND_S
        try:
            rotate(self.logs, self.settings.log.rotate_mb, self.settings.log.keep, time.time())
        except OSError as error:
            logger().error("The logs could not be rotated: %s", error)
        try:
            return measure(self.data)
        except OSError as error:
            logger().error("The data folder could not be measured: %s", error)
            return HostStorage(False, 0, 0, 0.0)


def measure(data: Path) -> HostStorage:
    """Bytes used by the data folder and free on its disk. Raises OSError when the folder is gone."""
    usage = shutil.disk_usage(data)
    free_percent = 100.0 * usage.free / usage.total if usage.total else 0.0
    return HostStorage(True, used_bytes(data), usage.free, free_percent)


def used_bytes(folder: Path) -> int:
    """Size of all files below a folder; files that vanish meanwhile count nothing."""
    total = 0
    for entry in os.scandir(folder):
        try:
            total += (
                used_bytes(Path(entry.path)) if entry.is_dir(follow_symlinks=False) else entry.stat().st_size
            )
        except FileNotFoundError:
            continue
    return total
