"""How much a received message becomes once it is parsed, counted in its bytes before anything is made of them.

Sixteen megabytes of `[],[],…` are half a gigabyte of Python objects: more than an instance's process may have. The
counts stop at their limit, so that they take milliseconds and no memory whatever arrives.
"""

import re

# Brackets are not counted where they close. A string that never ends, or ends in a backslash, runs to the end.
JSON_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{,:]', re.DOTALL)
# What becomes six characters in JSON that is pure ASCII: `\u0001`.
CONTROLS = bytes(range(0x20)) + b"\x7f"
ASCII = bytes(range(0x80))


def crowded_json(raw: bytes, limit: int) -> bool:
    """Whether JSON text has more than `limit` strings, brackets, commas and colons: at least its values and keys."""
    if len(raw) <= limit:
        return False
    return any(number > limit for number, _ in enumerate(JSON_TOKEN.finditer(raw), 1))


def crowded_msgpack(raw: bytes, limit: int) -> bool:
    """Whether msgpack has more than `limit` values and keys; bytes that are no msgpack are counted like others."""
    if len(raw) <= limit:
        return False
    position = count = 0
    while position < len(raw):
        count += 1
        if count > limit:
            return True
        fixed, width = _LAYOUT[raw[position]]
        position += fixed + int.from_bytes(raw[position + 1 : position + 1 + width], "big")
    return False


def json_bytes(text: bytes) -> int:
    """At most how long valid UTF-8 is as a JSON string in pure ASCII; a multiple of its length at worst."""
    controls = len(text) - len(text.translate(None, CONTROLS))
    quoted = text.count(b'"') + text.count(b"\\")
    wide = len(text.translate(None, ASCII))
    # Two bytes of UTF-8 become six characters, three become six, four become twelve.
    return len(text) + 5 * controls + quoted + 2 * wide


def _layout(code: int) -> tuple[int, int]:
    """A value's bytes without what its length field counts, and the width of that field (msgpack's specification)."""
    if 0xA0 <= code <= 0xBF:
        return 1 + (code & 0x1F), 0
    return _CODES.get(code, (1, 0))


_CODES = {
    **{0xC4: (2, 1), 0xC5: (3, 2), 0xC6: (5, 4)},  # bytes
    **{0xC7: (3, 1), 0xC8: (4, 2), 0xC9: (6, 4)},  # extension types
    **{0xCA: (5, 0), 0xCB: (9, 0)},  # floats
    **{0xCC: (2, 0), 0xCD: (3, 0), 0xCE: (5, 0), 0xCF: (9, 0)},
    **{0xD0: (2, 0), 0xD1: (3, 0), 0xD2: (5, 0), 0xD3: (9, 0)},
    **{0xD4: (3, 0), 0xD5: (4, 0), 0xD6: (6, 0), 0xD7: (10, 0), 0xD8: (18, 0)},
    **{0xD9: (2, 1), 0xDA: (3, 2), 0xDB: (5, 4)},  # strings
    **{0xDC: (3, 0), 0xDD: (5, 0), 0xDE: (3, 0), 0xDF: (5, 0)},  # heads of arrays and maps
}
_LAYOUT = tuple(_layout(code) for code in range(256))
