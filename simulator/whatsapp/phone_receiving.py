"""What a phone does with stanzas for it: decrypt, keep for its owner, answer (protocol §13)."""

from typing import Any

from simulator.whatsapp.phone import Phone
from simulator.whatsapp.phone_sending import PhoneSending
from whatsapp import message_pb2 as wa
from whatsapp import prekey_nodes as key_nodes
from whatsapp import prekeys, sender_keys
from whatsapp.adv import verify_device_signature
from whatsapp.errors import DuplicateMessage, MissingPreKey, NoSession, ProtocolError
from whatsapp.jid import Jid
from whatsapp.message_events import describe
from whatsapp.nodes import Attribute, Node
from whatsapp.padding import unpad
from whatsapp.protobufs import parse
from whatsapp.signal_messages import PreKeySignalMessage
from whatsapp.state import Recent, Transaction

MAX_REQUESTS = 5
PROCESSED = Recent("processed", 2000)
REQUESTED = Recent("requested", 500)


class Refused(ProtocolError):
    """The phone was told to claim that it cannot read."""


class PhoneReceiving:
    """Takes every stanza that is delivered to the phone."""

    def __init__(self, phone: Phone, sending: PhoneSending) -> None:
        self._phone = phone
        self._sending = sending

    def take(self, node: Node) -> None:
        """One stanza."""
        match node.tag:
            case "message":
                self._message(node)
            case "receipt":
                self._receipt(node)
            case "call":
                with self._phone.turn() as tx:
                    self._phone.keep(tx, kind="call", sender=str(node.jid_attr("from")))
            case _:
                pass

    def _receipt(self, node: Node) -> None:
        if node.optional("type") == "retry":
            self._sending.again(node)
            return
        listed = node.find("list")
        items = () if listed is None else tuple(item.text_attr("id") for item in listed.all("item"))
        with self._phone.turn() as tx:
            self._phone.keep(
                tx,
                kind="receipt",
                type=node.text_attr("type", "delivered"),
                ids=[node.text_attr("id"), *items],
                chat=str(node.jid_attr("from").without_device),
                sender=str(node.optional_jid("participant") or node.jid_attr("from")),
            )

    def _message(self, node: Node) -> None:
        sender = node.optional_jid("participant") or node.jid_attr("from")
        own = self._phone.account.is_address(sender)
        key = f"{self._phone.address(sender)}|{node.text_attr('id')}"
        try:
            with self._phone.turn() as tx:
                if PROCESSED.get(tx, key) is None:
                    self._refuse_if_told()
                    self._keep(tx, node, sender, self._decrypt(tx, node, sender))
                    PROCESSED.put(tx, key)
        except DuplicateMessage:
            pass
        except ProtocolError as error:
            self._ask_again(node, key, isinstance(error, NoSession | MissingPreKey), str(error))
            return
        self._phone.outside.send(self._phone.spot, _receipt(node, "sender" if own else None))
        if self._phone.habits.reads and not own:
            self._phone.outside.send(self._phone.spot, _receipt(node, "read"))

    def _refuse_if_told(self) -> None:
        if self._phone.habits.refuses > 0:
            self._phone.habits.refuses -= 1
            raise Refused("told to refuse")

    def _decrypt(self, tx: Transaction, node: Node, sender: Jid) -> wa.Message:
        """The content; sender keys are stored on the way. ProtocolError when any part cannot be read."""
        content = wa.Message()
        address, chat = self._phone.address(sender), node.jid_attr("from")
        encs = sorted(node.all("enc"), key=lambda enc: enc.text_attr("type") == "skmsg")
        if not encs:
            raise NoSession("nothing is encrypted for this phone")
        for enc in encs:
            kind = enc.text_attr("type")
            if kind == "skmsg":
                plaintext = sender_keys.decrypt(tx, str(chat), address, enc.data)
            else:
                plaintext = self._phone.cipher.decrypt(tx, address, kind, enc.data).plaintext
                self._check_identity(node, enc, sender)
            message = parse(wa.Message, unpad(plaintext))
            given = message.sender_key_distribution_message.axolotl_sender_key_distribution_message
            if given:
                sender_keys.process_distribution(tx, str(chat), address, given)
            if describe(message) is not None:
                content = message
        return content

    def _check_identity(self, node: Node, enc: Node, sender: Jid) -> None:
        """What a strict peer checks of a companion's first message (protocol §12.6)."""
        if enc.text_attr("type") != "pkmsg" or sender.device == 0:
            return
        identity = node.find("device-identity")
        if identity is None:
            self._phone.core.observed.complain(str(sender), "pkmsg without device-identity")
            return
        try:
            verify_device_signature(identity.data, PreKeySignalMessage.parse(enc.data).identity_key)
        except ProtocolError as error:
            self._phone.core.observed.complain(str(sender), f"device-identity: {error}")

    def _keep(self, tx: Transaction, node: Node, sender: Jid, message: wa.Message) -> None:
        chat = node.jid_attr("from").without_device
        own = self._phone.account.is_address(sender)
        if own and node.optional_jid("recipient") is not None:
            chat = node.jid_attr("recipient").without_device
        if message.HasField("device_sent_message"):
            message = message.device_sent_message.message
        event = describe(message)
        if event is None:
            return
        entry: dict[str, Any] = dict(event.fields)
        self._phone.keep(
            tx,
            kind=event.kind,
            id=node.text_attr("id"),
            chat=str(chat),
            sender=str(sender),
            from_me=own,
            push_name=node.optional("notify"),
            text=entry.get("content", {}).get("text") if isinstance(entry.get("content"), dict) else None,
            **entry,
        )

    def _ask_again(self, node: Node, key: str, with_keys: bool, why: str) -> None:
        with self._phone.turn() as tx:
            count = int.from_bytes(REQUESTED.get(tx, key) or b"", "big") + 1
            if count > MAX_REQUESTS:
                self._phone.keep(tx, kind="undecryptable", id=node.text_attr("id"), error=why)
                return
            REQUESTED.put(tx, key, bytes([count]))
            message_id = node.text_attr("id")
            retry = Node.make("retry", count=count, id=message_id, t=node.text_attr("t", "0"), v=1)
            children = [retry, key_nodes.registration_node(self._phone.identity.registration_id)]
            if with_keys or count > 1:
                children.append(self._keys(tx))
        answer = _receipt(node, "retry")
        self._phone.outside.send(self._phone.spot, Node("receipt", answer.attrs, tuple(children)))

    def _keys(self, tx: Transaction) -> Node:
        """A phone's own keys: it has no signed device identity."""
        fresh = prekeys.fresh(tx, self._phone.core.rng)
        content = key_nodes.retry_children(self._phone.identity, prekeys.signed(tx), fresh, b"")
        return Node("keys", {}, content[:-1])


def _receipt(node: Node, kind: str | None) -> Node:
    attrs: dict[str, Attribute] = {"id": node.text_attr("id"), "to": node.attrs["from"]}
    attrs |= {name: node.attrs[name] for name in ("participant", "recipient") if name in node.attrs}
    if kind is not None:
        attrs["type"] = kind
    return Node("receipt", attrs)
