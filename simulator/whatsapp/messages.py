"""Messages on their way (protocol §12, §16): acknowledged, then given to every device they are encrypted for."""

from collections.abc import Callable, Iterable

from simulator.whatsapp.accounts import Account, Spot
from simulator.whatsapp.delivery import Delivery
from simulator.whatsapp.groups import Group
from simulator.whatsapp.knobs import Knobs
from simulator.whatsapp.server_core import ServerCore
from whatsapp.jid import Jid
from whatsapp.nodes import Attribute, Node
from whatsapp.phash import participant_hash

UNKNOWN, NOT_ALLOWED, INVALID, RESTRICTED = 404, 403, 479, 463
WM_HASH_CHARS = 10
_KEPT = ("id", "type", "edit", "category")
_EXTRAS = ("device-identity", "meta", "bot", "biz", "tctoken", "reporting")

Reply = Callable[[Node], None]


class Messages:
    """Fan-out. What is addressed to nobody is refused in the ack."""

    def __init__(self, core: ServerCore, delivery: Delivery, knobs: Knobs) -> None:
        self._core = core
        self._delivery = delivery
        self._knobs = knobs

    def take(self, sender: Spot, node: Node, reply: Reply) -> None:
        """One stanza of a device. `reply`: to the same device."""
        to = node.jid_attr("to")
        error = self._knobs.ack_error(sender) or self._problem(sender, to, node)
        if self._knobs.swallows_message(sender):
            return
        attrs: dict[str, Attribute] = {"class": "message", "id": node.text_attr("id"), "from": to}
        attrs["t"] = str(self._core.now)
        if error:
            attrs["error"] = str(error)
        elif (phash := self._other_hash(sender, to, node)) is not None:
            attrs["phash"] = phash
        reply(Node("ack", attrs))
        if error:
            return
        if to.is_group:
            self._to_group(sender, self._core.groups[to], node)
        else:
            self._to_user(sender, to, node)

    def _problem(self, sender: Spot, to: Jid, node: Node) -> int | None:
        """Why the message is refused."""
        encs = _encs(node)
        if not encs:
            self._core.observed.complain(sender.key, f"a message to {to} without anything encrypted")
            return INVALID
        strange = (
            any(enc.optional("type") == "pkmsg" for enc in encs) and node.find("device-identity") is None
        )
        if strange and sender.device.number:
            self._core.observed.complain(sender.key, f"a pkmsg to {to} without device-identity")
            return INVALID
        if to.is_group:
            group = self._core.groups.get(to)
            if group is None:
                return UNKNOWN
            if sender.account.number not in group.members:
                return NOT_ALLOWED
            silenced = group.announcement and not group.is_admin(sender.account.number)
            return NOT_ALLOWED if silenced else None
        return UNKNOWN if self._core.accounts.of(to) is None else None

    # ── to a user ────────────────────────────────────────────────────────────────────────────────────────────────

    def _to_user(self, sender: Spot, to: Jid, node: Node) -> None:
        listed = node.find("participants")
        if listed is not None:
            entries = [(entry.jid_attr("jid"), entry) for entry in listed.all("to")]
        else:
            entries = [(to, node)]  # for one device: a message sent again, or one of a phone to its companion
        recipient = self._core.accounts.of(to)
        for target, entry in entries:
            spot = self._core.accounts.spot(target)
            if spot is None or (spot.account is not recipient and spot.account is not sender.account):
                continue
            if sender.account.number in spot.account.blocked:
                continue  # the sender does not learn that
            self._meet(sender.account, spot.account)
            attrs = self._from_user(sender, spot, target.is_lid, node)
            if spot.account is sender.account and node.optional("category") != "peer":
                chat = to if listed is not None else node.optional_jid("recipient") or to
                attrs["recipient"] = chat.without_device
                if recipient is not None and listed is not None and self._core.settings.tells_lids:
                    name = "peer_recipient_pn" if to.is_lid else "peer_recipient_lid"
                    attrs[name] = recipient.jid(not to.is_lid)
            self._give(spot, attrs, entry.all("enc"), node)

    def _from_user(self, sender: Spot, target: Spot, by_lid: bool, node: Node) -> dict[str, Attribute]:
        attrs = self._common(sender, node)
        attrs["from"] = sender.jid(by_lid)
        if target.account is not sender.account and self._core.settings.tells_lids:
            attrs["sender_pn" if by_lid else "sender_lid"] = sender.jid(not by_lid)
        return attrs

    def _meet(self, one: Account, other: Account) -> None:
        if one is not other and other.number not in one.peers:
            for account, peer in ((one, other), (other, one)):
                account.peers.add(peer.number)
                self._core.save_account(account)

    # ── to a group ───────────────────────────────────────────────────────────────────────────────────────────────

    def _to_group(self, sender: Spot, group: Group, node: Node) -> None:
        listed = node.find("participants")
        given = {} if listed is None else {entry.jid_attr("jid"): entry for entry in listed.all("to")}
        only = node.optional_jid("participant")
        for number in group.members:
            member = self._core.accounts.by_number(number)
            for spot in () if member is None else self._core.accounts.spots(member, but=sender.device):
                if only is not None and only not in (spot.jid(True), spot.jid(False)):
                    continue
                own = given.get(spot.jid(True)) or given.get(spot.jid(False))
                encs = [*(own.all("enc") if own is not None else ()), *node.all("enc")]
                attrs = self._common(sender, node)
                attrs["from"] = group.jid
                attrs["participant"] = sender.jid(group.by_lid)
                attrs["addressing_mode"] = group.addressing_mode
                attrs["participant_pn" if group.by_lid else "participant_lid"] = sender.jid(not group.by_lid)
                self._give(spot, attrs, encs, node)

    # ── both ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _common(self, sender: Spot, node: Node) -> dict[str, Attribute]:
        attrs: dict[str, Attribute] = {name: node.attrs[name] for name in _KEPT if name in node.attrs}
        attrs["t"] = str(self._core.now)
        if sender.account.name:
            attrs["notify"] = sender.account.name
        return attrs

    def _give(self, spot: Spot, attrs: dict[str, Attribute], encs: Iterable[Node], node: Node) -> None:
        extras = [child for child in node.children if child.tag in _EXTRAS]
        stanza = Node("message", attrs, (*encs, *extras))
        delay_s = self._knobs.delay_s(spot)
        for one in self._knobs.spoiled(spot, stanza):
            self._delivery.deliver(spot, one, **({"delay_s": delay_s} if delay_s else {}))

    def _other_hash(self, sender: Spot, to: Jid, node: Node) -> str | None:
        """The hash over the true device list where the sender's differs: its list is old (protocol §12.8)."""
        if to.is_group:
            group = self._core.groups[to]
            accounts = [self._core.accounts.by_number(number) for number in group.members]
            by_lid = group.by_lid
        else:
            accounts, by_lid = [self._core.accounts.of(to), sender.account], to.is_lid
        spots = [spot for one in accounts if one is not None for spot in self._core.accounts.spots(one)]
        true = participant_hash(spot.jid(by_lid) for spot in spots)
        if to.is_group:
            told = node.optional("phash")
            return true if told is not None and len(told) == WM_HASH_CHARS and told != true else None
        listed = node.find("participants")
        if listed is None:
            return None
        named = {self._core.accounts.spot(entry.jid_attr("jid")) for entry in listed.all("to")}
        return None if named >= {*spots} - {sender} else true


def _encs(node: Node) -> list[Node]:
    listed = node.find("participants")
    given = [] if listed is None else [enc for entry in listed.all("to") for enc in entry.all("enc")]
    return [*given, *node.all("enc")]
