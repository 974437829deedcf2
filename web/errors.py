"""Every answer that is an error: one exception, one table of codes.

`ApiError` is raised anywhere below the request pipeline and becomes the uniform body
`{"status":"error","code":…,"message":…,"details":[…]}` with the status that `STATUS_OF` gives its code.
"""

from collections.abc import Mapping, Sequence
from typing import Any

# The one place where a code gets its HTTP status: the actors' codes and the web's own.
STATUS_OF: dict[str, int] = {
    "ok": 200,
    "bad_request": 400,
    "invalid_json": 400,
    "invalid_cursor": 400,
    "several_tokens": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "not_found": 404,
    "instance_not_found": 404,
    "message_not_found": 404,
    "token_not_found": 404,
    "method_not_allowed": 405,
    "request_timeout": 408,
    "instance_exists": 409,
    "token_exists": 409,
    "limit_reached": 409,
    "session_left": 409,
    "session_exists": 409,
    "in_progress": 409,
    "parked": 409,
    "quarantined": 409,
    "message_conflict": 409,
    "body_too_large": 413,
    "headers_too_large": 413,
    "message_too_large": 413,
    "unsupported_media_type": 415,
    "invalid": 422,
    "outbox_full": 429,
    "quota_exceeded": 429,
    "too_many_failures": 429,
    "too_soon": 429,
    "internal": 500,
    "storage_low": 503,
    "storage_failed": 503,
    "busy": 503,
    "timeout": 503,
    "unavailable": 503,
    "not_ready": 503,
    "streams_full": 503,
}

# Own phrases: those of the standard library differ between Python versions.
REASONS: dict[int, str] = {
    200: "OK",
    201: "Created",
    202: "Accepted",
    204: "No Content",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}

# The code of an error that only has a status, such as one raised by CherryPy itself.
CODE_OF: dict[int, str] = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    413: "body_too_large",
    415: "unsupported_media_type",
    500: "internal",
    503: "unavailable",
}


MOST_SAID = 10  # problems in a message; `details` holds all


class ApiError(Exception):
    """A request that ends with an error.

    `code`: a key of STATUS_OF. `message`: for people, without secrets. `details`: one entry per wrong field.
    `data`: what the operators' endpoints put beside the message. `headers`: extra response headers.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        details: Sequence[Mapping[str, Any]] = (),
        data: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.details = tuple(details)
        self.data = data
        self.headers = dict(headers or {})

    @property
    def status(self) -> int:
        return STATUS_OF[self.code]


def status_line(status: int) -> str:
    """`404 Not Found`, the same on every Python version."""
    return f"{status} {REASONS.get(status, 'Error')}"


def instance_not_found(instance_id: str) -> ApiError:
    return ApiError("instance_not_found", f"Instance {instance_id} not found")


def invalid(*problems: tuple[str, str]) -> ApiError:
    """422 for a body or query whose fields are wrong: pairs of field and what is allowed."""
    details = [{"field": field, "message": message} for field, message in problems]
    said = [f"{field}: {message}" for field, message in problems[:MOST_SAID]]
    if len(problems) > MOST_SAID:
        said.append(f"and {len(problems) - MOST_SAID} more, see details")
    return ApiError("invalid", "; ".join(said) or "The request is not valid", details=details)
