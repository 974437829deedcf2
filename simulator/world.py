"""All listeners and proxies of one simulator process."""

import asyncio
import os
from collections import deque
from typing import Any

from simulator.hangup import HangupWatch
from simulator.listener import Listener, ListenerSpec
from simulator.proxy import Proxy
from simulator.proxy_spec import ProxySettings

ERRORS_KEPT = 100


class World:
    """Everything that the control API steers. `host`: the address that listeners and proxies are bound to."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.listeners: dict[int, Listener] = {}
        self.proxies: dict[int, Proxy] = {}
        self.errors: deque[str] = deque(maxlen=ERRORS_KEPT)
        loop = asyncio.get_running_loop()
        self._hangups = HangupWatch(loop)
        loop.set_exception_handler(self._note_error)

    async def add_listener(self, spec: ListenerSpec) -> Listener:
        """Raises SpecError for unusable TLS files, OSError when the port is taken."""
        listener = Listener(spec, self.host, self._hangups)
        self.listeners[listener.port] = listener
        await listener.start()
        return listener

    async def add_proxy(self, settings: ProxySettings, port: int) -> Proxy:
        """Raises OSError when the port is taken."""
        proxy = Proxy(settings, self.host, port)
        self.proxies[proxy.port] = proxy
        await proxy.start()
        return proxy

    def remove_listener(self, port: int) -> None:
        self.listeners.pop(port).stop()

    def remove_proxy(self, port: int) -> None:
        self.proxies.pop(port).stop()

    def about(self) -> dict[str, Any]:
        return {
            "pid": os.getpid(),
            "errors": list(self.errors),
            "listeners": list(self.listeners),
            "proxies": list(self.proxies),
        }

    def stop(self) -> None:
        for port in list(self.listeners):
            self.remove_listener(port)
        for port in list(self.proxies):
            self.remove_proxy(port)

    def _note_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A mistake of the simulator itself: kept for `about`, and shown on stderr."""
        self.errors.append(f"{context.get('message')}: {context.get('exception')!r}")
        loop.default_exception_handler(context)
