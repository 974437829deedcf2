"""From `<success>` to a session that sends and receives (protocol §8)."""

from whatsapp import lid_map
from whatsapp.jid import SERVER
from whatsapp.keepalive import Keepalive
from whatsapp.nodes import Node
from whatsapp.prekey_upkeep import PreKeyUpkeep
from whatsapp.queries import Answer
from whatsapp.session_core import SessionCore
from whatsapp.turn import Turn

ROUTING = "routing"
OFFLINE_BATCH = 100
DOWNGRADED = 411  # the number that other clients' users know this by


class Login:
    """What both clients do after login, in this order; nothing waits for the answers but the pre-key upload."""

    def __init__(self, core: SessionCore, keepalive: Keepalive, upkeep: PreKeyUpkeep) -> None:
        self._core = core
        self._keepalive = keepalive
        self._upkeep = upkeep

    def succeeded(self, turn: Turn, node: Node) -> None:
        """`<success>`."""
        core = self._core
        lid, account = node.optional_jid("lid"), core.account
        if core.online or not account.linked:
            return
        if lid is not None and lid.is_lid and lid.user:
            lid = lid.with_device(account.own_jid.device)
            if lid != account.lid:
                account = account.with_(lid=lid)
                account.save(turn.tx)
            lid_map.learn(turn.tx, account.own_jid, lid)
        core.online = True
        turn.authenticated()
        core.clock_offset_s = self._clock_offset_s(node)
        turn.emit(
            "session.open",
            jid=str(account.own_jid),
            lid=None if account.lid is None else str(account.lid),
            clock_offset_s=core.clock_offset_s,
        )
        self._keepalive.start(turn)
        self._upkeep.check(turn)
        core.ask(turn, "passive", "set", (Node("active"),), _ignore)
        self.announce(turn)

    def _clock_offset_s(self, success: Node) -> int | None:
        """Told, not used: everything here is stamped and checked by our own clock."""
        t = success.optional("t") or ""
        return int(t) - int(self._core.wall_s()) if t.isdecimal() and len(t) <= 12 else None

    def announce(self, turn: Turn) -> None:
        """Presence: unavailable unless configured otherwise, so that the phone keeps its notifications."""
        kind = "available" if self._core.available else "unavailable"
        name = self._core.account.push_name or self._core.settings.push_name
        turn.send(Node.make("presence", type=kind, name=name or None))

    def information(self, turn: Turn, node: Node) -> None:
        """`<ib>`: offline queue, edge routing, dirty bits, a phone that cannot have companions."""
        for child in node.children:
            match child.tag:
                case "offline_preview":
                    batch = Node.make("offline_batch", count=OFFLINE_BATCH)
                    turn.send(Node("ib", {}, (batch,)))
                case "offline":
                    turn.emit("session.caught_up", count=child.int_attr("count", 0))
                case "edge_routing":
                    routing = child.need("routing_info").data
                    if len(routing) <= 1024:
                        turn.tx.put(ROUTING, "", routing)
                case "dirty":
                    self._clean(turn, child)
                case "downgrade_webclient":
                    turn.emit(
                        "pairing.failed",
                        reason="the phone's app is too old for linked devices",
                        status=DOWNGRADED,
                    )
                case _:
                    pass

    def _clean(self, turn: Turn, dirty: Node) -> None:
        kind = dirty.text_attr("type")
        clean = Node.make("clean", type=kind, timestamp=dirty.optional("timestamp"))
        self._core.ask(turn, "urn:xmpp:whatsapp:dirty", "set", (clean,), _ignore, SERVER)


def _ignore(turn: Turn, answer: Answer) -> None:
    """Nothing depends on this answer."""
