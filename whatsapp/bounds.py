"""How much of a stanza's texts is passed on to the application: no stanza makes an event of megabytes."""

import json

from whatsapp.nodes import Node

MAX_WORD_CHARS = 40  # what the protocol names: tags, states, times
MAX_SUBJECT_CHARS = 100  # of a change told; WhatsApp's own limit
MAX_NAME_CHARS = 256  # what people named
MAX_REASON_CHARS = 500
MAX_REF_CHARS = 512
MAX_TOLD_CHANGES = 20
MAX_TOLD_IDS = 40  # per event; more ids make more events
MAX_TOLD_MEMBERS_BYTES = 24_576  # as JSON: 1,000 LIDs, the largest group
MAX_TOLD_UPDATES = 5
MAX_TOLD_UPDATES_BYTES = 8192  # of the texts of all updates together


def word(text: str) -> str:
    """A word of the protocol."""
    return text[:MAX_WORD_CHARS]


def child_tags(node: Node) -> list[str]:
    """What a stanza is about, by the names of its children."""
    return [word(child.tag) for child in node.children[:MAX_TOLD_CHANGES]]


def fitting(texts: list[str], limit_bytes: int) -> list[str]:
    """The first of them that fit together, counted as JSON, where a character may take twelve bytes."""
    kept = []
    for text in texts:
        limit_bytes -= size_bytes([text])
        if limit_bytes < 0:
            break
        kept.append(text)
    return kept


def size_bytes(texts: list[str]) -> int:
    """As JSON."""
    return sum(len(json.dumps(text)) + 2 for text in texts)
