"""Messages that arrive (protocol §13): decrypt, store what they change, tell the application once, answer once."""

from dataclasses import dataclass, field
from hashlib import sha256

from whatsapp import acknowledgements as answers
from whatsapp import lid_map, own_messages, sender_keys
from whatsapp import message_pb2 as wa
from whatsapp.errors import (
    DamagedCiphertext,
    DuplicateMessage,
    MessageFormatError,
    MissingPreKey,
    NodeError,
    NoSession,
    ProtocolError,
    SignalError,
    StateCorrupt,
)
from whatsapp.incoming_events import IncomingEvents
from whatsapp.jid import Jid
from whatsapp.message_events import describe
from whatsapp.message_media import base64
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
_ENCRYPTIONS = ("pkmsg", "msg", "skmsg")
_OF_BOTS = "msmsg"  # needs the secret of the message that it answers


@dataclass(slots=True)
class _Outcome:
    """What the `enc` children of one stanza came to. `plaintext`: of the one that is `unreadable`."""

    messages: list[wa.Message] = field(default_factory=list)
    duplicates: int = 0
    undecryptable: ProtocolError | None = None
    unreadable: ProtocolError | None = None
    plaintext: bytes = b""


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
        encs = sorted(node.all("enc"), key=lambda enc: enc.optional("type") == "skmsg")
        if len(encs) > MAX_ENC:
            raise NodeError(f"a message in {len(encs)} encryptions, at most {MAX_ENC} are read")
        readable = [enc for enc in encs if enc.optional("type") != _OF_BOTS]
        if PROCESSED.get(turn.tx, key) is not None:
            turn.send(self._receipt(node, source))
        elif readable:
            self._settle(turn, node, source, key, self._decrypt_all(turn, readable, source))
        elif encs:
            self._give_up(turn, node, source, key, "it is encrypted with the secret of another message")
            turn.send(answers.ack(node, answers.NACK_MISSING_SECRET))
        else:
            self._without_content(turn, node, source)

    def _decrypt_all(self, turn: Turn, encs: list[Node], source: MessageSource) -> _Outcome:
        outcome = _Outcome()
        for enc in encs:
            plaintext = b""
            try:
                with turn.attempt():
                    plaintext = self._decrypt(turn, enc, source)
                with turn.attempt():
                    outcome.messages.append(self._read(turn, enc, plaintext, source))
            except DuplicateMessage:
                outcome.duplicates += 1
            except (SignalError, StateCorrupt) as error:
                outcome.undecryptable = error
            except MessageFormatError as error:
                outcome.unreadable, outcome.plaintext = error, plaintext
        return outcome

    def _decrypt(self, turn: Turn, enc: Node, source: MessageSource) -> bytes:
        """SignalError for what may come better when it is asked for again."""
        kind, data = enc.text_attr("type"), enc.data
        if kind not in _ENCRYPTIONS:
            raise MessageFormatError(f"encryption type {kind[:16]!r}, known are {', '.join(_ENCRYPTIONS)}")
        address = lid_map.signal_address(turn.tx, source.sender)
        try:
            if kind == "skmsg":
                return sender_keys.decrypt(turn.tx, str(source.chat), address, data)
            decrypted = self._core.cipher.decrypt(turn.tx, address, kind, data)
        except MessageFormatError as error:
            raise DamagedCiphertext(str(error)) from None
        if decrypted.identity_changed:
            turn.emit("identity.changed", user=str(source.sender.without_device))
        return decrypted.plaintext

    def _read(self, turn: Turn, enc: Node, plaintext: bytes, source: MessageSource) -> wa.Message:
        """MessageFormatError for what the sender meant so: it would come the same again."""
        content = plaintext if enc.optional("v") == "3" else unpad(plaintext)
        message = parse(wa.Message, content, limit_bytes=MAX_PLAINTEXT_BYTES)
        self._take_sender_key(turn, message, source)
        return message

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
        if outcome.unreadable is not None and not content:
            self._give_up(turn, node, source, key, str(outcome.unreadable), outcome.plaintext)
            turn.send(answers.ack(node, answers.NACK_INVALID_PROTOBUF))
            return
        PROCESSED.put(turn.tx, key)
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
            self._give_up(turn, node, source, key, str(error))
        turn.send(answers.ack(node))

    def _give_up(
        self, turn: Turn, node: Node, source: MessageSource, key: str, error: str, plaintext: bytes = b""
    ) -> None:
        """The application is told of a message that nobody here can read, with what was decrypted of it."""
        PROCESSED.put(turn.tx, key)
        raw = {"plaintext_base64": base64(plaintext)} if plaintext else {}
        common = self._events.common(turn, node, source)
        turn.emit("message.undecryptable", **common, error=error, **raw)

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
