"""`serve`: the launcher's whole life on one data folder, from the settings to the last process below it."""

import contextlib
import json
import logging
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from setproctitle import setproctitle

from cli.banner import banner, hand_over_token
from cli.child import Child
from cli.failure import CommandFailed
from cli.folder import Place, own_command, read_listening, take_tree_lock, tree_is_gone, write_json
from cli.heartbeat import ChildWatch, beating, shared_page
from cli.launcher import Launcher
from cli.notify import Manager
from cli.readiness import Readiness
from cli.request import Request
from cli.settings_json import read_settings
from cli.version import VERSION
from core.config import SupervisionSettings
from store.errors import LockBusy, StoreError
from store.files import InstanceLock
from store.logs import setup_logging

log = logging.getLogger("sambung.launcher")

OLD_TREE_S = 10.0


def serve(request: Request, place: Place, say: Callable[[str], None], page: int | None = None) -> int:
    """Run the server in the foreground until it is asked to stop; the exit code. `page`: for its heartbeats."""
    setproctitle("sambung: launcher")
    manager, alive = Manager.taken_from(os.environ), beating(page)
    with holding(place):
        wait_for_old_tree(place)
        token = prepared(request, place)
        setup_logging(place.logs, read_settings(place.settings_file).log, console=True)
        if token:
            say(hand_over_token(token, place.data.admin_token))
        for stale in (place.http_file, place.ready_file):
            stale.unlink(missing_ok=True)
        place.data.pid_file.write_text(f"{os.getpid()}\n")
        try:
            return replace(launcher(request, place, say, manager), alive=alive).run()
        finally:
            for mine in (place.data.pid_file, place.http_file, place.ready_file):
                # A disk that became read-only keeps them; the next start knows them for stale.
                with contextlib.suppress(OSError):
                    mine.unlink(missing_ok=True)


def holding(place: Place) -> InstanceLock:
    """The lock of the data folder; CommandFailed naming the server that has it."""
    try:
        place.data.create()
        return InstanceLock.acquire(place.data.server_lock)
    except LockBusy as busy:
        raise CommandFailed(
            f"a server runs on {place.data.root} already (pid {busy.holder_pid}): stop it with "
            f"python3 run.py stop, or give this one another folder with --data DIR"
        ) from None
    except StoreError as error:
        raise CommandFailed(str(error)) from None


def wait_for_old_tree(place: Place) -> None:
    """A launcher that was killed may have left processes that end just now."""
    deadline = time.monotonic() + OLD_TREE_S
    while not tree_is_gone(place):
        if time.monotonic() > deadline:
            raise CommandFailed(f"processes of an earlier server on {place.data.root} do not end: see ps -ef")
        time.sleep(0.1)


def prepared(request: Request, place: Place) -> str | None:
    """Let `_prepare` check the settings and make what is missing; the value of a new admin token."""
    again = ["--again"] if request.again else []
    command = own_command("_prepare", place, *request.overrides, *again)
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        raise CommandFailed("the server was not started: see above")
    value: str | None = json.loads(done.stdout)["admin_token"]
    return value


def policy_of(place: Place) -> Callable[[], SupervisionSettings]:
    """The supervision settings in force, as last written down; the defaults when that cannot be read."""

    def policy() -> SupervisionSettings:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            return read_settings(place.settings_file).supervision
        return SupervisionSettings()

    return policy


def launcher(request: Request, place: Place, say: Callable[[str], None], manager: Manager) -> Launcher:
    """The launcher with its two children."""
    parent = ("--parent", str(os.getpid()))
    # The actors may end and be started again, the server goes on.
    started = ("--started-at", repr(time.time()))

    def tree_lock() -> Sequence[int] | None:
        descriptor = take_tree_lock(place)
        return None if descriptor is None else (descriptor,)

    told: set[str] = set()

    def on_ready() -> bool:
        listening = read_listening(place)
        if listening is None:  # the web process has just ended
            return False
        try:
            write_json(place.ready_file, {"pid": os.getpid(), "at": time.time()})
        except StoreError as error:
            if str(error) not in told:
                log.error("ready, but it cannot be written down: %s", error)
            told.add(str(error))
            return False
        log.info("ready: %s", listening.url)
        say(banner(place, listening, VERSION))
        return True

    return Launcher(
        [
            Child(
                "the actors process",
                own_command("_actors", place, *parent, *started),
                tree_lock,
                page=shared_page(),
            ),
            Child(
                "the web process",
                own_command("_web", place, *parent, *request.overrides),
                page=shared_page(),
            ),
        ],
        is_ready=Readiness(place, time.monotonic()).asked,
        on_ready=on_ready,
        manager=manager,
        watch=ChildWatch(policy_of(place)),
    )
