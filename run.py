#!/usr/bin/env python3
"""Sambung: the first start makes .venv with the locked dependencies, every start then runs cli.main in it."""

import fcntl
import importlib.util
import os
import sys
from hashlib import sha256
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV, LOCK = (HERE / ".venv").resolve(), HERE / "requirements.lock"
PYTHON, MARKER = str(VENV / "bin" / "python"), VENV / "sambung-installed"


def install(version):
    fcntl.flock(os.open(LOCK, os.O_RDONLY), fcntl.LOCK_EX)  # a second first start waits for the first one
    wanted = version + " " + sha256(LOCK.read_bytes()).hexdigest()
    found = MARKER.read_text() if MARKER.exists() and os.path.exists(PYTHON) else ""
    if found == wanted:
        return
    if not importlib.util.find_spec("ensurepip"):
        sys.exit("sambung: this Python cannot make virtual environments: apt-get install python3-venv")
    sys.stderr.write("sambung: installing the locked dependencies into .venv (once, about 20 s)\n")
    MARKER.unlink(missing_ok=True)  # interrupted from here on: the next start empties .venv and starts over
    fresh = [] if found.startswith(version + " ") else [[sys.executable, "-m", "venv", "--clear", str(VENV)]]
    pip = [PYTHON, "-m", "pip", "install", "-qq", "--require-hashes", "-r", str(LOCK)]
    if any(os.spawnv(os.P_WAIT, command[0], command) for command in [*fresh, pip]):
        sys.exit("sambung: the installation failed (see above); the next start tries again")
    MARKER.write_text(wanted)


if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036  (older ones read this file too, to be told so)
        sys.exit("sambung needs Python 3.11 or newer; " + sys.executable + " is " + sys.version.split()[0])
    if not os.environ.get("SAMBUNG_NO_BOOTSTRAP") and Path(sys.prefix).resolve() != VENV:
        install(sys.version.split()[0])
        os.execv(PYTHON, [PYTHON, *sys.argv])
    sys.exit(importlib.import_module("cli.main").main())
