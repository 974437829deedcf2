"""The run folder of a data folder: which server uses it, where it listens, how it was started."""

import fcntl
import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cli.failure import USAGE, CommandFailed
from cli.processes import Process
from store.files import lock_holder, write_atomic
from store.layout import DataDir

HOME = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Place:
    """The folders of one server. `explicit`: the operator named the data folder."""

    data: DataDir
    logs: Path
    explicit: bool

    @classmethod
    def choose(cls, data: Path | None) -> "Place":
        """`--data DIR` keeps its logs inside; without it data/ and logs/ stand beside run.py.

        Raises CommandFailed when DIR is, or lies below, something that is no folder.
        """
        if data is not None:
            folder = DataDir(data.absolute())
            _check_no_file(folder.root)
            return cls(folder, folder.logs, explicit=True)
        base = HOME if (HOME / "requirements.lock").exists() else Path.cwd()
        return cls(DataDir(base / "data"), base / "logs", explicit=False)

    @property
    def arguments(self) -> list[str]:
        """The options that lead another command to the same place."""
        return ["--data", str(self.data.root)] if self.explicit else []

    @property
    def http_file(self) -> Path:
        """Where the web process listens, as `Listening`."""
        return self.data.run / "http.json"

    @property
    def ready_file(self) -> Path:
        """There while the launcher in it has been ready once."""
        return self.data.run / "ready.json"

    @property
    def settings_file(self) -> Path:
        """The settings in force, validated: what a restarted child starts with."""
        return self.data.run / "settings.json"

    @property
    def keeper_lock(self) -> Path:
        """Held by the keeper of the background service."""
        return self.data.run / "keeper.lock"

    @property
    def tree_lock(self) -> Path:
        """Held by every process of the actor tree: free means that the tree has ended."""
        return self.data.run / "tree.lock"


@dataclass(frozen=True, slots=True)
class Listening:
    """What the web process says once requests are answered.

    `url`: how this machine reaches it; `urls`: every address; `reach`: who can reach it; `warning`: "" when fine.
    """

    pid: int
    url: str
    urls: list[str]
    reach: str
    warning: str


def _check_no_file(root: Path) -> None:
    there = next((one for one in (root, *root.parents) if os.path.exists(one)), root)
    if os.path.exists(there) and not there.is_dir():
        raise CommandFailed(
            f"--data {root}: {there} is no folder (allowed: a folder, or the name of one to be made)", USAGE
        )


def write_json(path: Path, value: Any) -> None:
    """Replace a small JSON file; `value` is a dataclass or JSON-able."""
    plain = asdict(value) if hasattr(value, "__dataclass_fields__") else value
    write_atomic(path, json.dumps(plain).encode())


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in a file of the run folder; None when it is missing or no JSON object."""
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def read_listening(place: Place) -> Listening | None:
    """Where the living web process listens; None when there is none."""
    found = read_json(place.http_file)
    try:
        listening = Listening(**(found or {}))
    except TypeError:
        return None
    return listening if Process.of(listening.pid) else None


def launcher_of(place: Place) -> Process | None:
    """The launcher that uses this data folder now."""
    return _holder(place.data.server_lock)


def keeper_of(place: Place) -> Process | None:
    """The keeper of the background service on this data folder."""
    return _holder(place.keeper_lock)


def _holder(lock: Path) -> Process | None:
    pid = lock_holder(lock)
    return None if pid is None else Process.of(pid)


def take_tree_lock(place: Place) -> int | None:
    """A descriptor that holds the tree lock, to be inherited by the actors process; None while a tree lives."""
    descriptor = os.open(place.tree_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def tree_is_gone(place: Place) -> bool:
    """Has every process of the actor tree ended?"""
    if not place.tree_lock.exists():
        return True
    descriptor = take_tree_lock(place)
    if descriptor is None:
        return False
    os.close(descriptor)
    return True


def own_command(name: str, place: Place, *more: str) -> list[str]:
    """One of this program's hidden commands for this place, as argv."""
    folders = ["--data", str(place.data.root), "--logs", str(place.logs)]
    return [sys.executable, str(HOME / "run.py"), name, *folders, *more]
