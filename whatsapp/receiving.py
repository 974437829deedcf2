"""Messages that arrive (protocol §13): decrypt, store what they change, tell the application once, answer once."""

from dataclasses import dataclass, field
from hashlib import sha256

from whatsapp import acknowledgements as answers
from whatsapp import lid_map, own_messages, sender_keys
from whatsapp import message_pb2 as wa
from whatsapp.errors import (
    DuplicateMessage,
    MessageFormatError,
    MissingPreKey,
    NoSession,
    ProtocolError,
    SignalError,
    StateCorrupt,
)
from whatsapp.incoming_events import IncomingEvents
from whatsapp.jid import Jid
from whatsapp.message_events import describe
from whatsapp.message_source import MessageSource, parse_source
from whatsapp.nodes import Node
from whatsapp.padding import unpad
from whatsapp.protobufs import parse
from whatsapp.retry_requests import RetryRequests
from whatsapp.session_core import SessionCore
from whatsapp.state import Recent
from whatsapp.turn import Turn

PROCESSED = Recent("processed", 5000)
MAX_ENC = 8
MAX_PLAINTEXT_BYTES = 1 << 22


@dataclass(slots=True)
class _Outcome:
    """What the `enc` children of one stanza came to."""

    messages: list[wa.Message] = field(default_factory=list)
    duplicates: int = 0
    undecryptable: ProtocolError | None = None
    unreadable: ProtocolError | None = None


class Receiving:
    """Handles `<message>` stanzas. Identity changes of senders are accepted and reported."""

    def __init__(self, core: SessionCore) -> None:
        self._core = core
        self._retries = RetryRequests(core)
        self._events = IncomingEvents(core)

    def message(self, turn: Turn, node: Node) -> None:
        """One stanza. NodeError when it names no usable source; the caller then answers with a nack."""
        source = parse_source(node, self._core.account)
        for one, other in source.pairs:
            lid_map.learn(turn.tx, one, other)
        key = processed_key(turn, source)
        # What distributes a sender key comes before what needs it, whichever way they stand in the stanza.
        encs = sorted(list(node.all("enc"))[:MAX_ENC], key=lambda enc: enc.optional("type") == "skmsg")
        if PROCESSED.get(turn.tx, key) is not None:
            turn.send(self._receipt(node, source))
        elif not encs:
            self._without_content(turn, node, source)
        elif any(enc.optional("type") == "msmsg" for enc in encs):
            turn.send(answers.ack(node, answers.NACK_MISSING_SECRET))
        else:
            self._settle(turn, node, source, key, self._decrypt_all(turn, encs, source))

    def _decrypt_all(self, turn: Turn, encs: list[Node], source: MessageSource) -> _Outcome:
        outcome = _Outcome()
        for enc in encs:
            try:
                with turn.attempt():
                    message = self._decrypt(turn, enc, source)
                    self._take_sender_key(turn, message, source)
                outcome.messages.append(message)
            except DuplicateMessage:
                outcome.duplicates += 1
            except (SignalError, StateCorrupt) as error:
                outcome.undecryptable = error
            except MessageFormatError as error:
                outcome.unreadable = error
        return outcome

    def _decrypt(self, turn: Turn, enc: Node, source: MessageSource) -> wa.Message:
        kind, data = enc.text_attr("type"), enc.data
        address = lid_map.signal_address(turn.tx, source.sender)
        if kind == "skmsg":
            plaintext = sender_keys.decrypt(turn.tx, str(source.chat), address, data)
        else:
            decrypted = self._core.cipher.decrypt(turn.tx, address, kind, data)
            plaintext = decrypted.plaintext
            if decrypted.identity_changed:
                turn.emit("identity.changed", user=str(source.sender.without_device))
        if enc.optional("v") != "3":
            plaintext = unpad(plaintext)
        return parse(wa.Message, plaintext, limit_bytes=MAX_PLAINTEXT_BYTES)

    def _take_sender_key(self, turn: Turn, message: wa.Message, source: MessageSource) -> None:
        given = message.sender_key_distribution_message.axolotl_sender_key_distribution_message
        if given and source.in_group:
            address = lid_map.signal_address(turn.tx, source.sender)
            sender_keys.process_distribution(turn.tx, str(source.chat), address, given)

    def _settle(self, turn: Turn, node: Node, source: MessageSource, key: str, outcome: _Outcome) -> None:
        content = [message for message in outcome.messages if describe(message) is not None]
        if outcome.undecryptable is not None and not content:
            self._ask_again(turn, node, source, key, outcome.undecryptable)
            return
        PROCESSED.put(turn.tx, key)
        if outcome.unreadable is not None and not outcome.messages:
            turn.emit(
                "message.undecryptable",
                **self._events.common(turn, node, source),
                error=str(outcome.unreadable),
            )
            turn.send(answers.ack(node, answers.NACK_INVALID_PROTOBUF))
            return
        # A message that was asked for again may come in two encryptions at once.
        for message in content[:1]:
            self._take(turn, node, source, message)
        turn.send(self._receipt(node, source))

    def _take(self, turn: Turn, node: Node, source: MessageSource, message: wa.Message) -> None:
        if message.HasField("device_sent_message") and source.from_me:
            destination = self._events.destination(message, source)
            source = MessageSource(source.id, destination, source.sender, True, source.pairs)
            message = message.device_sent_message.message
        if source.from_me and own_messages.is_own_only(message):
            try:
                with turn.attempt():
                    own_messages.take(turn, self._core, message, source.id)
            except ProtocolError as error:
                turn.emit("history.unreadable", id=source.id, error=str(error))
            return
        self._events.tell(turn, node, source, message)

    def _ask_again(
        self, turn: Turn, node: Node, source: MessageSource, key: str, error: ProtocolError
    ) -> None:
        with_keys = isinstance(error, NoSession | MissingPreKey)
        if not self._retries.request(turn, node, source, key, with_keys):
            PROCESSED.put(turn.tx, key)
            common = self._events.common(turn, node, source)
            turn.emit("message.undecryptable", **common, error=str(error))
        turn.send(answers.ack(node))

    def _without_content(self, turn: Turn, node: Node, source: MessageSource) -> None:
        """Nothing is encrypted for us: view-once messages and the like, or something new."""
        if node.find("unavailable") is not None:
            PROCESSED.put(turn.tx, processed_key(turn, source))
            turn.emit("message.unavailable", **self._events.common(turn, node, source))
            turn.send(answers.ack(node))
        elif (plain := node.find("plaintext")) is not None and source.chat.is_newsletter:
            message = parse(wa.Message, plain.data, limit_bytes=MAX_PLAINTEXT_BYTES)
            PROCESSED.put(turn.tx, processed_key(turn, source))
            self._events.tell(turn, node, source, message)
            turn.send(answers.ack(node))
        else:
            turn.send(answers.ack(node, answers.NACK_UNKNOWN_STANZA))

    def _receipt(self, node: Node, source: MessageSource) -> Node:
        if node.optional("category") == "peer":
            return answers.receipt(node, "peer_msg")
        if source.from_me:
            return answers.receipt(node, "sender")
        return answers.receipt(node, None if self._core.available else "inactive")


def processed_key(turn: Turn, source: MessageSource) -> str:
    """The same for every delivery of a message, whether it names the sender by PN or by LID."""
    sender: Jid = source.sender.without_device
    sender = lid_map.lid_of(turn.tx, sender) or sender
    chat = str(source.chat) if source.in_group else ""
    return sha256(f"{sender}|{chat}|{source.id}".encode()).hexdigest()[:40]
