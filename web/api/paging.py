"""Query fields of lists: `limit`, `after` and each list's own filters; anything else is an error."""

from dataclasses import dataclass

from web.call import Call, parse_query
from web.errors import invalid

DEFAULT_LIMIT = 50
MAX_LIMIT = 500


@dataclass(frozen=True, slots=True)
class ListQuery:
    """`after`: the opaque cursor of the page before, None for the first page."""

    limit: int
    after: str | None
    filters: dict[str, str]


def checked_query(call: Call, *filters: str) -> ListQuery:
    """Raises ApiError 422 for unknown fields, a field given twice or a wrong limit."""
    fields: dict[str, str] = {}
    for name, value in parse_query(call.query_string):
        if name == "access_token":
            continue
        if name not in ("limit", "after", *filters):
            allowed = ", ".join(("limit", "after", *filters))
            raise invalid((name[:64], f"unknown query field (allowed: {allowed})"))
        if name in fields:
            raise invalid((name, "was given twice"))
        fields[name] = value
    limit = _limit(fields.pop("limit", str(DEFAULT_LIMIT)))
    return ListQuery(limit, fields.pop("after", None), fields)


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= MAX_LIMIT):
        raise invalid(("limit", f"must be an integer from 1 to {MAX_LIMIT}"))
    return int(text)
