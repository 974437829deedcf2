"""Why the server ends a connection, as a failure (protocol §20)."""

from core.failures import Failure, FailureKind
from whatsapp.nodes import Node

_BANS = {
    101: "wrote to too many people who do not have the number saved",
    102: "was blocked by too many people",
    103: "created too many groups with people who do not have the number saved",
    104: "sent the same message too often",
    106: "sent too many broadcasts",
}
_REFUSALS: dict[int, tuple[FailureKind, str]] = {
    400: (FailureKind.CONFIG, "the server refused the login"),
    401: (FailureKind.LOGGED_OUT, "this device is not linked any more"),
    402: (FailureKind.TEMP_BANNED, "the account is banned for a time"),
    403: (FailureKind.BANNED, "the account is locked or banned"),
    405: (FailureKind.OUTDATED, "the server refuses this client version"),
    406: (FailureKind.BANNED, "the account is banned"),
    409: (FailureKind.CONFIG, "the server refuses this client's description of itself"),
    413: (FailureKind.CONFIG, "the server wants a token of another service"),
    414: (FailureKind.CONFIG, "the server wants a token of another service"),
    415: (FailureKind.CONFIG, "the server does not know this account"),
    418: (FailureKind.CONFIG, "the server does not know this client"),
    500: (FailureKind.UPSTREAM, "server error"),
    501: (FailureKind.UPSTREAM, "server error: not available"),
    503: (FailureKind.UPSTREAM, "the server is overloaded or going away"),
}
MAX_MESSAGE_CHARS = 200
# The stored keys are worth nothing after these.
ERASING = frozenset({FailureKind.LOGGED_OUT, FailureKind.BANNED})


def stream_error(node: Node) -> Failure:
    """From `<stream:error>`. The conflict's type wins over the code, which may be a general one; a type that is not
    known leaves a 409 what it is, because two owners of one session would fight for ever.
    """
    conflict = node.find("conflict")
    kind = None if conflict is None else conflict.optional("type")
    code = _number(node, "code")
    if kind == "replaced" or (code == 409 and kind != "device_removed"):
        return Failure(FailureKind.REPLACED, "another connection uses the same credentials")
    if kind == "device_removed" or code in (401, 516):
        return Failure(FailureKind.LOGGED_OUT, "this device was unlinked on the phone")
    if code == 515:
        return Failure(FailureKind.RESTART, "the server asks for a new connection")
    if code == 503:
        return Failure(FailureKind.UPSTREAM, "the server is going away", 503)
    tags = ", ".join(child.tag[:40] for child in node.children[:3])
    return Failure(FailureKind.UPSTREAM, f"stream error {code} {tags}".rstrip(), 500)


def login_failure(node: Node) -> Failure:
    """From `<failure>`."""
    reason = _number(node, "reason")
    kind, text = _REFUSALS.get(reason, (FailureKind.UPSTREAM, f"the server refused with reason {reason}"))
    if kind is FailureKind.TEMP_BANNED:
        why = _BANS.get(_number(node, "code"))
        expire = _number(node, "expire")
        told = text if why is None else f"{text}: it {why}"
        return Failure(kind, told, reason, float(min(expire, 10**9)) if expire else None)
    shown = ": ".join((text, *_messages(node)))
    return Failure(kind, shown, reason if 400 <= reason < 600 else None)


def stream_end() -> Failure:
    """From `<xmlstreamend>`."""
    return Failure(FailureKind.UPSTREAM, "the server closed the stream", 428)


def _messages(node: Node) -> list[str]:
    """What the person is to be shown about it."""
    texts = (node.optional(f"logout_message_{part}") for part in ("header", "subtext"))
    return [text[:MAX_MESSAGE_CHARS] for text in texts if text]


def _number(node: Node, name: str) -> int:
    """An attribute as a number; 0 for anything else, because a failure is a failure however it is written."""
    value = node.optional(name) or ""
    return int(value) if value.isascii() and value.isdigit() and len(value) <= 12 else 0
