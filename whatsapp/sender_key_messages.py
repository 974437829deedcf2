"""Sender key messages on the wire (protocol §16).

skmsg        = 33 ‖ protobuf{key id, iteration, ciphertext} ‖ 64 bytes of signature over all before it
distribution = 33 ‖ protobuf{key id, iteration, chain key 32, signing key 33}
"""

from dataclasses import dataclass, field

from whatsapp import signal_pb2 as wire
from whatsapp.errors import MessageFormatError
from whatsapp.keys import KEY_BYTES, parse_public, serialize_public
from whatsapp.protobufs import parse
from whatsapp.signal_messages import VERSION
from whatsapp.xeddsa import SIGNATURE_BYTES

MAX_DISTRIBUTION_BYTES = 1024


@dataclass(frozen=True, slots=True)
class SenderKeyMessage:
    """A parsed "skmsg". `signed`: what the signature covers."""

    key_id: int
    iteration: int
    ciphertext: bytes = field(repr=False)
    signed: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    @classmethod
    def parse(cls, data: bytes) -> "SenderKeyMessage":
        """From the wire; MessageFormatError when it is none."""
        if len(data) < len(VERSION) + SIGNATURE_BYTES or data[:1] != VERSION:
            raise MessageFormatError(
                f"sender key message of {len(data)} bytes: too short or not of version 3"
            )
        signed, signature = data[:-SIGNATURE_BYTES], data[-SIGNATURE_BYTES:]
        body = parse(wire.SenderKeyMessage, signed[1:])
        if not (body.HasField("key_id") and body.HasField("iteration") and body.HasField("ciphertext")):
            raise MessageFormatError("sender key message without key id, iteration or ciphertext")
        return cls(body.key_id, body.iteration, body.ciphertext, signed, signature)


def unsigned_message(key_id: int, iteration: int, ciphertext: bytes) -> bytes:
    """The part of an "skmsg" that gets signed; the signature is appended to it."""
    body = wire.SenderKeyMessage(key_id=key_id, iteration=iteration, ciphertext=ciphertext)
    return VERSION + body.SerializeToString()


@dataclass(frozen=True, slots=True)
class SenderKeyDistribution:
    """What a sender gives each member, so that they can read what it sends from `iteration` on. Keys: 32 bytes."""

    key_id: int
    iteration: int
    chain_key: bytes = field(repr=False)
    signing_key: bytes

    @classmethod
    def parse(cls, data: bytes) -> "SenderKeyDistribution":
        """From the wire; MessageFormatError when it is none."""
        if data[:1] != VERSION:
            raise MessageFormatError(
                f"sender key distribution of {len(data)} bytes: empty or not of version 3"
            )
        body = parse(wire.SenderKeyDistributionMessage, data[1:], limit_bytes=MAX_DISTRIBUTION_BYTES)
        if not body.HasField("key_id") or len(body.chain_key) != KEY_BYTES:
            raise MessageFormatError("sender key distribution without key id or with a wrong chain key")
        return cls(body.key_id, body.iteration, body.chain_key, parse_public(body.signing_key))

    def serialize(self) -> bytes:
        body = wire.SenderKeyDistributionMessage(
            key_id=self.key_id,
            iteration=self.iteration,
            chain_key=self.chain_key,
            signing_key=serialize_public(self.signing_key),
        )
        return VERSION + body.SerializeToString()
