"""Request headers, read strictly: what two parsers could understand differently is refused (RFC 9112 §5, §6.3)."""

from typing import Any

from cheroot.server import HeaderReader

MAX_HEADERS = 100
TOKEN_BYTES = frozenset(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
# Only one of these may come: a second one makes two parsers disagree.
SINGLE = frozenset(
    (
        b"Content-Length",
        b"Transfer-Encoding",
        b"Host",
        b"Content-Type",
        b"Authorization",
        b"X-Api-Key",
        b"Apikey",
    )
)


class StrictHeaderReader(HeaderReader):
    """Headers by RFC 9112 §5: token names, no folding, no repetition of what must be single. Raises ValueError."""

    def __call__(self, rfile: Any, hdict: dict[bytes, bytes] | None = None) -> dict[bytes, bytes]:
        headers: dict[bytes, bytes] = {} if hdict is None else hdict
        for _ in range(MAX_HEADERS + 1):
            line = rfile.readline()
            if line == b"\r\n":
                check_framing(headers)
                return headers
            add_header(headers, line)
        raise ValueError(f"More than {MAX_HEADERS} headers")


def add_header(headers: dict[bytes, bytes], line: bytes) -> None:
    if not line.endswith(b"\r\n"):
        raise ValueError("A header line must end with CR LF")
    name, colon, value = line[:-2].partition(b":")
    if not colon or not name or not TOKEN_BYTES.issuperset(name):
        raise ValueError("A header is malformed")
    value = value.strip(b" \t")
    if any((byte < 32 and byte != 9) or byte == 127 for byte in value):
        raise ValueError("A header value holds a control character")
    if b"_" in name:  # WSGI would take X_Api_Key for X-Api-Key
        return
    key = name.title()
    if key in headers:
        if key in SINGLE:
            raise ValueError(f"The header {key.decode()} came twice")
        value = headers[key] + b", " + value
    headers[key] = value


def check_framing(headers: dict[bytes, bytes]) -> None:
    """One way to know where the body ends (RFC 9112 §6.3)."""
    length, coding = headers.get(b"Content-Length"), headers.get(b"Transfer-Encoding")
    if length is not None and coding is not None:
        raise ValueError("Content-Length and Transfer-Encoding exclude each other")
    if length is not None and not (length.isdigit() and len(length) <= 15):
        raise ValueError("Content-Length is not a number")
    if coding is not None and coding.lower() != b"chunked":
        raise ValueError("The only Transfer-Encoding understood is chunked")
