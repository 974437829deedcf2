"""The web process: attaches to the actors and serves HTTP."""

import faulthandler
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from setproctitle import setproctitle

from actors.process import die_with_parent
from actors.system import Mailbox, attach
from cli.actors_options import system_options
from cli.child import EXIT_CONFIG
from cli.folder import Listening, Place, write_json
from cli.heartbeat import beating
from cli.request import Request
from cli.settings_json import read_settings, write_settings
from cli.version import VERSION, build_id
from core.config import Settings
from store.logs import setup_logging
from web.accepting import Turns
from web.binding import BindFailed, reach
from web.binding import Listening as Bound
from web.server import run_web
from web.site import ReloadFailed
from web.tls import TLSFailed

log = logging.getLogger("sambung.web")


def run(request: Request, place: Place, parent_pid: int, page: int | None = None) -> int:
    """The process; EXIT_CONFIG when the port or the certificate cannot be used."""
    die_with_parent(parent_pid)
    faulthandler.enable()
    turns = Turns()
    alive = while_turning(beating(page), turns)
    setproctitle("sambung: web")
    settings = read_settings(place.settings_file)
    setup_logging(place.logs, settings.log, console=True)
    try:
        run_web(
            settings,
            place.data,
            connector(place, settings, alive),
            reloader(request, place),
            version=VERSION,
            announce=announcer(place),
            turns=turns,
        )
    except (BindFailed, TLSFailed) as error:
        log.error("%s", error)
        return EXIT_CONFIG
    return 0


@dataclass(frozen=True, slots=True)
class Beating:
    """The bridge's mailbox: its thread, through which everything goes, is alive while it listens."""

    mailbox: Mailbox
    alive: Callable[[float], None]

    @property
    def root(self) -> Any:
        return self.mailbox.root

    def tell(self, address: Any, message: object) -> None:
        self.mailbox.tell(address, message)

    def listen(self, timeout_s: float) -> object | None:
        self.alive(0.0)
        return self.mailbox.listen(timeout_s)

    def wake(self) -> None:
        self.mailbox.wake()

    def close(self) -> None:
        self.mailbox.close()


def while_turning(alive: Callable[[float], None], turns: Turns) -> Callable[[float], None]:
    """A sign of life that is given only while connections are taken: a port with nobody behind it is no life."""
    told = False

    def sign(busy_s: float) -> None:
        nonlocal told
        if not turns.stuck():
            told = False
            return alive(busy_s)
        if not told:
            log.error("a thread that takes connections stands still or has ended: no sign of life is given")
        told = True
        return None

    return sign


def connector(place: Place, settings: Settings, alive: Callable[[float], None]) -> Callable[[], Beating]:
    """How the bridge reaches the actors: by the instance file, each time anew."""
    options = system_options(place, settings)

    def connect() -> Beating:
        alive(0.0)
        return Beating(attach(options, place.data.actors_file, build=build_id()), alive)

    return connect


def reloader(request: Request, place: Place) -> Callable[[], Settings]:
    """Reads file and environment anew; what is wrong is logged and raised, and the old settings stay."""

    def reload() -> Settings:
        from cli.settings import WrongSettings, load_settings

        try:
            settings = load_settings(request.config, request.options)
        except WrongSettings as error:
            for line in error.lines:
                log.error("settings not taken over: %s", line)
            raise ReloadFailed(error.problems) from None
        write_settings(place.settings_file, settings)
        setup_logging(place.logs, settings.log, console=True)
        log.info("settings taken over")
        return settings

    return reload


def announcer(place: Place) -> Callable[[Sequence[Bound]], None]:
    """Writes down where the server listens, for the launcher and the commands."""

    def announce(places: Sequence[Bound]) -> None:
        reachable, warning = reach(places)
        urls = [each.url for each in places]
        write_json(place.http_file, Listening(os.getpid(), local_url(urls), urls, reachable, warning or ""))

    return announce


def local_url(urls: Sequence[str]) -> str:
    """The first address, as this machine reaches it."""
    return urls[0].replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
