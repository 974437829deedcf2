"""Moves bytes one way through the proxy: later, in slices, at a limited rate, or not at all for a while."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

CHUNK_BYTES = 64 * 1024
# Chunks that may wait for their time; full, the pump reads no more.
CHUNKS_WAITING = 64


@dataclass(frozen=True, slots=True)
class Pace:
    """How bytes move just now. `slice_bytes`, `bandwidth_bytes_per_s` None: no limit."""

    latency_s: float
    slice_bytes: int | None
    bandwidth_bytes_per_s: float | None


class Pump:
    """One direction of one connection. `gate`: set while bytes may move; `pace` is asked for each chunk."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        gate: asyncio.Event,
        pace: Callable[[], Pace],
        moved: Callable[[int], None],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._gate = gate
        self._pace = pace
        self._moved = moved
        self._waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(CHUNKS_WAITING)
        self._ended = False

    async def run(self) -> None:
        """Until EOF came and was passed on. Raises OSError when either side broke."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._take())
            both.create_task(self._give())

    def end(self) -> None:
        """EOF to the receiving side now; what comes later is thrown away."""
        if not self._ended and not self._writer.is_closing():
            self._writer.write_eof()
        self._ended = True

    async def _take(self) -> None:
        loop = asyncio.get_running_loop()
        data = b"first"
        while data:
            await self._gate.wait()
            data = await self._reader.read(CHUNK_BYTES)
            await self._waiting.put((loop.time() + self._pace().latency_s, data))

    async def _give(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due_s, data = await self._waiting.get()
            await asyncio.sleep(max(0.0, due_s - loop.time()))
            await self._gate.wait()
            if not data:
                return self.end()
            if not self._ended:
                await self._write(data)

    async def _write(self, data: bytes) -> None:
        pace = self._pace()
        size = pace.slice_bytes or len(data)
        for start in range(0, len(data), size):
            await self._gate.wait()
            if self._ended:
                return
            piece = data[start : start + size]
            self._writer.write(piece)
            self._moved(len(piece))
            await self._writer.drain()
            if pace.bandwidth_bytes_per_s is not None:
                await asyncio.sleep(len(piece) / pace.bandwidth_bytes_per_s)
