"""A stricter HTTP/1.1 reader and writer under CherryPy (cheroot): what is ambiguous is refused, always with JSON.

Measured on cheroot 11.1.2: Content-Length beside Transfer-Encoding, two different lengths, blanks before a colon and
folded lines are accepted; a body that nobody read is read into memory, or parsed as the next request when chunked.
Each of these is a way to smuggle a request past a proxy, or to fill the memory.
"""

import contextlib
import logging
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any

from cheroot.server import ChunkedRFile, HTTPConnection, KnownLengthRFile
from cherrypy._cpserver import Server
from cherrypy._cpwsgi_server import CPWSGIHTTPRequest, CPWSGIServer

from core.config import HttpSettings
from web.answer import plain_error
from web.hangup import has_left
from web.headers import StrictHeaderReader
from web.heads import MAX_HEADER_BYTES, awaited, max_open
from web.tls import LateHandshake, shake_hands

log = logging.getLogger("sambung.web")

BACKLOG = 1024  # cheroot's 5 makes a burst of clients wait for seconds
CLOSE = (b"Connection", b"close")
# On every answer that does not say otherwise.
SECURITY_HEADERS = (
    (b"Cache-Control", b"no-store"),
    (b"Content-Security-Policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"Cross-Origin-Resource-Policy", b"same-origin"),
    (b"Referrer-Policy", b"no-referrer"),
    (b"X-Content-Type-Options", b"nosniff"),
    (b"X-Frame-Options", b"DENY"),
)
MAX_WAITING = 1024  # accepted connections that wait for a worker
MAX_KEPT = 512  # idle connections kept open
DRAIN_BYTES = 256 * 1024  # an unread body up to this size is read so that the connection can be kept
LINGER_BYTES = 4 * 1024 * 1024
LINGER_S = 1.0

OnRefused = Callable[[int, str], None]


class StrictRequest(CPWSGIHTTPRequest):
    """Refuses ambiguous framing, answers in JSON, and never lets an unread body become the next request."""

    header_reader = StrictHeaderReader()

    def read_request_headers(self) -> bool:
        if not super().read_request_headers():
            return False
        if self.inheaders.get(b"Transfer-Encoding") and self.request_protocol != b"HTTP/1.1":
            self.simple_response("400 Bad Request", "Transfer-Encoding needs HTTP/1.1")
            return False
        if self.chunked_read:
            # What stands behind the last chunk (trailers) is never read, so nothing may follow it.
            self.close_connection = True
        if b"close" in self.inheaders.get(b"Connection", b"").lower():
            self.close_connection = True
        return True

    def send_headers(self) -> None:
        if self._unread_bytes() > DRAIN_BYTES or CLOSE in self.outheaders:
            self.close_connection = True
        given = {name.lower() for name, _ in self.outheaders}
        self.outheaders += [pair for pair in SECURITY_HEADERS if pair[0].lower() not in given]
        super().send_headers()

    def respond(self) -> None:
        """Hand the request to CherryPy; its body is read by whoever wants it, up to a bound."""
        if self.chunked_read:
            self.rfile = ChunkedRFile(self.conn.rfile, self.server.max_chunked_bytes)
        else:
            self.rfile = KnownLengthRFile(self.conn.rfile, int(self.inheaders.get(b"Content-Length", 0)))
        self.rfile.client_left = lambda: has_left(self.conn.socket)  # where the application finds it
        self.server.gateway(self).respond()
        if self.ready:
            self.ensure_headers_sent()
        if self.chunked_write:
            self.conn.wfile.write(b"0\r\n\r\n")
        if self.close_connection and self._unread_bytes():
            discard_input(self.conn.socket)

    def _unread_bytes(self) -> float:
        if self.chunked_read:
            return 0 if self.rfile.closed else float("inf")
        return float(self.rfile.remaining)

    def simple_response(self, status: str, msg: str = "") -> None:
        """The errors that cheroot itself sends, as JSON; the connection ends after each."""
        self.close_connection = True
        answer = plain_error(int(str(status)[:3]), msg)
        self.server.on_refused(int(answer[9:12]), self.conn.remote_addr or "")
        try:
            self.conn.wfile.write(answer)
        except OSError:
            return  # the client is gone, and with it whoever could read this
        discard_input(self.conn.socket)


def discard_input(sock: socket.socket) -> None:
    """Say that nothing more comes, then read a little: closing on unread input would reset the answer away."""
    deadline_s, left = time.monotonic() + LINGER_S, LINGER_BYTES
    try:
        sock.shutdown(socket.SHUT_WR)
        while left > 0 and (wait_s := deadline_s - time.monotonic()) > 0:
            sock.settimeout(wait_s)
            data = sock.recv(65536)
            if not data:
                return
            left -= len(data)
    except (OSError, ValueError):
        return


class StrictConnection(HTTPConnection):
    RequestHandlerClass = StrictRequest
    was_idle = False
    head_begun = False
    _shaken: bool | None = None

    def communicate(self) -> bool:
        """One request; True to keep the connection."""
        return self.shake_hands() and bool(super().communicate())  # type: ignore[no-untyped-call]

    def shake_hands(self) -> bool:
        """Under TLS the handshake, once; False when it failed, and then for good. Raises as `tls.shake_hands` does."""
        if self._shaken is None:
            plain = self.server.ssl_adapter is None
            self._shaken = plain or shake_hands(self.socket, plain_error(400, "This port speaks HTTPS"))
        return self._shaken

    def close(self) -> None:
        """Close the socket and then the writer, which would else try to send what is left when it is collected."""
        if self.head_begun:
            self._give_up()
        super().close()
        with contextlib.suppress(OSError, ValueError):
            self.wfile.close()

    def _give_up(self) -> None:
        """The rest of a request's head did not come in time."""
        self.server.on_refused(408, self.remote_addr or "")
        with contextlib.suppress(OSError, ValueError):
            self.socket.send(plain_error(408, "The head of the request did not arrive in time"))


class StrictServer(CPWSGIServer):
    """cheroot with the strict request class, on a socket that is bound already."""

    ConnectionClass = StrictConnection

    def __init__(self, adapter: Any, sock: socket.socket, max_body_bytes: int, on_refused: OnRefused) -> None:
        super().__init__(adapter)
        self.on_refused = on_refused
        self.max_open = max_open()
        self.max_chunked_bytes = 2 * max_body_bytes + 65536  # chunk sizes count here, too
        # The parent's constructor puts its own class there.
        self.ConnectionClass.RequestHandlerClass = StrictRequest
        self._bound = sock

    def process_conn(self, conn: Any) -> None:
        """A new connection waits for its first bytes in the selector: silent ones must not hold workers."""
        if conn.was_idle:
            self._process_head(conn)
        elif len(self._connections._selector) > self.max_open:
            conn.close()
        else:
            conn.was_idle = True
            self.put_conn(conn)

    def _process_head(self, conn: Any) -> None:
        """To a worker once the head is there. Waiting on does not make its time longer, as `put` would."""
        event = awaited(conn) if self.ready else 0
        conn.head_begun = event != 0 and conn.rfile.has_data()
        if event:
            self._connections._selector.register(conn.socket.fileno(), event, data=conn)
        else:
            super().process_conn(conn)

    def put_conn(self, conn: Any) -> None:
        """Keep a connection for its next request, unless that is here: what TLS has decrypted wakes no selector."""
        if self.ready and self.ssl_adapter is not None and conn.socket.pending():
            conn.last_used = time.time()  # as the selector's `put` does
            self.process_conn(conn)
        else:
            super().put_conn(conn)

    def stop(self) -> None:
        """Serve what has arrived already, then stop as cheroot does: finish, at most for the grace time."""
        if self.ready:
            self._connections.stop()
            for descriptor, conn in list(self._connections._selector.select(0)):
                if conn is not self:
                    self._connections._selector.unregister(descriptor)
                    super().process_conn(conn)
        super().stop()

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
        """cheroot's own words; what a client did wrong is worth a debug line only."""
        log.log(level if level >= logging.ERROR else logging.DEBUG, "http: %s", msg, exc_info=traceback)

    def bind(self, _family: int, _type: int, _proto: int = 0) -> socket.socket:
        self.socket = self._bound
        self.bind_addr = self.resolve_real_bind_addr(self._bound)
        return self.socket


def strict_server(
    http: HttpSettings,
    sock: socket.socket,
    tls: ssl.SSLContext | None,
    grace_s: float,
    on_refused: OnRefused,
    make: Callable[..., StrictServer] = StrictServer,
) -> StrictServer:
    """A server on this socket with a pool of `http.threads`; `on_refused`: status and peer of what never got in;
    `make`: its class.
    """
    adapter = Server()
    adapter.socket_host, adapter.socket_port = sock.getsockname()[:2]
    adapter.thread_pool = adapter.thread_pool_max = http.threads
    adapter.socket_timeout = http.socket_timeout_s
    adapter.socket_queue_size = BACKLOG
    adapter.shutdown_timeout = grace_s
    adapter.accepted_queue_size = MAX_WAITING
    adapter.accepted_queue_timeout = 1
    adapter.max_request_header_size = MAX_HEADER_BYTES
    adapter.max_request_body_size = 0
    server = make(adapter, sock, http.max_body_bytes, on_refused)
    server.keep_alive_conn_limit = MAX_KEPT
    if tls is not None:
        server.ssl_adapter = LateHandshake(tls)
    return server
