"""What we know about groups (protocol §16): name, addressing mode, participants; cached, asked for when old."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from whatsapp import lid_map
from whatsapp.bounds import MAX_NAME_CHARS
from whatsapp.errors import NodeError, StateCorrupt
from whatsapp.jid import GROUP_SERVER, Jid
from whatsapp.nodes import Node
from whatsapp.queries import Answer, QueryFailure
from whatsapp.session_core import SessionCore
from whatsapp.state import Recent, StateReader, StateWriter
from whatsapp.turn import Turn

FRESH_S = 3600.0
MAX_PARTICIPANTS = 5000
_CACHE = Recent("group", 500)


@dataclass(frozen=True, slots=True)
class Participant:
    """`jid`: as the group addresses them. `admin`: "", "admin" or "superadmin"."""

    jid: Jid
    admin: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """`lid_addressing`: whether members are known to each other by LID. `created_at`: epoch seconds, 0 = unknown."""

    jid: Jid
    subject: str
    lid_addressing: bool
    participants: tuple[Participant, ...]
    created_at: int = 0

    def to_json(self) -> dict[str, Any]:
        return {
            "jid": str(self.jid),
            "subject": self.subject,
            "addressing": "lid" if self.lid_addressing else "pn",
            "created_at": self.created_at,
            "participants": [{"jid": str(one.jid), "admin": one.admin} for one in self.participants],
        }


class Groups:
    """The groups that we write to or were asked about."""

    def __init__(self, core: SessionCore) -> None:
        self._core = core

    def find(self, turn: Turn, jid: Jid, then: Callable[[Turn, Group | QueryFailure], None]) -> None:
        """From the cache or the server."""
        known = self._cached(turn, jid)
        if known is not None:
            then(turn, known)
            return

        def answered(turn: Turn, answer: Answer) -> None:
            if isinstance(answer, QueryFailure):
                then(turn, answer)
                return
            group = parse_group(turn, answer.need("group"), jid)
            entry = {"at": self._core.wall_s(), "group": group.to_json()}
            _CACHE.put(turn.tx, str(jid), json.dumps(entry).encode())
            then(turn, group)

        query = Node.make("query", request="interactive")
        self._core.ask(turn, "w:g2", "get", (query,), answered, to=jid)

    def all(self, turn: Turn, then: Callable[[Turn, list[Group] | QueryFailure], None]) -> None:
        """Every group that this account is in."""

        def answered(turn: Turn, answer: Answer) -> None:
            if isinstance(answer, QueryFailure):
                then(turn, answer)
                return
            listed = answer.find("groups")
            nodes = () if listed is None else tuple(listed.all("group"))
            then(turn, [parse_group(turn, node) for node in nodes])

        content = (Node("participating", {}, (Node("participants"), Node("description"))),)
        self._core.ask(turn, "w:g2", "get", content, answered, to=Jid("", GROUP_SERVER))

    def _cached(self, turn: Turn, jid: Jid) -> Group | None:
        stored = _CACHE.get(turn.tx, str(jid))
        if stored is None:
            return None
        try:
            entry = json.loads(stored)
            if not 0 <= self._core.wall_s() - entry["at"] <= FRESH_S:
                return None
            return _from_json(entry["group"])
        except (ValueError, KeyError, TypeError, NodeError):
            raise StateCorrupt(f"stored group of {len(stored)} bytes cannot be read") from None


def forget(state: StateWriter, jid: Jid) -> None:
    """The group changed: ask again before the next message."""
    state.delete(_CACHE.space, str(jid))


def names_by_lid(state: StateReader, chat: Jid) -> bool:
    """Whether people are named by LID in a chat, as far as we know: a group that we know nothing about is a new one."""
    if not chat.is_group:
        return lid_map.lid_of(state, chat) is not None
    stored = _CACHE.get(state, str(chat))
    try:
        return stored is None or json.loads(stored)["group"]["addressing"] == "lid"
    except (ValueError, KeyError, TypeError):
        raise StateCorrupt("stored group cannot be read") from None


def parse_group(turn: Turn, node: Node, jid: Jid | None = None) -> Group:
    """From `<group>`; learns which addresses of its participants belong together."""
    listed = list(node.all("participant"))
    if len(listed) > MAX_PARTICIPANTS:
        raise NodeError(f"group with {len(listed)} participants, at most {MAX_PARTICIPANTS}")
    participants, pairs = [], []
    for one in listed:
        member = one.jid_attr("jid")
        if not member.is_user:
            raise NodeError("group participant who is not a user")
        for name in ("lid", "phone_number"):
            if name in one.attrs:
                pairs.append((member, one.jid_attr(name)))
        participants.append(Participant(member.without_device, one.text_attr("type", "")[:20]))
    lid_map.learn_all(turn.tx, pairs)
    created = node.text_attr("creation", "0")
    return Group(
        jid or Jid(node.text_attr("id").partition("@")[0], GROUP_SERVER),
        node.text_attr("subject", "")[:MAX_NAME_CHARS],
        node.text_attr("addressing_mode", "pn") == "lid",
        tuple(participants),
        int(created) if created.isdecimal() and len(created) <= 12 else 0,
    )


def _from_json(data: dict[str, Any]) -> Group:
    participants = tuple(Participant(Jid.parse(one["jid"]), one["admin"]) for one in data["participants"])
    return Group(
        Jid.parse(data["jid"]), data["subject"], data["addressing"] == "lid", participants, data["created_at"]
    )
