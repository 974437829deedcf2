"""The keeper: the parent of the background service. It starts the launcher again when that was killed, or hung.

The launcher dies with it, so ending the keeper, however it ends, ends everything. A server that was running comes
back with the settings that it had, should the file be wrong by then (`--again`).
"""

import os

from setproctitle import setproctitle

from cli.child import Child
from cli.folder import Place, own_command, read_json
from cli.heartbeat import ChildWatch, shared_page
from cli.launcher import Launcher
from cli.request import Request
from core.config import LogSettings, SupervisionSettings
from store.errors import StoreError
from store.files import InstanceLock
from store.logs import setup_logging

STOP_S = 9.5
FIRST_TRIES = 1
# All links drop with a launcher, and it writes to a disk that may stand still for a while.
SILENCE_S = 60.0


def run(request: Request, place: Place) -> int:
    """The process; exit code 1 when the first start fails, 0 when it was asked to stop."""
    setproctitle("sambung: keeper")
    try:
        lock = InstanceLock.acquire(place.keeper_lock)
    except StoreError:
        return 1
    with lock:
        setup_logging(place.logs, LogSettings(), console=True)
        command = own_command("_serve", place, *request.overrides, "--parent", str(os.getpid()))
        serve = Child("the launcher", command, may_finish=True, page=shared_page())

        def is_ready() -> bool:
            return (read_json(place.ready_file) or {}).get("pid") == serve.pid

        return Launcher(
            [serve],
            is_ready=is_ready,
            on_ready=lambda: True,
            tries=FIRST_TRIES,
            stop_s=STOP_S,
            terminal=False,
            watch=ChildWatch(lambda: SupervisionSettings(silence_s=SILENCE_S)),
        ).run()
