"""Heartbeats through a page of memory that a group shares with its instances' processes.

A heartbeat by message costs the two ends about 3 ms of processor time when many processes take turns on few cores, most
of it Thespian's loop. Writing two numbers costs nothing, so a message goes only when there is something to say. The
page is inherited by fork; a process that was spawned has none, and its heartbeats are messages.
"""

import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

# When, and when the link last received a frame (monotonic seconds; 0 = never).
_SLOT = struct.Struct("=dd")
_FRAME = struct.Struct("=d")
_FRAME_AT = _SLOT.size - _FRAME.size


@dataclass(frozen=True, slots=True)
class Beat:
    """The last heartbeat in a slot, and when the link last received a frame. Monotonic seconds."""

    at_s: float
    last_frame_s: float | None = None


@dataclass(frozen=True, slots=True)
class Slot:
    """One process's place in the page: it writes, its group reads."""

    page: mmap.mmap
    offset: int

    def write(self, at_s: float, last_frame_s: float | None = None) -> None:
        _SLOT.pack_into(self.page, self.offset, at_s, last_frame_s or 0.0)

    def frame(self, last_frame_s: float | None) -> None:
        """Frames came between two heartbeats."""
        _FRAME.pack_into(self.page, self.offset + _FRAME_AT, last_frame_s or 0.0)

    def read(self) -> Beat | None:
        """None before the first heartbeat."""
        at_s, last_frame_s = _SLOT.unpack_from(self.page, self.offset)
        if at_s <= 0:
            return None
        return Beat(at_s, last_frame_s or None)

    def clear(self) -> None:
        _SLOT.pack_into(self.page, self.offset, 0.0, 0.0)


class BeatPage:
    """As many slots as are ever taken at a time, and more when that was too few."""

    def __init__(self) -> None:
        self._free: list[Slot] = []

    def take(self) -> Slot:
        """An empty slot for a process that is about to be forked."""
        if not self._free:
            page = mmap.mmap(-1, mmap.PAGESIZE)
            self._free = [Slot(page, at) for at in range(0, mmap.PAGESIZE - _SLOT.size + 1, _SLOT.size)]
        slot = self._free.pop()
        slot.clear()
        return slot

    def give_back(self, slot: Slot) -> None:
        """Its process has ended."""
        self._free.append(slot)


_offered: Slot | None = None


@contextmanager
def offered(slot: Slot) -> Iterator[None]:
    """Processes that are forked in this block find the slot with `inherited`."""
    global _offered
    _offered = slot
    try:
        yield
    finally:
        _offered = None


def inherited() -> Slot | None:
    """This process's slot; None when it was not forked from a group."""
    return _offered
