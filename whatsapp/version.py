"""The client's version number (protocol §21): which part of a public page tells it. Fetching is the caller's."""

import re

from whatsapp.errors import RemoteProtocolError
from whatsapp.session_settings import MAX_REVISION

# Whoever fetches: GET with a browser's headers.
PAGES = ("https://web.whatsapp.com/sw.js", "https://web.whatsapp.com/")
MAX_PAGE_CHARS = 1 << 23
_REVISION = re.compile(r'\\?"client_revision\\?":\s*(\d{6,12})')


def parse_revision(page: str) -> int:
    """The last part of 2.3000.x in the page's text; RemoteProtocolError when it names none that can be."""
    found = _REVISION.search(page[:MAX_PAGE_CHARS])
    if found is None:
        raise RemoteProtocolError("the page names no client revision")
    revision = int(found[1])
    if not 1 <= revision <= MAX_REVISION:
        raise RemoteProtocolError(
            f"the page names client revision {revision}, allowed are 1 to {MAX_REVISION}"
        )
    return revision
