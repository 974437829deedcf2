"""One request as handlers see it: no CherryPy, no sockets."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from core.records import Scope
from web.errors import ApiError

MAX_DEPTH = 64
MAX_QUERY_FIELDS = 100


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: what the token may do, and on which instances (`None` = all).

    `requests_per_minute`: the token's own quota, see `core.records.TokenRecord`.
    """

    token_id: str = ""
    name: str = ""
    scopes: frozenset[Scope] = frozenset()
    instances: frozenset[str] | None = None
    requests_per_minute: int | None = None

    def may(self, *any_of: Scope) -> bool:
        """True when one of these scopes is held; ADMIN includes all."""
        return Scope.ADMIN in self.scopes or not self.scopes.isdisjoint(any_of)

    def sees(self, instance_id: str) -> bool:
        return self.instances is None or instance_id in self.instances


ANYONE = Principal()


@dataclass(frozen=True, slots=True)
class Call:
    """`path`: decoded; `params`: the parts of the path that the route names; `query`: last value of each field.

    `headers`: lower-case names. `peer`: the client's address. `read_body`: at most this many bytes are read, more
    raises ApiError(body_too_large). `client_left`: true once the client has hung up.
    """

    method: str
    path: str
    query_string: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    peer: str = ""
    read_body: Callable[[int], bytes] = lambda _limit: b""
    client_left: Callable[[], bool] = lambda: False
    params: Mapping[str, str] = field(default_factory=dict)
    principal: Principal = ANYONE

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_query(self.query_string))

    def json_body(self, max_bytes: int) -> Any:
        """The body as JSON. Raises ApiError: 413 too large, 415 another type, 400 not JSON."""
        raw = self.read_body(max_bytes)
        check_json_type(self.headers)
        return parse_json(raw)

    def no_body(self, max_bytes: int) -> None:
        """For endpoints without fields: nothing, blanks or `{}`; a form's or any other content is refused."""
        raw = self.read_body(max_bytes).strip()
        if raw and parse_json(raw) != {}:
            raise ApiError("invalid", "This endpoint takes no fields: send no body or {}")


def parse_query(query_string: str) -> list[tuple[str, str]]:
    """All fields of a query string; raises ApiError(bad_request) when it is not UTF-8 or holds too many fields."""
    try:
        return parse_qsl(
            query_string, keep_blank_values=True, max_num_fields=MAX_QUERY_FIELDS, errors="strict"
        )
    except ValueError:
        raise ApiError("bad_request", "The query string is not valid percent-encoded UTF-8") from None


def check_json_type(headers: Mapping[str, str]) -> None:
    media, _, parameters = headers.get("content-type", "").partition(";")
    media = media.strip().lower()
    if media != "application/json" and not (media.startswith("application/") and media.endswith("+json")):
        raise ApiError("unsupported_media_type", "Send JSON with the header Content-Type: application/json")
    charset = parameters.lower().partition("charset=")[2].strip().strip('"')
    if charset not in ("", "utf-8", "utf8", "us-ascii"):
        raise ApiError("unsupported_media_type", "JSON must be encoded as UTF-8")
    if headers.get("content-encoding", "identity").lower() not in ("", "identity"):
        raise ApiError("unsupported_media_type", "Compressed bodies are not accepted")


def parse_json(raw: bytes) -> Any:
    """Strict JSON (RFC 8259): UTF-8, no NaN, no key twice, finite numbers, at most 64 levels deep."""
    try:
        value = json.loads(
            raw.decode(), object_pairs_hook=_object, parse_constant=_constant, parse_float=_finite
        )
    except RecursionError:
        raise _too_deep() from None
    except UnicodeDecodeError:
        raise ApiError("invalid_json", "The body is not UTF-8") from None
    except ValueError as error:
        raise ApiError("invalid_json", f"The body is not valid JSON: {_short(error)}") from None
    _check_tree(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key appears twice in one object")
    return result


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is out of range")
    return number


def _check_tree(value: Any) -> None:
    level, depth = [value], 0
    while level:
        if depth > MAX_DEPTH:
            raise _too_deep()
        below: list[Any] = []
        for one in level:
            match one:
                case dict():
                    below += one.keys()
                    below += one.values()
                case list():
                    below += one
                case str():
                    _check_text(one)
        level, depth = below, depth + 1


def _check_text(text: str) -> None:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ApiError("invalid_json", "A string holds a lone surrogate") from None


def _too_deep() -> ApiError:
    return ApiError("invalid_json", f"The body is nested deeper than {MAX_DEPTH} levels")


def _short(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at line {error.lineno} column {error.colno}"
    return str(error)[:120]
