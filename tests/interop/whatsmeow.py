"""whatsmeow as a second real peer: it verifies every signature, which Baileys does not.

It comes inside the wheel of neonize, with its dependencies pinned by checksum in an environment of its own, in the
cache folder. Its server address and root key are constants, so that a copy for the time of a test gets other bytes of
equal length in their place; nothing of it is kept or committed.
"""

import fcntl
import hashlib
import itertools
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from tests.interop.told import PATIENCE_S, Told
from whatsapp.certificates import WHATSAPP_ROOT_KEY

HERE = Path(__file__).parent
LOCK = HERE / "requirements-whatsmeow.lock"
PEER = HERE / "whatsmeow_peer.py"
ADDRESS = b"wss://web.whatsapp.com/ws/chat"
TIMEOUT_S = 300


def installed() -> Path:
    """The environment's Python. RuntimeError when it cannot be installed."""
    checksum = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sambung"
    folder = cache / f"whatsmeow-{checksum[:16]}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            _run([sys.executable, "-m", "venv", str(folder)])
            _run(
                [
                    str(folder / "bin/python"),
                    "-m",
                    "pip",
                    "install",
                    "-q",
                    "--require-hashes",
                    "-r",
                    str(LOCK),
                ]
            )
            (folder / "complete").touch()
    return folder / "bin/python"


def pointed_to(python: Path, port: int, root_key: bytes, folder: Path) -> Path:
    """A copy of the package that talks to this port of loopback and trusts this root; the folder to import from."""
    asked = "import importlib.util as u; print(u.find_spec('neonize').submodule_search_locations[0])"
    source = Path(_run([str(python), "-c", asked]).strip())
    shutil.copytree(source, folder / "neonize")
    (library,) = (folder / "neonize").glob("*.so")
    data = library.read_bytes()
    # The query makes up the length: the path stays what the server expects.
    address = f"ws://127.0.0.1:{port}/ws/chat".encode()
    address += b"?" + b"=" * (len(ADDRESS) - len(address) - 1)
    for old, new in ((ADDRESS, address), (WHATSAPP_ROOT_KEY, root_key)):
        if data.count(old) != 1 or len(old) != len(new):
            raise RuntimeError("this build of whatsmeow cannot be pointed to loopback")
        data = data.replace(old, new)
    library.write_bytes(data)
    return folder


class Whatsmeow:
    """One client in a process of its own. A context manager. `told`: its events."""

    def __init__(self, python: Path, package: Path, store: Path) -> None:
        self._process = subprocess.Popen(
            [str(python), str(PEER), str(package), str(store)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=package,
        )
        self._numbers = itertools.count(1)
        self._answers: Told[dict[str, Any]] = Told("whatsmeow, answers")
        self.told: Told[dict[str, Any]] = Told("whatsmeow")
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.event("ready")

    def __enter__(self) -> "Whatsmeow":
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(10)

    def do(self, what: str, **arguments: Any) -> Any:
        number = next(self._numbers)
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"id": number, "do": what, **arguments}) + "\n")
        self._process.stdin.flush()
        answer = self._answers.wait(f"answer to {what}", lambda one: one["id"] == number)
        assert "error" not in answer, answer
        return answer["result"]

    def event(self, name: str, wanted: Any = lambda data: True, after: int = 0) -> Any:
        """The data of the first such event."""
        return self.told.wait(
            name, lambda one: one["event"] == name and bool(wanted(one.get("data"))), after, PATIENCE_S
        ).get("data")

    def message(self, text: str) -> Any:
        return self.event("message", lambda data: data["text"] == text)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for text in self._process.stdout:
            line = json.loads(text)
            (self.told if "event" in line else self._answers).add(line)


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed:\n{done.stderr[-2000:]}")
    return done.stdout
