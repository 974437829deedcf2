"""What the actors process does beside watching the root: rotate the logs, measure the data folder.

The root itself does no I/O; it is told the figures.
"""

import os
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path

from core.config import Settings
from core.messages import HostStorage
from store.logs import logger, rotate

ROUND_S = 10.0
PROBE, PROBE_BYTES = ".writable", 4096


@dataclass(slots=True)
class Housekeeping:
    """`due_at_s`: monotonic time of the next round."""

    data: Path
    logs: Path
    settings: Settings
    due_at_s: float = 0.0
    _trouble: str = ""

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
            found = measure(self.data)
        except OSError as error:
            logger().error("The data folder could not be measured: %s", error)
            return HostStorage(False, 0, 0, 0.0)
        return replace(found, ok=self._writable())

    def _writable(self) -> bool:
        """Figures say nothing of a disk that became read-only or fails: nobody may write for hours before one does."""
        trouble = why_not_writable(self.data)
        if trouble and trouble != self._trouble:
            logger().error("The data folder cannot be written: %s", trouble)
        elif self._trouble and not trouble:
            logger().info("The data folder can be written again")
        self._trouble = trouble
        return not trouble


def measure(data: Path) -> HostStorage:
    """Bytes used by the data folder and free on its disk. Raises OSError when the folder is gone."""
    usage = shutil.disk_usage(data)
    free_percent = 100.0 * usage.free / usage.total if usage.total else 0.0
    return HostStorage(True, used_bytes(data), usage.free, free_percent)


def why_not_writable(folder: Path) -> str:
    """The system's words when a block cannot be made durable here; "" when it can."""
    path = folder / PROBE
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, bytes(PROBE_BYTES))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
            # The next look must need a block again, or it would say nothing of a full disk.
            path.unlink()
    except OSError as error:
        return os.strerror(error.errno or 0)
    return ""


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
