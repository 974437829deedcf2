"""Every way in which the server ends a connection (protocol §20), by name."""

from collections.abc import Mapping
from types import MappingProxyType

from whatsapp.jid import SERVER
from whatsapp.nodes import Node


def _error(code: int | None = None, *children: Node) -> Node:
    return Node("stream:error", {} if code is None else {"code": str(code)}, children or None)


def _conflict(kind: str) -> Node:
    return Node("conflict", {"type": kind})


def _failure(reason: int, **attrs: str) -> Node:
    return Node("failure", {"reason": str(reason), "location": "sim", **attrs})


# On a connection that is there. None: the connection ends without a word.
ENDS: Mapping[str, Node | None] = MappingProxyType(
    {
        "restart": _error(515),
        "replaced": _error(None, _conflict("replaced")),
        "replaced-409": _error(409),
        "replaced-unknown": _error(409, _conflict("unknown")),
        "removed": _error(401, _conflict("device_removed")),
        "removed-401": _error(401),
        "removed-516": _error(516),
        "going-away": _error(503),
        "server-error": _error(500),
        "malformed": _error(None, Node("xml-not-well-formed")),
        "bad-ack": _error(None, Node("ack", {"class": "message"})),
        "stream-end": Node("xmlstreamend"),
        "closed": None,
        "cut": None,
    }
)
ABORTING = "cut"
# What arrives and does not end the connection by itself.
NOTICES: Mapping[str, Node] = MappingProxyType(
    {
        "downgrade": Node("ib", {"from": SERVER}, (Node("downgrade_webclient"),)),
        "dirty": Node(
            "ib", {"from": SERVER}, (Node("dirty", {"type": "account_sync", "timestamp": "1700000000"}),)
        ),
    }
)
# Reasons of `<failure>` that clients know.
REASONS = (400, 401, 402, 403, 405, 406, 409, 413, 414, 415, 418, 500, 501, 503)
BAN_CODES = (101, 102, 103, 104, 106)


def failure(
    reason: int, code: int | None = None, expire_s: int | None = None, header: str = "", subtext: str = ""
) -> Node:
    """`<failure>`. `code`, `expire_s`: of a temporary ban; `header`, `subtext`: what a banned person is shown."""
    attrs = {"code": None if code is None else str(code)}
    attrs |= {"expire": None if expire_s is None else str(expire_s), "logout_message_header": header or None}
    attrs |= {"logout_message_subtext": subtext or None}
    return _failure(reason, **{name: value for name, value in attrs.items() if value is not None})
