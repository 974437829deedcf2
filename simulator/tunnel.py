"""One connection through the fault proxy, from its acceptance to its end."""

import asyncio
import socket
import struct
from collections import Counter

from simulator import connect
from simulator.proxy_spec import ProxySettings
from simulator.pumping import Pace, Pump

CONNECT_S = 10.0
TARGETS_KEPT = 1000


class Tunnel:
    """Runs as a task. `gate`: set while bytes may move; `counts`, `targets`: the proxy's counters."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        settings: ProxySettings,
        gate: asyncio.Event,
        counts: Counter[str],
        targets: Counter[str],
    ) -> None:
        self.settings = settings
        self._reader = reader
        self._client = writer
        self._target: asyncio.StreamWriter | None = None
        self._to_client: Pump | None = None
        self._to_target: Pump | None = None
        self._gate = gate
        self._counts = counts
        self._targets = targets

    async def run(self) -> None:
        """Until both directions ended. What breaks one side breaks the other: RST is passed on as RST."""
        reset = True
        try:
            await self._gate.wait()
            await self._carry()
            reset = False
        except* OSError:
            self._counts["broken"] += 1
        finally:
            self.end(reset)

    def end(self, reset: bool) -> None:
        for writer in (self._client, self._target):
            if writer is not None:
                _end_stream(writer, reset)

    def half_close(self, toward: str) -> None:
        """EOF `toward` "client" or "target"; the other direction goes on."""
        pump = self._to_client if toward == "client" else self._to_target
        if pump is not None:
            pump.end()

    async def _carry(self) -> None:
        try:
            host, port = await self._wanted()
            reader, writer = await self._reach(host, port)
        except connect.Rejected as rejected:
            self._client.write(rejected.response)
            return
        self._target = writer
        self._counts["tunnels"] += 1
        self._to_target = self._pump(self._reader, writer, "bytes_to_target")
        self._to_client = self._pump(reader, self._client, "bytes_to_client")
        if self.settings.mode == "connect":
            self._client.write(connect.ESTABLISHED)
        async with asyncio.TaskGroup() as both:
            both.create_task(self._to_target.run())
            both.create_task(self._to_client.run())

    async def _wanted(self) -> tuple[str, int]:
        settings = self.settings
        if settings.mode == "tcp":
            assert settings.target_port is not None
            return settings.target_host, settings.target_port
        try:
            return await connect.read_target(
                self._reader, settings.username, settings.password, settings.connect_status
            )
        except connect.Rejected:
            self._counts["rejected"] += 1
            raise

    async def _reach(self, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if len(self._targets) < TARGETS_KEPT:
            self._targets[f"{host}:{port}"] += 1
        try:
            return await asyncio.wait_for(asyncio.open_connection(host, port), CONNECT_S)
        except OSError as error:
            self._counts["unreachable"] += 1
            if self.settings.mode == "connect":
                raise connect.Rejected(502) from error
            raise

    def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, counter: str) -> Pump:
        def moved(size_bytes: int) -> None:
            self._counts[counter] += size_bytes

        return Pump(reader, writer, self._gate, self._pace, moved)

    def _pace(self) -> Pace:
        settings = self.settings
        return Pace(settings.latency_ms / 1000, settings.slice_bytes, settings.bandwidth_bytes_per_s)


def _end_stream(writer: asyncio.StreamWriter, reset: bool) -> None:
    """Close, by RST or by FIN. Harmless when it is closed."""
    if writer.is_closing():
        return
    if reset:
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()
    else:
        writer.close()
