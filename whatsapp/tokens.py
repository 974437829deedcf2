"""The binary XML dictionary, version 3 (protocol §5), and the tag bytes. `tokens.json` names its source."""

import hashlib
import json
from pathlib import Path

TOKENS_SHA256 = "cfe8fcd3ef24f232ec7df9824e1baa277f6a736543efc0e5f48aa46abb0f8cd0"

LIST_EMPTY = 0
FIRST_DICTIONARY = 236  # and three more
INTEROP_JID = 245
FB_JID = 246
AD_JID = 247
LIST_8 = 248
LIST_16 = 249
JID_PAIR = 250
HEX_8 = 251
BINARY_8 = 252
BINARY_20 = 253
BINARY_32 = 254
NIBBLE_8 = 255
PACKED_MAX = 127  # characters


def checksum(single: list[str], double: list[list[str]]) -> str:
    """SHA-256, in hex, of all tokens joined by newlines."""
    every = [*single, *(token for dictionary in double for token in dictionary)]
    return hashlib.sha256("\n".join(every).encode()).hexdigest()


def _load() -> tuple[list[str], list[list[str]]]:
    data = json.loads(Path(__file__).with_name("tokens.json").read_text(encoding="utf-8"))
    return data["single_byte"], data["double_byte"]


SINGLE, DOUBLE = _load()
SINGLE_INDEX = {token: bytes([index]) for index, token in enumerate(SINGLE) if index}
DOUBLE_INDEX = {
    token: bytes([FIRST_DICTIONARY + dictionary, index])
    for dictionary, tokens in enumerate(DOUBLE)
    for index, token in enumerate(tokens)
}
ENCODED = DOUBLE_INDEX | SINGLE_INDEX
"""How each token is written: one byte if it can be, else two."""
