"""The last line of defence against secrets in log files: what looks like one is replaced before a line is written.

Whoever logs is still to leave secrets out; this catches a URL inside an exception's text.
"""

import re

HIDDEN = "***"

_END = r"""[^\s&"'\\;,<>)\]}]+"""
_QUOTES = r"""[\\"']*"""
# The opening of a value in a repr or in JSON: quotes, escaped ones too, a bytes prefix.
_OPEN = rf"""\s*[:=,]\s*(?:b(?=[\\"']))?{_QUOTES}"""
_PARAMETERS = r"(?:access_token|api[_-]?key|token|password|passwd|secret)"
_HEADERS = r"(?:authorization|proxy-authorization|x-api-key|apikey)"

_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # user:password@ in any URL
    (re.compile(r"""([a-z][a-z0-9+.-]{0,20}://)[^\s/@"'<>\\]{1,512}@""", re.IGNORECASE), rf"\1{HIDDEN}@"),
    # query and form parameters
    (re.compile(rf"\b({_PARAMETERS}=){_END}", re.IGNORECASE), rf"\1{HIDDEN}"),
    # headers, as text, in a dict's or tuple's repr, or in JSON
    (
        re.compile(
            rf"({_HEADERS}{_QUOTES}{_OPEN}(?:(?:bearer|basic|digest|token|apikey)\s+)?){_END}",
            re.IGNORECASE,
        ),
        rf"\1{HIDDEN}",
    ),
    (re.compile(rf"""((?:set-)?cookie{_QUOTES}{_OPEN})[^"'\\]+""", re.IGNORECASE), rf"\1{HIDDEN}"),
    # credentials that stand alone
    (re.compile(r"\b(bearer\s+)[A-Za-z0-9._~+/=-]{16,}", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(r"\b(sbg_)[A-Za-z0-9_-]{16,}"), rf"\1{HIDDEN}"),
)


# Every pattern needs one of these (lower case); most lines have none and are done with a plain search.
_CLUES = ("@", "key", "token", "passw", "secret", "authorization", "cookie", "bearer", "sbg_")


def redact(line: str) -> str:
    """The line with what looks like a secret replaced by `***`; JSON stays JSON."""
    lower = line.lower()
    if not any(clue in lower for clue in _CLUES):
        return line
    for pattern, replacement in _PATTERNS:
        line = pattern.sub(replacement, line)
    return line
