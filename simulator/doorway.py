"""A listening port that can be closed and opened again without losing its number.

A second socket is bound to the port (SO_REUSEPORT) and never listens: while the listening one is closed, SYNs
are answered with RST and no other process can be given the port.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable

BACKLOG = 2048


class Doorway:
    """Opens and closes the listening socket; open connections are not touched. Raises OSError when bound."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        self._tls = tls
        self._family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._keeper = self._bound(host, port)
        self.host, self.port = host, int(self._keeper.getsockname()[1])
        self._server: asyncio.Server | None = None
        self._turn = asyncio.Lock()

    @property
    def is_open(self) -> bool:
        return self._server is not None

    async def set_open(self, wanted: bool, connect: Callable[[], asyncio.Protocol]) -> None:
        async with self._turn:
            if wanted and self._server is None:
                # Not started by create_server: cancelled there, a server would listen that nobody holds.
                self._server = await asyncio.get_running_loop().create_server(
                    connect,
                    sock=self._bound(self.host, self.port),
                    ssl=self._tls,
                    backlog=BACKLOG,
                    start_serving=False,
                )
                await self._server.start_serving()
            elif not wanted and self._server is not None:
                self._server.close()
                self._server = None

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        self._keeper.close()

    def _bound(self, host: str, port: int) -> socket.socket:
        bound = socket.socket(self._family, socket.SOCK_STREAM)
        try:
            # Not SO_REUSEADDR: with it on both sides, others could bind the port while nothing listens.
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            bound.setblocking(False)
            bound.bind((host, port))
        except OSError:
            bound.close()
            raise
        return bound
