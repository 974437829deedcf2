"""The demo's server: an ordinary one, in a folder of its own, ending with the demo."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.client import Client
from cli.failure import CommandFailed
from cli.folder import Place, launcher_of, own_command, read_json, read_listening
from cli.request import Request

READY_S = 90.0
STOP_S = 12.0


@contextmanager
def running_server(request: Request, place: Place, token: str) -> Iterator[Client]:
    """A server that is ready, and a client of it with the admin token."""
    if (other := launcher_of(place)) is not None:
        raise CommandFailed(f"a server runs on {place.data.root} already (pid {other.pid})")
    place.logs.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = place.logs / "demo-server.log"
    command = own_command("_serve", place, *request.overrides, "--parent", str(os.getpid()))
    with path.open("ab") as log:
        # A session of its own: Ctrl-C is for the demo, which then stops the server in order.
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**os.environ, "SAMBUNG_ADMIN_TOKEN": token},
        )
    try:
        yield Client(wait_ready(process, place, path), token)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_ready(process: "subprocess.Popen[bytes]", place: Place, log: Path) -> str:
    """The server's URL once it is ready; CommandFailed with its own words when it does not get there."""
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline and process.poll() is None:
        listening = read_listening(place)
        if listening and (read_json(place.ready_file) or {}).get("pid") == process.pid:
            return listening.url
        time.sleep(0.1)
    said = "\n".join(f"  {line}" for line in log.read_text("utf-8", "replace").splitlines()[-20:])
    raise CommandFailed(f"the demo's server did not get ready:\n{said}")
