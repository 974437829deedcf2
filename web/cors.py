"""Which pages of other origins may call the API from a browser: those of `http.cors_origins`, none by default.

The CORS protocol of the Fetch standard, without credentials: tokens travel in headers that a page sets itself.
"""

from collections.abc import Sequence

from web.answer import Answer, with_headers
from web.call import Call

METHODS = "GET, HEAD, POST, PATCH, DELETE"
REQUEST_HEADERS = "Authorization, X-Api-Key, apikey, Content-Type, Last-Event-ID"
MAX_AGE_S = 600


def allowed_origin(call: Call, origins: Sequence[str]) -> str | None:
    """The origin to name in the answer; None when the page may not read it, or is no other origin's."""
    origin = call.headers.get("origin")
    if origin is None:
        return None
    if "*" in origins:
        return "*"
    return origin if origin in origins else None


def preflight(call: Call, origins: Sequence[str]) -> Answer | None:
    """The answer to a browser's question before the request; None when this is no such question."""
    asks = call.method == "OPTIONS" and "access-control-request-method" in call.headers
    if not asks or allowed_origin(call, origins) is None:
        return None
    answer = Answer(
        status=204,
        headers=(
            ("Access-Control-Allow-Methods", METHODS),
            ("Access-Control-Allow-Headers", REQUEST_HEADERS),
            ("Access-Control-Max-Age", str(MAX_AGE_S)),
        ),
    )
    return with_cors(answer, call, origins)


def with_cors(answer: Answer, call: Call, origins: Sequence[str]) -> Answer:
    """The answer with what lets the page read it. Where origins are listed, caches must tell them apart."""
    if not origins:
        return answer
    origin = allowed_origin(call, origins)
    headers = {} if origin is None else {"Access-Control-Allow-Origin": origin}
    if "*" not in origins:
        headers["Vary"] = "Origin"
    return with_headers(answer, headers)
