"""The web process from start to stop: bridge and HTTP, signals, a graceful end."""

import logging
import os
import queue
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from core.config import Settings
from store.layout import DataDir
from store.logs import access_logger
from store.queries import Queries
from web import binding, clitoken
from web.accepting import TurningServer, Turns
from web.api import admin
from web.app import mount
from web.auth import Authenticator
from web.binding import Listening
from web.bridge import Bridge
from web.errors import ApiError
from web.events import StreamSlots
from web.hardening import StrictServer, strict_server
from web.lanes import command_lanes
from web.mailbox import Mailbox
from web.pipeline import Pipeline
from web.readmodel import ReadModel
from web.routes import ROUTES
from web.routing import Router
from web.site import CurrentSettings, Site
from web.sources import History
from web.tls import server_context

log = logging.getLogger("sambung.web")

GRACE_S = 4.0  # requests in flight may take this long to finish
CUT_ASKS_S = 3.0  # commands that wait for an actor get their 503 before the grace is over


class WebServer:
    """CherryPy on bound sockets, sharing one application. CherryPy's tree is global: one site per process.

    `turns`: where its loops leave their signs of life. Raises TLSFailed when TLS is asked for with files that do not
    work.
    """

    def __init__(self, site: Site, sockets: Sequence[socket.socket], turns: Turns | None = None) -> None:
        http = site.settings.now.http
        tls = server_context(http.tls_cert_file, http.tls_key_file) if _wants_tls(site.settings.now) else None
        self._site = site
        self._servers: list[StrictServer] = [
            strict_server(http, sock, tls, GRACE_S, write_refused, partial(TurningServer, turns or Turns()))
            for sock in sockets
        ]
        self.places: list[Listening] = binding.listening(sockets, tls=tls is not None)

    def start(self) -> None:
        """Serve in threads; returns at once."""
        mount(Pipeline(self._site, Router(ROUTES)), write_access)
        self._site.bridge.start()
        for server in self._servers:
            server.prepare()
            threading.Thread(target=server.serve, name="http", daemon=True).start()

    def stop(self) -> None:
        """Stop accepting, end streams, let requests in flight finish for GRACE_S, then cut them off."""
        self._site.model.close()
        cut = threading.Timer(CUT_ASKS_S, self._site.bridge.close)
        cut.daemon = True
        cut.start()
        stoppers = [threading.Thread(target=server.stop, daemon=True) for server in self._servers]
        for stopper in stoppers:
            stopper.start()
        for stopper in stoppers:
            stopper.join(GRACE_S + 0.5)
        cut.cancel()
        self._site.bridge.close()


def _wants_tls(settings: Settings) -> bool:
    return bool(settings.http.tls_cert_file or settings.http.tls_key_file)


def write_access(entry: dict[str, Any]) -> None:
    """One line of access.jsonl."""
    access_logger().info("%s %s", entry["method"], entry["path"], extra=entry)


def write_refused(status: int, peer: str) -> None:
    """The line of a request that was too malformed to have a method and a path."""
    write_access(
        {
            "method": "-",
            "path": "-",
            "query": "",
            "status": status,
            "bytes": 0,
            "duration_ms": 0.0,
            "peer": peer,
            "principal": "",
            "agent": "",
        }
    )


def build_site(
    settings: Settings,
    *,
    connect: Callable[[], Mailbox],
    reload_settings: Callable[[], Settings],
    history: History,
    cli_digest: str | None,
    version: str,
    data_root: str = "",
) -> Site:
    """Everything that handlers need, nothing started yet."""
    model = ReadModel()
    streams = max(1, settings.http.threads // 3)
    return Site(
        settings=CurrentSettings(settings),
        bridge=Bridge(connect, model),
        model=model,
        history=history,
        auth=Authenticator(history, cli_digest),
        streams=StreamSlots(streams),
        commands=command_lanes(settings.http.threads, streams),
        reload_settings=reload_settings,
        version=version,
        started_at=time.time(),
        data_root=data_root,
    )


def run_web(
    settings: Settings,
    data_dir: DataDir,
    connect: Callable[[], Mailbox],
    reload_settings: Callable[[], Settings],
    *,
    version: str,
    announce: Callable[[list[Listening]], None] = lambda _places: None,
    turns: Turns | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; SIGHUP reloads the settings. To be called in the main thread.

    `announce` is called with the bound addresses once requests are answered (with 503 not_ready until the first
    state of the instances has arrived). `turns`: see `WebServer`. Raises BindFailed, TLSFailed, OSError for the CLI's
    token file.
    """
    os.environ.pop("LISTEN_PID", None)  # cheroot would take descriptor 3 for its socket
    sockets = binding.bind(settings.http)  # first: a start that fails leaves the running server's token alone
    site = build_site(
        settings,
        connect=connect,
        reload_settings=reload_settings,
        history=Queries(data_dir),
        cli_digest=clitoken.renew(data_dir.cli_token),
        version=version,
        data_root=str(data_dir.root),
    )
    server = WebServer(site, sockets, turns)
    wishes = _signals()
    server.start()
    announce(server.places)
    while wishes.get() != signal.SIGTERM:
        threading.Thread(target=reload_logged, args=(site,), name="reload", daemon=True).start()
    server.stop()


def _signals() -> "queue.SimpleQueue[int]":
    """Signals as wishes: SIGTERM (also for SIGINT) to stop, SIGHUP to reload."""
    wishes: queue.SimpleQueue[int] = queue.SimpleQueue()
    signal.signal(signal.SIGTERM, lambda _number, _frame: wishes.put(signal.SIGTERM))
    signal.signal(signal.SIGINT, lambda _number, _frame: wishes.put(signal.SIGTERM))
    signal.signal(signal.SIGHUP, lambda _number, _frame: wishes.put(signal.SIGHUP))
    return wishes


def reload_logged(site: Site) -> None:
    """A reload that nobody waits for: its outcome goes to the log."""
    try:
        changed = admin.apply(site, in_lane=False)
    except ApiError as error:
        log.error("settings were not reloaded: %s", error.message)
    except Exception:
        log.exception("settings were not reloaded")
    else:
        log.info("settings reloaded; changed: %s", ", ".join(changed) or "nothing")
