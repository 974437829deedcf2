"""The HTTP CONNECT method (RFC 9110 §9.3.6), as much as a test proxy needs."""

import asyncio
import base64
import hmac
import http

HEAD_S = 30.0


class Rejected(Exception):
    """A CONNECT request that gets no tunnel. `response`: the bytes to answer with."""

    def __init__(self, status: int, *headers: str) -> None:
        super().__init__(status)
        try:
            phrase = http.HTTPStatus(status).phrase
        except ValueError:
            phrase = "Unknown"
        head = [f"HTTP/1.1 {status} {phrase}", "Connection: close", "Content-Length: 0", *headers]
        self.response = "\r\n".join([*head, "", ""]).encode()


ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


async def read_target(
    reader: asyncio.StreamReader, username: str | None, password: str | None, status: int | None
) -> tuple[str, int]:
    """Host and port that the client asks for. Raises Rejected; `status` rejects every well-formed request."""
    try:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), HEAD_S)
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError) as error:
        raise Rejected(400) from error
    first, *lines = head.decode("latin-1").split("\r\n")
    method, _, rest = first.partition(" ")
    host, _, port = rest.partition(" ")[0].rpartition(":")
    if method != "CONNECT":
        raise Rejected(405, "Allow: CONNECT")
    if not host or not port.isdigit() or not 0 < int(port) < 2**16:
        raise Rejected(400)
    if username is not None and not _authorised(lines, username, password or ""):
        raise Rejected(407, 'Proxy-Authenticate: Basic realm="simulator"')
    if status is not None:
        raise Rejected(status)
    return host.strip("[]"), int(port)


def _authorised(lines: list[str], username: str, password: str) -> bool:
    wanted = "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
    given = [
        line.partition(":")[2].strip() for line in lines if line.lower().startswith("proxy-authorization:")
    ]
    return any(hmac.compare_digest(value.encode(), wanted.encode()) for value in given)
