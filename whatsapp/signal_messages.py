"""Signal messages on the wire (protocol §11.3), version 3.

msg   = 33 ‖ protobuf{ratchet key, counter, previous counter, ciphertext} ‖ 8 bytes of MAC
pkmsg = 33 ‖ protobuf{registration id, key ids, base key, identity key, a whole msg}
"""

import hmac
from dataclasses import dataclass, field

from whatsapp import signal_pb2 as wire
from whatsapp.errors import InvalidMac, MessageFormatError
from whatsapp.keys import parse_public, serialize_public
from whatsapp.protobufs import parse

VERSION = b"\x33"  # high half: version of the message; low half: highest version that the sender speaks
MAC_BYTES = 8


@dataclass(frozen=True, slots=True)
class SignalMessage:
    """A parsed "msg". `signed`: what the MAC covers of it. Keys are 32 bytes."""

    ratchet_key: bytes
    counter: int
    ciphertext: bytes = field(repr=False)
    signed: bytes = field(repr=False)
    mac: bytes = field(repr=False)

    @classmethod
    def parse(cls, data: bytes) -> "SignalMessage":
        """From the wire; MessageFormatError when it is none."""
        if len(data) < len(VERSION) + MAC_BYTES or data[:1] != VERSION:
            raise MessageFormatError(f"Signal message of {len(data)} bytes: too short or not of version 3")
        body = parse(wire.SignalMessage, data[1:-MAC_BYTES])
        if not (body.HasField("ratchet_key") and body.HasField("counter") and body.HasField("ciphertext")):
            raise MessageFormatError("Signal message without ratchet key, counter or ciphertext")
        return cls(
            parse_public(body.ratchet_key),
            body.counter,
            body.ciphertext,
            data[:-MAC_BYTES],
            data[-MAC_BYTES:],
        )

    def check_mac(self, mac_key: bytes, sender: bytes, receiver: bytes) -> None:
        """InvalidMac unless the sender's and receiver's identities and this message belong to the key."""
        expected = _mac(mac_key, sender, receiver, self.signed)
        if not hmac.compare_digest(expected, self.mac):
            raise InvalidMac("Signal message with a wrong MAC")


def build_signal_message(
    *,
    mac_key: bytes,
    sender: bytes,
    receiver: bytes,
    ratchet_key: bytes,
    counter: int,
    previous_counter: int,
    ciphertext: bytes,
) -> bytes:
    """The bytes of a "msg"; `sender` and `receiver` are 32-byte identity keys."""
    body = wire.SignalMessage(
        ratchet_key=serialize_public(ratchet_key),
        counter=counter,
        previous_counter=previous_counter,
        ciphertext=ciphertext,
    )
    signed = VERSION + body.SerializeToString()
    return signed + _mac(mac_key, sender, receiver, signed)


def _mac(mac_key: bytes, sender: bytes, receiver: bytes, signed: bytes) -> bytes:
    covered = serialize_public(sender) + serialize_public(receiver) + signed
    return hmac.digest(mac_key, covered, "sha256")[:MAC_BYTES]


@dataclass(frozen=True, slots=True)
class PreKeySignalMessage:
    """A parsed "pkmsg": what is needed to set a session up, and the first message in it. Keys are 32 bytes."""

    registration_id: int
    pre_key_id: int | None
    signed_pre_key_id: int
    base_key: bytes
    identity_key: bytes
    message: bytes = field(repr=False)

    @classmethod
    def parse(cls, data: bytes) -> "PreKeySignalMessage":
        """From the wire; MessageFormatError when it is none. The inner message is not parsed yet."""
        if data[:1] != VERSION:
            raise MessageFormatError(f"pre-key message of {len(data)} bytes: empty or not of version 3")
        body = parse(wire.PreKeySignalMessage, data[1:])
        for name in ("signed_pre_key_id", "base_key", "identity_key", "message"):
            if not body.HasField(name):
                raise MessageFormatError(f"pre-key message without {name}")
        return cls(
            body.registration_id,
            body.pre_key_id if body.HasField("pre_key_id") else None,
            body.signed_pre_key_id,
            parse_public(body.base_key),
            parse_public(body.identity_key),
            body.message,
        )

    def serialize(self) -> bytes:
        """The bytes of a "pkmsg"."""
        body = wire.PreKeySignalMessage(
            registration_id=self.registration_id,
            signed_pre_key_id=self.signed_pre_key_id,
            base_key=serialize_public(self.base_key),
            identity_key=serialize_public(self.identity_key),
            message=self.message,
        )
        if self.pre_key_id is not None:
            body.pre_key_id = self.pre_key_id
        return VERSION + body.SerializeToString()
