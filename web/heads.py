"""Heads of requests are collected by the thread that waits for connections: a worker gets whole ones only.

Measured with twelve workers: twelve clients that sent a byte of a header now and then kept everybody else out for as
long as they liked, since each byte was in time. Now they hold a descriptor and a few bytes, for http.socket_timeout_s
in all, the TLS handshake included.
"""

import re
import resource
import selectors
import ssl
from typing import Any

MAX_HEADER_BYTES = 32 * 1024
MAX_OPEN = 2048  # connections; one more is closed at once
KEPT_FREE = 200  # descriptors for everything else: stores, logs, the actors
# An empty line, also in the loose form that is refused later.
END = re.compile(rb"\n\r?\n")


def awaited(connection: Any) -> int:
    """Read what has come without waiting: the selector's event to wait for, or 0 when a worker can go on.

    A worker goes on with a head that is whole, too long, or cut. What was read waits in the buffer of the connection's
    reader (`_pyio.BufferedReader`, where cheroot looks, too).
    """
    sock, reader = connection.socket, connection.rfile
    known = bytes(reader._read_buf[reader._read_pos :])
    patience_s = sock.gettimeout()
    sock.settimeout(0)
    try:
        if not connection.shake_hands():
            return 0
        data = sock.recv(MAX_HEADER_BYTES)
    except (BlockingIOError, ssl.SSLWantReadError):
        return 0 if _whole(known) else selectors.EVENT_READ
    except ssl.SSLWantWriteError:
        return selectors.EVENT_WRITE
    except (OSError, ValueError):
        return 0
    finally:
        sock.settimeout(patience_s)
    reader._read_buf, reader._read_pos = known + data, 0
    return 0 if not data or _whole(reader._read_buf) else selectors.EVENT_READ


def _whole(data: bytes) -> bool:
    return len(data) >= MAX_HEADER_BYTES or END.search(data) is not None


def max_open() -> int:
    """Connections that one of two servers may hold open: without a free descriptor, accepting would spin."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MAX_OPEN if soft == resource.RLIM_INFINITY else max(32, min(MAX_OPEN, (soft - KEPT_FREE) // 2))
