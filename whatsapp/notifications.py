"""Notifications and calls (protocol §18): each is acknowledged; those that change what we know are used."""

from typing import Any

from whatsapp import acknowledgements as answers
from whatsapp import bounds, contact_tokens, directory, groups, lid_map, sender_key_readers, signal_cipher
from whatsapp.code_linking import CodeLinking
from whatsapp.errors import NodeError
from whatsapp.group_sending import own_address
from whatsapp.jid import Jid
from whatsapp.message_source import stanza_id
from whatsapp.nodes import Node
from whatsapp.prekey_upkeep import PreKeyUpkeep
from whatsapp.session_core import SessionCore
from whatsapp.turn import Turn

_LEAVING = ("remove", "leave", "modify", "delete")
_TOLD = frozenset({"picture", "status", "business", "mediaretry", "mex", "newsletter"})


class Notifications:
    """Handles `<notification>` and `<call>` stanzas."""

    def __init__(self, core: SessionCore, upkeep: PreKeyUpkeep, code_linking: CodeLinking) -> None:
        self._core = core
        self._upkeep = upkeep
        self._code_linking = code_linking

    def notification(self, turn: Turn, node: Node) -> None:
        """One stanza; what is not known is acknowledged, too."""
        turn.send(answers.ack(node))
        match node.optional("type"):
            case "encrypt":
                self._encrypt(turn, node)
            case "devices":
                self._devices(turn, node)
            case "account_sync":
                directory.forget(turn.tx, self._core.account.main)
            case "link_code_companion_reg":
                self._code_linking.answered(turn, node)
            case "privacy_token":
                self._tokens(turn, node)
            case "passkey_prologue_request":
                reason = "this account requires a passkey, which is not supported"
                turn.emit("pairing.failed", reason=reason)
            case "w:gp2":
                self._group(turn, node)
            case str() as kind if kind in _TOLD:
                self._tell(turn, node, kind)
            case _:
                pass

    def call(self, turn: Turn, node: Node) -> None:
        """Calls cannot be taken here; the application is told that somebody rings."""
        turn.send(answers.ack(node))
        offer = node.find("offer")
        if offer is not None:
            caller = offer.optional_jid("call-creator") or node.jid_attr("from")
            turn.emit(
                "call.offered",
                id=stanza_id(offer, "call-id"),
                sender=str(caller.without_device),
                video=offer.find("video") is not None,
            )

    def _encrypt(self, turn: Turn, node: Node) -> None:
        count = node.find("count")
        if count is not None:
            self._upkeep.running_low(turn, count.int_attr("value"))
        if node.find("identity") is not None:
            user = node.jid_attr("from").without_device
            if user.is_user:
                self._forget_identity(turn, user)

    def _forget_identity(self, turn: Turn, user: Jid) -> None:
        names = {user.signal_name, directory.known_as(turn.tx, user).signal_name}
        for name in names:
            signal_cipher.forget_user(turn.tx, name)
            sender_key_readers.forget_user(turn.tx, name)
        directory.forget(turn.tx, user)
        turn.emit("identity.changed", user=str(user))

    def _devices(self, turn: Turn, node: Node) -> None:
        user = node.jid_attr("from").without_device
        lid = node.optional_jid("lid")
        if lid is not None:
            lid_map.learn(turn.tx, user, lid.without_device)
        directory.forget(turn.tx, user)
        for change in node.all("remove"):
            for one in change.all("device"):
                self._forget_device(turn, one.jid_attr("jid"), user)

    def _forget_device(self, turn: Turn, device: Jid, user: Jid) -> None:
        """Its number is never used again. It stays a known reader of our sender keys: that it is missing from the
        lists is what makes a new key.
        """
        if not device.device or directory.known_as(turn.tx, device) != directory.known_as(turn.tx, user):
            return
        for address in {device.signal_address, lid_map.signal_address(turn.tx, device)}:
            turn.tx.delete(signal_cipher.SESSIONS, address)
            turn.tx.delete(signal_cipher.IDENTITIES, address)

    def _tokens(self, turn: Turn, node: Node) -> None:
        contact = node.jid_attr("from").without_device
        lid = node.optional_jid("sender_lid")
        if lid is not None:
            lid_map.learn(turn.tx, contact, lid.without_device)
        tokens = node.find("tokens")
        for token in () if tokens is None else tokens.all("token"):
            if token.optional("type") == "trusted_contact":
                contact_tokens.store_token(turn.tx, contact, token.data, token.int_attr("t"))

    def _group(self, turn: Turn, node: Node) -> None:
        group = node.jid_attr("from")
        if not group.is_group:
            return
        groups.forget(turn.tx, group)
        if any(change.tag in _LEAVING for change in node.children):
            sender_key_readers.rotate(turn.tx, group, own_address(self._core))
        by = node.optional_jid("participant")
        changes = _changes(node)
        turn.emit("group.changed", group=str(group), by=None if by is None else str(by), changes=changes)

    def _tell(self, turn: Turn, node: Node, kind: str) -> None:
        turn.emit(
            "notification.received",
            type=kind,
            sender=str(node.jid_attr("from")),
            changes=bounds.child_tags(node),
            updates=_updates(node) if kind == "mex" else [],
        )


def _updates(node: Node) -> list[dict[str, Any]]:
    """What a `mex` notification says, as it is: limits put on the account arrive so (protocol §15).

    `json`: None for what is too long or no text.
    """
    updates, room = [], bounds.MAX_TOLD_UPDATES_BYTES
    for update in list(node.all("update"))[: bounds.MAX_TOLD_UPDATES]:
        try:
            text = update.text if len(update.data) <= room else None
        except NodeError:
            text = None
        room -= 0 if text is None else len(update.data)
        updates.append({"op_name": bounds.word(update.text_attr("op_name", "")), "json": text})
    return updates


def _changes(node: Node) -> list[dict[str, Any]]:
    """What changed in a group. `left_out`: how many of a change's participants are not named."""
    changes, room = [], bounds.MAX_TOLD_MEMBERS_BYTES
    for change in node.children[: bounds.MAX_TOLD_CHANGES]:
        members = [str(one.jid_attr("jid")) for one in change.all("participant")]
        named = bounds.fitting(members, room)
        room -= bounds.size_bytes(named)
        told = {
            "change": bounds.word(change.tag),
            "participants": named,
            "left_out": len(members) - len(named),
        }
        subject = change.optional("subject")
        changes.append(told | {"subject": None if subject is None else subject[: bounds.MAX_SUBJECT_CHARS]})
    return changes
