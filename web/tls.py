"""TLS by certificate and key files, with a handshake that waits for nobody.

cheroot's own adapter shakes hands in the accepting thread: one client that stays silent then holds up all others.
"""

import socket
import ssl
from pathlib import Path
from typing import Any

from cheroot.makefile import MakeFile
from cheroot.ssl import Adapter

ENVIRON = {"wsgi.url_scheme": "https", "HTTPS": "on"}


class TLSFailed(Exception):
    """The certificate or key cannot be used; the text names the setting and the file."""


def server_context(cert_file: str, key_file: str) -> ssl.SSLContext:
    """TLS 1.2 and newer with this certificate; raises TLSFailed."""
    for setting, name in (("http.tls_cert_file", cert_file), ("http.tls_key_file", key_file)):
        if not name:
            raise TLSFailed(f"{setting} is empty: TLS needs both a certificate and its key")
        try:
            Path(name).read_bytes()
        except OSError as error:
            raise TLSFailed(f"{setting} = {name!r} cannot be read: {error.strerror}") from None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(cert_file, key_file, password=_no_password)
    except (ssl.SSLError, ValueError) as error:
        reason = getattr(error, "reason", None) or str(error)
        raise TLSFailed(
            f"http.tls_cert_file = {cert_file!r} and http.tls_key_file = {key_file!r} do not work together: {reason}"
        ) from None
    return context


def _no_password() -> str:
    raise ValueError("the key is encrypted; give one without a password")


class LateHandshake(Adapter):
    """Wraps accepted sockets; `shake_hands` is called as bytes arrive."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.context = context

    def bind(self, sock: socket.socket) -> socket.socket:
        return sock

    def wrap(self, sock: socket.socket) -> tuple[socket.socket, dict[str, str]]:
        wrapped = self.context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        return wrapped, dict(ENVIRON)

    def get_environ(self) -> dict[str, str]:
        return dict(ENVIRON)

    def makefile(self, sock: socket.socket, mode: str = "r", bufsize: int = -1) -> Any:
        return MakeFile(sock, mode, bufsize)


def shake_hands(sock: Any, plain_answer: bytes) -> bool:
    """Do the handshake; False when the client failed or left. One that speaks HTTP is told so in HTTP.

    On a socket that does not wait, SSLWantReadError and SSLWantWriteError say that it goes on later.
    """
    try:
        sock.do_handshake()
    except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
        raise
    except ssl.SSLError as error:
        if "HTTP_REQUEST" in (error.reason or ""):
            _send_plain(sock, plain_answer)
        return False
    except (OSError, ValueError):
        return False
    return True


def _send_plain(sock: Any, data: bytes) -> None:
    try:
        socket.socket.sendall(sock, data)
    except (OSError, ValueError):
        return
