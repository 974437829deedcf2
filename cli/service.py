"""The server as a background service: start, stop, restart."""

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from cli.failure import CommandFailed, NotRunning
from cli.folder import (
    Listening,
    Place,
    keeper_of,
    launcher_of,
    own_command,
    read_json,
    read_listening,
    tree_is_gone,
    write_json,
)
from cli.processes import descendants, kill_all, wait_gone
from cli.readiness import Readiness
from cli.request import Request
from store.errors import StoreError
from store.sqlitefile import marker_of

READY_S = 90.0
STOP_S = 10.0
POLL_S = 0.1
ASK_S = 1.0
LOG_MAX_BYTES = 10 * 1024 * 1024


def start(request: Request, place: Place, say: Callable[[str], None]) -> Listening:
    """Start the service and wait until it is ready; CommandFailed with the reason when it does not get there."""
    running = launcher_of(place) or keeper_of(place)
    if running is not None:
        raise CommandFailed(f"a server runs on {place.data.root} already (pid {running.pid})")
    log, offset = service_log(place)
    write_json(service_file(place), {"arguments": request.overrides})
    with log.open("ab") as stream:
        keeper = subprocess.Popen(
            own_command("_keeper", place, *request.overrides),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
    wait_ready(place, keeper, log, offset)
    listening = read_listening(place)
    if listening is None:
        raise CommandFailed(f"the server was ready and is gone again: see {log}")
    if new := token_line(log, offset):
        say(new)
    return listening


def service_log(place: Place) -> tuple[Path, int]:
    """What the service's processes print, and where the next start's part begins."""
    try:
        place.data.create()
        place.logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = place.logs / "service.log"
        if path.exists() and path.stat().st_size > LOG_MAX_BYTES:
            path.replace(path.with_name("service.log.1"))
        path.touch(mode=0o600)
    except StoreError as error:
        raise CommandFailed(str(error)) from None
    except OSError as error:
        raise CommandFailed(f"{place.logs}: cannot be used: {error.strerror}") from None
    return path, path.stat().st_size


def service_file(place: Place) -> Path:
    """How the service was started, for `restart`."""
    return place.data.run / "service.json"


def wait_ready(place: Place, keeper: "subprocess.Popen[bytes]", log: Path, offset: int) -> None:
    began_s, asked_s, why = time.monotonic(), time.monotonic(), None
    readiness = Readiness(place, began_s)
    while time.monotonic() - began_s < READY_S:
        launcher, ready = launcher_of(place), read_json(place.ready_file)
        if launcher is not None and ready is not None and ready.get("pid") == launcher.pid:
            return
        if keeper.poll() is not None:
            raise CommandFailed(f"the server did not start:\n{text_since(log, offset)}")
        if launcher is not None and time.monotonic() - asked_s >= ASK_S:
            why, asked_s = readiness.why_not(), time.monotonic()
            if why and waits_for_operator(place, why):
                raise CommandFailed(f"the server runs and is ready once this is decided: {why}")
        time.sleep(POLL_S)
    reason = f": {why}" if why else ""
    raise CommandFailed(f"not ready after {READY_S:.0f} s, it goes on trying (see {log}){reason}")


def waits_for_operator(place: Place, why: str) -> bool:
    """Whether a damaged store was set aside; nothing else than a decision makes the server ready then."""
    stores = (place.data.registry_db, place.data.journal_db)
    return any(marker_of(path).name in why for path in stores)


def text_since(log: Path, offset: int) -> str:
    """The end of what was printed since the start, indented."""
    with log.open("rb") as stream:
        stream.seek(offset)
        lines = stream.read().decode("utf-8", "replace").splitlines()
    return "\n".join(f"  {line}" for line in lines[-30:])


def token_line(log: Path, offset: int) -> str | None:
    """Where a new admin token was written to, if this start made one."""
    lines = (line.strip() for line in text_since(log, offset).splitlines())
    return next((line for line in lines if line.startswith("The admin token is in ")), None)


def stop(place: Place) -> None:
    """End the service, or a server in the foreground, with every process; NotRunning when there is none."""
    target = keeper_of(place) or launcher_of(place)
    if target is None:
        raise NotRunning(place.data.root)
    everything = [target, *descendants(target.pid)]
    deadline = time.monotonic() + STOP_S
    if not target.send(signal.SIGTERM) and target.alive:
        raise CommandFailed(f"process {target.pid} belongs to another user")
    left = wait_gone(everything, deadline - time.monotonic())
    left = kill_all([*left, *(each for one in left for each in descendants(one.pid))], 2.0)
    while not left and not tree_is_gone(place) and time.monotonic() < deadline + 2.0:
        time.sleep(POLL_S)
    if left or not tree_is_gone(place):
        raise CommandFailed(
            f"processes are left: {', '.join(str(each.pid) for each in left) or 'see ps -ef'}"
        )


def restart(request: Request, place: Place, say: Callable[[str], None]) -> Listening:
    """Replace every process of the service; options that are not given stay as they were at the last start."""
    if keeper_of(place) is None and (launcher := launcher_of(place)) is not None:
        raise CommandFailed(f"the server runs in the foreground (pid {launcher.pid}): stop it there")
    if keeper_of(place) is not None:
        stop(place)
    return start(remembered(request, place), place, say)


def remembered(request: Request, place: Place) -> Request:
    """The request, completed by what the service was started with."""
    from cli.hidden import parsed

    before = read_json(service_file(place)) or {}
    words = [str(word) for word in before.get("arguments", [])]
    old = parsed("_keeper", ["--data", str(place.data.root), "--logs", str(place.logs), *words])
    return Request(
        request.data,
        request.config or old.config,
        request.host or old.host,
        old.port if request.port is None else request.port,
    )
