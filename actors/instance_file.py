"""DATA/run/actors.json: which process runs the actor system, and how to reach it.

Nobody attaches by guessing: Thespian silently creates an empty system where it finds none.
"""

import json
import os
import secrets
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from actors.process import start_id


class SystemUnavailable(Exception):
    """There is no actor system that this process may talk to; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class InstanceRecord:
    """One running actor system.

    `pid`, `start_id`: the process that started it (see `process.start_id`). `bind`, `port`: its admin. `build`: version
    of the code it runs. `wire_key_id`: public name of its wire key.
    """

    pid: int
    start_id: str
    bind: str
    port: int
    build: str
    wire_key_id: str


def write_instance_file(path: Path, record: InstanceRecord) -> None:
    """Write the file whole or not at all, mode 0600; durable when this returns."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(record), file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_instance_file(path: Path, build: str) -> InstanceRecord:
    """The running system. SystemUnavailable when there is none, or when it runs another build than `build`."""
    record = _parse(path)
    if start_id(record.pid) != record.start_id:
        raise SystemUnavailable(
            f"{path}: the actors process {record.pid} is not running any more; start the server: python3 run.py start"
        )
    if record.build != build:
        raise SystemUnavailable(
            f"{path}: the running actors are build {record.build}, this program is build {build}; "
            "restart the server: python3 run.py restart"
        )
    return record


def _parse(path: Path) -> InstanceRecord:
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise SystemUnavailable(
            f"{path}: not there, so no server runs on this data; start it: python3 run.py start"
        ) from None
    except (OSError, ValueError) as problem:
        raise SystemUnavailable(f"{path}: can't be read: {problem}") from None
    expected = {each.name: each.type for each in fields(InstanceRecord)}
    if not isinstance(found, dict) or {k: type(v) for k, v in found.items()} != expected:
        raise SystemUnavailable(
            f"{path}: not an instance file of this version; restart the server: python3 run.py restart"
        )
    return InstanceRecord(**found)
