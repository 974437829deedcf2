"""What a handler gives back, and the JSON envelopes of every body."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from typing import Protocol as Interface

from web.errors import CODE_OF, REASONS, ApiError

JSON = "application/json"
# What cheroot says, as the statuses that the contract knows.
PLAIN_STATUS = {414: 413, 501: 400, 505: 400}


class Stream(Interface):
    """A body that is produced over time; `close` is called once, whether or not it was ever iterated."""

    def __iter__(self) -> Iterator[bytes]: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP response. `stream` replaces `body` when it is set."""

    body: bytes = b""
    status: int = 200
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()
    stream: Stream | None = None


def dumps(value: Any) -> bytes:
    """Compact JSON as UTF-8; operators' scripts grep `"status":"success"` without spaces."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    try:
        return text.encode()
    except UnicodeEncodeError:  # a lone surrogate has no UTF-8 form, but an escape
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def success(data: Any = None, *, message: str | None = None, status: int = 200, **more: Any) -> Answer:
    """`{"status":"success","message"?:…,"data"?:…}`; `more` adds top-level keys behind them."""
    envelope: dict[str, Any] = {"status": "success"}
    if message is not None:
        envelope["message"] = message
    if data is not None:
        envelope["data"] = data
    return Answer(dumps(envelope | more), status=status)


def page(data: Sequence[Any], next_cursor: str | None, total: int) -> Answer:
    """One page of a list: `next` is the opaque cursor of the page behind it, `total` counts all matches."""
    return success(list(data), page={"next": next_cursor, "total": total})


def failure(error: ApiError) -> Answer:
    """The uniform error body."""
    envelope: dict[str, Any] = {
        "status": "error",
        "code": error.code,
        "message": error.message,
        "details": list(error.details),
    }
    if error.data is not None:
        envelope["data"] = dict(error.data)
    return Answer(dumps(envelope), status=error.status, headers=tuple(error.headers.items()))


def plain_error(status: int, text: str) -> bytes:
    """A whole response for a request that never reached CherryPy."""
    code = PLAIN_STATUS.get(status, status)
    name = "headers_too_large" if code == 413 else CODE_OF.get(code, "bad_request")
    if code == 413:
        text = "The request line or the headers are too large"
    message = text or REASONS.get(code, "Error")
    body = dumps({"status": "error", "code": name, "message": message, "details": []})
    head = (
        f"HTTP/1.1 {code} {REASONS.get(code, 'Error')}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\nX-Content-Type-Options: nosniff\r\n"
        "Server: sambung\r\n\r\n"
    )
    return head.encode("latin-1") + body


def with_headers(answer: Answer, headers: Mapping[str, str]) -> Answer:
    merged = (*answer.headers, *headers.items())
    return Answer(answer.body, answer.status, answer.content_type, merged, answer.stream)


def shown_times(data: Mapping[str, Any]) -> dict[str, Any]:
    """The data with every time in it (`since`, `…_at`: epoch seconds) as RFC 3339."""
    return {
        name: rfc3339(value) if _is_time(name) and isinstance(value, int | float) else value
        for name, value in data.items()
    }


def _is_time(name: str) -> bool:
    return name == "since" or name.endswith("_at")


def rfc3339(at_s: float | None) -> str | None:
    """Epoch seconds as UTC with milliseconds: `2026-11-23T15:15:04.123Z`."""
    if at_s is None:
        return None
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
