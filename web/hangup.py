"""Whether a client has left, seen without reading from it or writing to it."""

import select
import socket

GONE = select.POLLRDHUP | select.POLLHUP | select.POLLERR | select.POLLNVAL


def has_left(sock: socket.socket) -> bool:
    """True once the client has closed its side or the connection is broken; never waits.

    The kernel tells it also under TLS, and behind bytes that nobody has read, where looking for the end of the stream
    would find those bytes. A client that closes its sending side only counts as gone: no HTTP client does.
    """
    try:
        poll = select.poll()
        poll.register(sock, select.POLLRDHUP)
        return any(event & GONE for _, event in poll.poll(0))
    except (OSError, ValueError):  # closed on this side
        return True
