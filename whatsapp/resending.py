"""Devices that could not read a message of ours get the same one again (protocol §13)."""

from collections.abc import Callable
from hashlib import sha256

from whatsapp import acknowledgements as answers
from whatsapp import lid_map, sender_key_readers, sent_messages, signal_cipher
from whatsapp import message_pb2 as wa
from whatsapp.bundles import Bundles
from whatsapp.errors import ProtocolError
from whatsapp.fanout import Outgoing, device_sent, encrypt_to, identity_nodes
from whatsapp.group_sending import distribution_message
from whatsapp.groups import Group, Groups
from whatsapp.jid import Jid
from whatsapp.nodes import Attribute, Node
from whatsapp.prekey_nodes import parse_bundle, parse_registration
from whatsapp.queries import QueryFailure
from whatsapp.session_core import SessionCore
from whatsapp.state import Recent, StateReader
from whatsapp.turn import Turn

MAX_ANSWERS = 10
RENEW_AFTER_S = 3600.0
_ANSWERED = Recent("resent", 1000)
_RENEWED = Recent("renewed", 1000)


class Resending:
    """Answers retry receipts, a limited number of times per device and message."""

    def __init__(self, core: SessionCore, bundles: Bundles, groups: Groups) -> None:
        self._core = core
        self._bundles = bundles
        self._groups = groups

    def requested(self, turn: Turn, node: Node) -> None:
        """A retry receipt. It is acknowledged whatever comes of it."""
        retry = node.need("retry")
        device = node.optional_jid("participant") or node.jid_attr("from")
        count = min(retry.int_attr("count", 1), 99)
        outgoing = sent_messages.recall(turn.tx, retry.optional("id") or node.text_attr("id"))
        if outgoing is None or not device.is_user:
            turn.send(answers.ack(node))
            return

        def decided(turn: Turn, may_have: bool) -> None:
            # Not before: when the connection goes while we ask, the request comes again.
            turn.send(answers.ack(node))
            if may_have and self._counted(turn, device, outgoing.id):
                self._resend(turn, node, device, outgoing, count)

        self._may_have(turn, device, outgoing.to, decided)

    def _resend(self, turn: Turn, node: Node, device: Jid, outgoing: Outgoing, count: int) -> None:
        renew = self._prepare(turn, node, device, count)
        if outgoing.to.is_group:
            sender_key_readers.remove(turn.tx, outgoing.to, lid_map.signal_address(turn.tx, device))

        def with_session(turn: Turn, ready: list[Jid]) -> None:
            if device in ready:
                turn.send(self._stanza(turn, node, device, outgoing, count))

        self._bundles.ensure(turn, [device], with_session, renew)

    def _may_have(self, turn: Turn, device: Jid, to: Jid, then: Callable[[Turn, bool], None]) -> None:
        """Only the recipient's devices, our own, and those of a group's members. It is the person who counts: a device
        linked since then has a right to the message, too.
        """
        if self._core.account.is_own(device):
            then(turn, True)
        elif not to.is_group:
            then(turn, to in _addresses(turn.tx, device))
        elif _reads(turn.tx, to, device):
            then(turn, True)
        else:

            def found(turn: Turn, group: Group | QueryFailure) -> None:
                members = () if isinstance(group, QueryFailure) else group.participants
                addresses = _addresses(turn.tx, device)
                then(turn, any(member.jid in addresses for member in members))

            self._groups.find(turn, to, found)

    def _counted(self, turn: Turn, device: Jid, message_id: str) -> bool:
        key = sha256(f"{device}|{message_id}".encode()).hexdigest()[:40]
        before = int.from_bytes(_ANSWERED.get(turn.tx, key) or b"", "big")
        if before >= MAX_ANSWERS:
            return False
        _ANSWERED.put(turn.tx, key, bytes([before + 1]))
        return True

    def _prepare(self, turn: Turn, node: Node, device: Jid, count: int) -> bool:
        """Use the keys that came along; else say whether a new bundle is needed."""
        address = lid_map.signal_address(turn.tx, device)
        keys = node.find("keys")
        if keys is not None:
            try:
                with turn.attempt():
                    self._bundles.start(turn, device, parse_bundle(keys, parse_registration(node)))
            except ProtocolError as error:
                turn.emit("bundle.refused", reason=str(error))
            else:
                return False
        if not signal_cipher.can_send(turn.tx, address):
            return True
        registration = node.find("registration")
        if registration is not None:
            known = signal_cipher.remote_registration_id(turn.tx, address)
            if known is not None and known != parse_registration(node):
                return True
        return count >= 2 and self._may_renew(turn, address)

    def _may_renew(self, turn: Turn, address: str) -> bool:
        """Once an hour per device, or a broken device would use up its one-time keys."""
        at_s = int(self._core.wall_s())
        before = _RENEWED.get(turn.tx, address)
        if before is not None and 0 <= at_s - int.from_bytes(before, "big") < RENEW_AFTER_S:
            return False
        _RENEWED.put(turn.tx, address, at_s.to_bytes(8, "big"))
        return True

    def _stanza(self, turn: Turn, node: Node, device: Jid, outgoing: Outgoing, count: int) -> Node:
        message = self._message_for(turn, device, outgoing)
        enc = encrypt_to(turn, self._core, device, message, outgoing, count)
        attrs: dict[str, Attribute] = {
            "id": outgoing.id,
            "to": node.attrs["from"],
            "type": outgoing.type,
            "t": str(int(self._core.wall_s())),
        }
        attrs |= {name: node.attrs[name] for name in ("participant", "recipient") if name in node.attrs}
        if "participant" not in attrs:
            attrs["device_fanout"] = "false"
        if outgoing.edit is not None:
            attrs["edit"] = outgoing.edit
        identity = identity_nodes(self._core) if enc.attrs["type"] == "pkmsg" else ()
        return Node("message", attrs, (enc, *identity))

    def _message_for(self, turn: Turn, device: Jid, outgoing: Outgoing) -> wa.Message:
        if outgoing.to.is_group:
            message = wa.Message()
            message.CopyFrom(outgoing.message)
            message.MergeFrom(distribution_message(turn, self._core, outgoing.to))
            return message
        return device_sent(outgoing) if self._core.account.is_own(device) else outgoing.message


def _addresses(state: StateReader, device: Jid) -> frozenset[Jid]:
    """The user of a device, by number and by LID as far as they are known."""
    plain = device.without_device
    found = (plain, lid_map.lid_of(state, plain), lid_map.pn_of(state, plain))
    return frozenset(one for one in found if one is not None)


def _reads(state: StateReader, group: Jid, device: Jid) -> bool:
    """Whether any device of this user has our sender key of the group."""
    names = {one.signal_name for one in _addresses(state, device)}
    return any(address.rpartition(".")[0] in names for address in sender_key_readers.known(state, group))
