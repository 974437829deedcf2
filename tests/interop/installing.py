"""Baileys, installed once into a cache folder by npm from the committed lock file.

The folder's name holds the lock's checksum, so that a changed lock is installed anew; `npm ci` verifies every package
against the checksums in it. Install scripts do not run. Tests side by side wait for one installation.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
FILES = ("package.json", "package-lock.json")
OLDEST_NODE = 20
INSTALL = ("ci", "--ignore-scripts", "--legacy-peer-deps", "--omit=peer", "--no-audit", "--no-fund")
TIMEOUT_S = 300


class NoNode(Exception):
    """What is missing on this machine."""


def require_node() -> tuple[str, str]:
    """Paths of node and npm. NoNode when one is missing, or node is too old for Baileys."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise NoNode("node and npm are not installed: the real peer cannot be run")
    told = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=20, check=True).stdout
    found = re.match(r"v(\d+)", told)
    if found is None or int(found[1]) < OLDEST_NODE:
        raise NoNode(f"node {told.strip()} is too old, Baileys needs {OLDEST_NODE}")
    return node, npm


def installed() -> Path:
    """The folder with `node_modules`. RuntimeError when npm cannot install."""
    _, npm = require_node()
    checksum = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in FILES)).hexdigest()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sambung"
    folder = cache / f"interop-{checksum[:16]}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            _install(npm, folder)
    return folder


def _install(npm: str, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name in FILES:
        shutil.copy(HERE / name, folder)
    done = subprocess.run(
        [npm, *INSTALL], cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"npm could not install the interop peer:\n{done.stderr[-2000:]}")
    (folder / "complete").touch()
