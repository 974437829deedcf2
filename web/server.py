"""The web process from start to stop: bridge, then HTTP; signals; a graceful end."""

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cherrypy._cpserver import Server

from core.config import Settings
from web import binding, clitoken
from web.app import AccessLog, mount
from web.auth import Authenticator
from web.binding import Listening
from web.bridge import Bridge, Mailbox
from web.hardening import MAX_HEADER_BYTES, StrictServer
from web.pipeline import Pipeline
from web.readmodel import ReadModel
from web.routes import ROUTES
from web.routing import Router
from web.site import CurrentSettings, Site
from web.sources import History, TokenSource

log = logging.getLogger("sambung.web")

GRACE_S = 4.0


class WebServer:
    """CherryPy on the bound sockets, sharing one application. CherryPy's tree is global: one per process."""

    def __init__(self, settings: Settings, sockets: Sequence[socket.socket]) -> None:
        self._servers = [_strict_server(settings, sock) for sock in sockets]
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        for server in self._servers:
            server.prepare()
            thread = threading.Thread(target=server.serve, name="http", daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Stop accepting, let requests in flight finish for GRACE_S, then cut them off."""
        stoppers = [threading.Thread(target=server.stop, daemon=True) for server in self._servers]
        for stopper in stoppers:
            stopper.start()
        for stopper in stoppers:
            stopper.join(GRACE_S + 1.0)


def _strict_server(settings: Settings, sock: socket.socket) -> StrictServer:
    http = settings.http
    adapter = Server()
    adapter.socket_host, adapter.socket_port = sock.getsockname()[:2]
    adapter.thread_pool = http.threads
    adapter.thread_pool_max = http.threads
    adapter.socket_timeout = http.socket_timeout_s
    adapter.socket_queue_size = binding.BACKLOG
    adapter.shutdown_timeout = GRACE_S
    adapter.accepted_queue_size = 1024
    adapter.accepted_queue_timeout = 1
    adapter.max_request_header_size = MAX_HEADER_BYTES
    adapter.max_request_body_size = 0
    if http.tls_cert_file:
        adapter.ssl_module = "builtin"
        adapter.ssl_certificate, adapter.ssl_private_key = http.tls_cert_file, http.tls_key_file
    server = StrictServer(adapter, sock, http.max_body_bytes)
    server.keep_alive_conn_limit = 512
    return server


def run_web(
    settings: Settings,
    *,
    cli_token_file: Path,
    connect: Callable[[], Mailbox],
    reload_settings: Callable[[], Settings],
    history: History,
    tokens: TokenSource,
    access_log: AccessLog,
    version: str,
    announce: Callable[[list[Listening]], None] = lambda _places: None,
) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code. Raises BindFailed when the port cannot be had.

    `announce` is called once requests are answered. SIGHUP reloads the settings.
    """
    os.environ.pop("LISTEN_PID", None)  # cheroot would take descriptor 3 for its socket
    sockets = binding.bind(settings.http)
    model = ReadModel()
    bridge = Bridge(connect, model)
    site = Site(
        settings=CurrentSettings(settings),
        bridge=bridge,
        model=model,
        history=history,
        tokens=tokens,
        reload_settings=reload_settings,
        version=version,
        started_at=time.time(),
    )
    auth = Authenticator(tokens, clitoken.renew(cli_token_file))
    mount(Pipeline(site, Router(ROUTES), auth), access_log)
    server = WebServer(settings, sockets)
    stop = _signals()
    bridge.start()
    server.start()
    announce(binding.listening(sockets, tls=bool(settings.http.tls_cert_file)))
    stop.wait()
    model.close()
    server.stop()
    bridge.close()
    return 0


def _signals() -> threading.Event:
    stop = threading.Event()

    def on_stop(_number: int, _frame: Any) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_stop)
    return stop
