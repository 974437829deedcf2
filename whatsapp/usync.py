"""Questions about users (protocol §12.3): their devices, their LID, whether a number is on WhatsApp."""

from collections.abc import Iterable
from dataclasses import dataclass

from whatsapp.errors import NodeError
from whatsapp.jid import HOSTED_LID_SERVER, HOSTED_SERVER, LID_SERVER, Jid
from whatsapp.nodes import Node

MAX_USERS = 5000
MAX_DEVICES = 300  # per user, in one answer


@dataclass(frozen=True, slots=True)
class UserInfo:
    """What the server told about one user. `devices` None: nothing, or an error. `registered`: contact queries."""

    jid: Jid
    lid: Jid | None
    devices: tuple[Jid, ...] | None
    registered: bool | None = None


def device_query(users: Iterable[Jid], query_id: str) -> Node:
    """Ask for device lists and LIDs."""
    listed = tuple(Node.make("user", jid=user.without_device) for user in users)
    asked = (Node.make("devices", version=2), Node("lid"))
    return _usync(query_id, "message", asked, listed)


def contact_query(phones: Iterable[Jid], query_id: str) -> Node:
    """Ask which numbers are on WhatsApp."""
    listed = tuple(Node("user", {}, (Node("contact", {}, f"+{phone.user}".encode()),)) for phone in phones)
    return _usync(query_id, "interactive", (Node("contact"), Node("lid")), listed)


def parse_answer(iq: Node) -> list[UserInfo]:
    """Every user that the answer names; a malformed one is an error of the whole answer."""
    users = list(iq.need("usync", "list").all("user"))
    if len(users) > MAX_USERS:
        raise NodeError(f"usync answer with {len(users)} users, at most {MAX_USERS}")
    return [_user(user) for user in users if "jid" in user.attrs]


def _usync(query_id: str, context: str, asked: tuple[Node, ...], listed: tuple[Node, ...]) -> Node:
    children = (Node("query", {}, asked), Node("list", {}, listed))
    return Node.make("usync", children, sid=query_id, mode="query", last=True, index=0, context=context)


def _user(node: Node) -> UserInfo:
    jid, lid, contact = node.jid_attr("jid").without_device, node.find("lid"), node.find("contact")
    value = None if lid is None else lid.optional_jid("val")
    devices = node.find("devices", "device-list")
    return UserInfo(
        jid,
        value.without_device if value is not None and value.is_lid and value.user else None,
        None if devices is None else _devices(jid, devices),
        None if contact is None else contact.optional("type") == "in",
    )


def _devices(user: Jid, listed: Node) -> tuple[Jid, ...]:
    found = []
    for device in list(listed.all("device"))[:MAX_DEVICES]:
        number = device.int_attr("id")
        if number > 255:
            raise NodeError(f"device {number} in a device list, at most 255")
        hosted = HOSTED_LID_SERVER if user.server == LID_SERVER else HOSTED_SERVER
        server = hosted if device.optional("is_hosted") == "true" else user.server
        found.append(Jid(user.user, server, number))
    return tuple(dict.fromkeys(found))
