"""The path of a request, from its target as it was sent.

CherryPy's own reading loses what was asked: it joins neighbouring slashes, takes `//health` for a host name, and reads
what is not UTF-8 as Latin-1, so that one resource would have many names.
"""

import re
from urllib.parse import unquote_to_bytes

QUOTED_SLASH = re.compile("%2f", re.IGNORECASE)


def path_of(target: str) -> str:
    """The decoded path of a request target (RFC 9112 §3.2), Latin-1 as WSGI has it. A quoted slash stays quoted.

    Raises ValueError for a path that is not UTF-8.
    """
    raw = target.partition("?")[0]
    if not raw.startswith("/"):
        _, absolute, rest = raw.partition("://")
        raw = f"/{rest.partition('/')[2] if absolute else raw}"
    return "%2F".join(unquote_to_bytes(piece.encode("latin-1")).decode() for piece in QUOTED_SLASH.split(raw))
