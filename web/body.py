"""Reading a request's body, bounded, whatever its framing."""

from collections.abc import Callable
from typing import Any

from web.errors import ApiError

# What follows on a connection whose body was not read to its end cannot be told from the rest of it.
CLOSE = {"Connection": "close"}


def reader(stream: Any, length: str | None, chunked: bool) -> Callable[[int], bytes]:
    """A function that reads the whole body of at most the given number of bytes.

    It raises ApiError: body_too_large, bad_request for a body that is cut or badly framed, request_timeout.
    """

    def read(limit_bytes: int) -> bytes:
        if not chunked and not length:
            return b""
        expected = None if chunked or length is None else int(length)
        if expected is not None and expected > limit_bytes:
            raise _too_large(limit_bytes)
        data = _read(stream, limit_bytes, expected)
        if expected is not None and len(data) < expected:
            raise ApiError("bad_request", "The body ended before its Content-Length", headers=CLOSE)
        if len(data) > limit_bytes:
            raise _too_large(limit_bytes)
        return data

    return read


def _read(stream: Any, limit_bytes: int, expected: int | None) -> bytes:
    try:
        data = stream.read(limit_bytes + 1 if expected is None else expected)
    except TimeoutError:
        raise ApiError("request_timeout", "The body did not arrive in time", headers=CLOSE) from None
    except ValueError:
        raise ApiError("bad_request", "The body's chunks are malformed", headers=CLOSE) from None
    except OSError:  # cheroot's word for a chunk that is too large, and a connection that broke
        raise _too_large(limit_bytes) from None
    return bytes(data)


def _too_large(limit_bytes: int) -> ApiError:
    text = f"The body is larger than {limit_bytes} bytes (http.max_body_bytes)"
    return ApiError("body_too_large", text, headers=CLOSE)
