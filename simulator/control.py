"""The control API's server: HTTP/1.1 with JSON bodies, one request per connection."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, Generic, TypeVar
from urllib.parse import unquote, urlsplit

from simulator.checking import SpecError

REQUEST_S = 30.0
HEAD_BYTES = 64 * 1024
BODY_BYTES = 4 * 2**20


C = TypeVar("C")
Handler = Callable[[C], Awaitable[Any]]
# By path, then by method. `*` stands for one variable part of the path.
Routes = Mapping[str, Mapping[str, Handler[C]]]


class Missing(LookupError):
    """Nothing is there: the text says what was looked for."""


class Refused(Exception):
    """A request that no handler gets."""

    def __init__(self, status: HTTPStatus, text: str, *headers: str) -> None:
        super().__init__(text)
        self.status = status
        self.headers = headers


class Control(Generic[C]):
    """Serves routes from `start` to `stop`. `call`: what a handler gets, of the path's variable parts and the body."""

    def __init__(self, routes: Routes[C], call: Callable[[tuple[str, ...], Any], C]) -> None:
        self._routes = routes
        self._call = call
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> str:
        """Returns the URL. Raises OSError when the port is taken."""
        self._server = await asyncio.start_server(self._serve, host, port, limit=HEAD_BYTES)
        bound_port = self._server.sockets[0].getsockname()[1]
        return f"http://{f'[{host}]' if ':' in host else host}:{bound_port}"

    def stop(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            writer.write(await self._answer(reader))
            await writer.drain()
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader) -> bytes:
        try:
            method, path, body = await asyncio.wait_for(_read(reader), REQUEST_S)
            handler, names = find(self._routes, method, path)
            return _response(HTTPStatus.OK, await handler(self._call(names, body)))
        except Refused as error:
            return _response(error.status, {"error": str(error)}, *error.headers)
        except SpecError as error:
            return _response(HTTPStatus.BAD_REQUEST, {"error": str(error)})
        except Missing as error:
            return _response(HTTPStatus.NOT_FOUND, {"error": str(error)})
        except TimeoutError:
            return _response(HTTPStatus.REQUEST_TIMEOUT, {"error": f"no request within {REQUEST_S:g} s"})
        except OSError as error:
            return _response(HTTPStatus.CONFLICT, {"error": str(error)})


def find(routes: Routes[C], method: str, path: str) -> tuple[Handler[C], tuple[str, ...]]:
    """The handler for a request and the variable parts of its path. Raises Refused."""
    given = [unquote(part) for part in path.split("/")]
    for pattern, handlers in routes.items():
        parts = pattern.split("/")
        if len(parts) != len(given) or any(a not in ("*", b) for a, b in zip(parts, given, strict=True)):
            continue
        if method not in handlers:
            allowed = ", ".join(handlers)
            raise Refused(
                HTTPStatus.METHOD_NOT_ALLOWED, f"{method} {path}: allowed: {allowed}", f"Allow: {allowed}"
            )
        return handlers[method], tuple(b for a, b in zip(parts, given, strict=True) if a == "*")
    raise Refused(HTTPStatus.NOT_FOUND, f"no such path: {path}; there are: {', '.join(routes)}")


async def _read(reader: asyncio.StreamReader) -> tuple[str, str, Any]:
    """Method, path and JSON body (an empty one is {}). Raises Refused, IncompleteReadError, OSError."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.LimitOverrunError as error:
        raise Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the request's head is too long") from error
    first, *lines = head.split("\r\n")
    words = first.split(" ")
    if len(words) != 3:
        raise Refused(HTTPStatus.BAD_REQUEST, "not an HTTP request")
    body = await reader.readexactly(_body_length(lines))
    try:
        return words[0], urlsplit(words[1]).path, json.loads(body) if body else {}
    except (ValueError, RecursionError) as error:
        raise Refused(HTTPStatus.BAD_REQUEST, f"the body is not JSON: {error}") from error


def _body_length(lines: list[str]) -> int:
    values = [line.partition(":")[2].strip() for line in lines if line.lower().startswith("content-length:")]
    if not values:
        return 0
    if not values[0].isdecimal():
        raise Refused(HTTPStatus.BAD_REQUEST, "Content-Length is not a number")
    if int(values[0]) > BODY_BYTES:
        raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {BODY_BYTES} bytes of body")
    return int(values[0])


def _response(status: HTTPStatus, content: Any, *headers: str) -> bytes:
    body = json.dumps(content, separators=(",", ":")).encode()
    head = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *headers,
    ]
    return "\r\n".join([*head, "", ""]).encode() + body
