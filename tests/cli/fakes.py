"""Fake children of a launcher: `fakes.py SCRIPT PIDFILE PARENT`."""

import os
import signal
import sys
from pathlib import Path

from actors.process import die_with_parent


def obedient() -> None:
    """Ends at SIGTERM; notes SIGHUPs beside its pid file."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGHUP})
    announce()
    while signal.sigwait({signal.SIGTERM, signal.SIGHUP}) == signal.SIGHUP:
        with Path(sys.argv[2]).with_suffix(".hups").open("a") as file:
            file.write("x")


def stubborn() -> None:
    """Ignores SIGTERM and SIGINT, and so does its own child."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.fork()
    announce()
    while True:
        signal.pause()


def parent() -> None:
    """Has a child that doesn't notice when its parent ends."""
    if os.fork() == 0:
        announce("orphan")
    else:
        announce()
    while True:
        signal.pause()


def misconfigured() -> None:
    announce()
    sys.exit(78)


def crashing() -> None:
    announce()
    sys.exit(3)


def announce(kind: str = "") -> None:
    with Path(sys.argv[2] + kind).open("a") as file:
        file.write(f"{os.getpid()}\n")


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    die_with_parent(int(sys.argv[3]))
    globals()[sys.argv[1]]()
