"""The server on a socket: a WebSocket listener, a clock, and a store around `server.Server`."""

import asyncio
import itertools
import os
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import TypeVar

from websockets.asyncio.server import Server as Listener
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from simulator.whatsapp.outputs import Hangup, Save, Write
from simulator.whatsapp.server import Server
from simulator.whatsapp.settings import ServerSettings
from simulator.whatsapp.store import Store

T = TypeVar("T")
PATH = "/ws/chat"
MAX_BYTES = 1 << 24
ERRORS_KEPT = 100
LINGER_S = 0.1  # whatsmeow drops a 515 that it has read when the close comes right behind it


class Service:
    """Serves from `start` to `stop`. `upgrade_status`: the HTTP status that dials get instead of a WebSocket."""

    def __init__(self, settings: ServerSettings, folder: Path | None) -> None:
        self._store = Store(folder)
        self.server = Server(settings, os.urandom, time.time, self._store.rows())
        self.upgrade_status: int | None = None
        self._numbers = itertools.count(1)
        self._connections: dict[int, ServerConnection] = {}
        self._outgoing: dict[int, asyncio.Queue[bytes | None]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._listener: Listener | None = None
        self._errors: deque[str] = deque(maxlen=ERRORS_KEPT)
        self.url = ""

    @property
    def errors(self) -> list[str]:
        """The server's own mistakes; tests expect none."""
        return list(self._errors)

    async def start(self, host: str, port: int) -> None:
        """Raises OSError when the port is taken."""
        asyncio.get_running_loop().set_exception_handler(self._note_error)
        self.act(lambda: None)
        self._listener = await serve(
            self._connection,
            host,
            port,
            process_request=self._admit,
            compression=None,
            ping_interval=None,
            max_size=MAX_BYTES,
            close_timeout=1,
        )
        bound = self._listener.sockets[0].getsockname()[1]
        self.url = f"ws://{f'[{host}]' if ':' in host else host}:{bound}{PATH}"

    async def stop(self) -> None:
        """Ends every connection; what was saved stays."""
        if self._timer is not None:
            self._timer.cancel()
        if self._listener is not None:
            self._listener.close()
            await self._listener.wait_closed()
        self._store.close()

    def act(self, what: Callable[[], T]) -> T:
        """Do something with the server, and what it wants done because of that. Raises what `what` raises."""
        try:
            return what()
        finally:
            self._perform()

    # ── connections ──────────────────────────────────────────────────────────────────────────────────────────────

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        if self.upgrade_status is not None:
            status = HTTPStatus(self.upgrade_status)
            return connection.respond(status, f"{status.phrase}\n")
        if request.path.partition("?")[0] != PATH:
            return connection.respond(HTTPStatus.NOT_FOUND, "no such path\n")
        return None

    async def _connection(self, connection: ServerConnection) -> None:
        number = next(self._numbers)
        self._connections[number] = connection
        queue = self._outgoing[number] = asyncio.Queue()
        writer = asyncio.create_task(self._write(connection, queue))
        try:
            self.act(partial(self.server.opened, number))
            async for message in connection:
                if isinstance(message, bytes):
                    self.act(partial(self.server.received, number, message))
        except ConnectionClosed:
            pass
        except Exception as error:  # our own mistake: noted, and this connection ends
            self._errors.append(repr(error))
            raise
        finally:
            del self._connections[number], self._outgoing[number]
            self.act(partial(self.server.closed, number))
            queue.put_nowait(None)
            await writer

    async def _write(self, connection: ServerConnection, queue: asyncio.Queue[bytes | None]) -> None:
        """In order, and without holding anybody else up. None: close, when all before it is written."""
        try:
            while (data := await queue.get()) is not None:
                await connection.send(data)
            await asyncio.sleep(LINGER_S)
            await connection.close()
        except ConnectionClosed:
            pass

    def _note_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        self._errors.append(f"{context.get('message')}: {context.get('exception')!r}")
        loop.default_exception_handler(context)

    # ── outputs ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _perform(self) -> None:
        """Rows first: what a client has seen is not forgotten."""
        outputs = self.server.drain()
        saves = [output for output in outputs if isinstance(output, Save)]
        if saves:
            self._store.save(saves)
        for output in outputs:
            match output:
                case Write(link=number, data=data) if number in self._outgoing:
                    self._outgoing[number].put_nowait(data)
                case Hangup(link=number, abort=True) if number in self._connections:
                    self._connections[number].transport.abort()
                case Hangup(link=number) if number in self._outgoing:
                    self._outgoing[number].put_nowait(None)
                case _:
                    pass
        self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        at_s = self.server.next_at_s
        if at_s is not None:
            delay_s = max(0.0, at_s - time.time())
            self._timer = asyncio.get_running_loop().call_later(delay_s, self.act, self.server.tick)
