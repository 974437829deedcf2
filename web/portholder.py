"""Which process holds a TCP port, read from /proc: no dependency, and only what this user may see."""

import os
from pathlib import Path

LISTEN = "0A"  # include/net/tcp_states.h
UNKNOWN = "another process (its owner is another user)"


def holder_of(port: int, proc: Path = Path("/proc")) -> str:
    """`process 4711 (python3 -m http.server)`, or that it cannot be seen."""
    inodes = listening_inodes(port, proc)
    for folder in sorted(proc.glob("[0-9]*/fd")):
        if inodes and _holds(folder, inodes):
            pid = folder.parent.name
            return f"process {pid} ({_title(folder.parent)})"
    return UNKNOWN


def listening_inodes(port: int, proc: Path = Path("/proc")) -> set[str]:
    """Inodes of the sockets that listen on this port, of IPv4 and IPv6."""
    found: set[str] = set()
    for name in ("tcp", "tcp6"):
        for line in _lines(proc / "net" / name)[1:]:
            fields = line.split()
            local, state, inode = fields[1], fields[3], fields[9]
            if state == LISTEN and int(local.rpartition(":")[2], 16) == port:
                found.add(inode)
    return found


def _holds(folder: Path, inodes: set[str]) -> bool:
    try:
        entries = list(folder.iterdir())
    except OSError:  # another user's process, or one that just ended
        return False
    return any(_target(entry) in {f"socket:[{inode}]" for inode in inodes} for entry in entries)


def _target(entry: Path) -> str:
    try:
        return os.readlink(entry)
    except OSError:
        return ""


def _title(folder: Path) -> str:
    """The command's name only: arguments may hold secrets."""
    return (_lines(folder / "comm") or ["?"])[0]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(errors="replace").splitlines()
    except OSError:
        return []
