"""Whose fault it is, in the type.

    ProtocolError
    ├── LocalProtocolError          our caller asked for something that cannot be
    │   ├── StateLimitError         a limit on stored state is reached
    │   └── StateCorrupt            a stored value is not what we wrote
    └── RemoteProtocolError         the peer sent something that cannot be; its bytes may be hostile
        ├── FrameError              framing or the intro header
        ├── HandshakeError          Noise: wrong message, wrong order, failed authentication
        │   └── CertificateError    the server's certificate chain
        ├── NodeError               binary XML that cannot be decoded, or a node without what it must have
        ├── MessageFormatError      protobuf or padding that cannot be parsed
        ├── PairingError            a link request that fails verification
        │   ├── HmacMismatch        … by its HMAC
        │   └── SignatureMismatch   … by its signature
        ├── MediaError              an attachment whose bytes do not match its descriptor
        └── SignalError             an end-to-end encrypted message that cannot be decrypted
            ├── DamagedCiphertext   bytes that no encryption of this protocol can have made
            ├── InvalidSignature    a signature that does not verify
            ├── InvalidMac          no known session produces this message's authentication tag
            ├── NoSession           nothing stored to decrypt with
            ├── MissingPreKey       the message names a pre-key that is not (or no longer) stored
            ├── UntrustedIdentity   the sender's identity key is not the one stored
            ├── DuplicateMessage    this counter was used already: the message was seen before
            └── TooFarAhead         this counter would skip more keys than allowed

Texts name what, where and what is allowed; they never hold keys, plaintexts or node contents.
"""

from typing import ClassVar


class ProtocolError(Exception):
    """Base of everything this package raises on purpose."""


class LocalProtocolError(ProtocolError):
    """Our side broke a rule: a wrong argument, or a call in the wrong state."""


class StateLimitError(LocalProtocolError):
    """A stored value or a space of stored values would grow beyond its limit."""


class StateCorrupt(LocalProtocolError):
    """A stored value is not what we wrote: the store is damaged or from another version."""


class RemoteProtocolError(ProtocolError):
    """The peer broke a rule; every malformed input ends in this."""


class FrameError(RemoteProtocolError):
    """Framing or the intro header is wrong."""


class HandshakeError(RemoteProtocolError):
    """The Noise handshake, or a frame encrypted by it, does not authenticate."""


class CertificateError(HandshakeError):
    """The server's certificate chain does not prove its static key."""


class NodeError(RemoteProtocolError):
    """A node cannot be decoded or lacks what its kind must have."""


class MessageFormatError(RemoteProtocolError):
    """A protobuf message or a padding cannot be parsed."""


class PairingError(RemoteProtocolError):
    """A link request fails verification. `wire_text`: what the error answer says (protocol §7.1)."""

    wire_text: ClassVar[str] = "internal-error"


class HmacMismatch(PairingError):
    """The device identity was not made with our ADV secret."""

    wire_text = "hmac-mismatch"


class SignatureMismatch(PairingError):
    """The device identity is not signed by the account key that it names."""

    wire_text = "signature-mismatch"


class MediaError(RemoteProtocolError):
    """An attachment's bytes do not match its descriptor."""


class SignalError(RemoteProtocolError):
    """An end-to-end encrypted message cannot be decrypted."""


class DamagedCiphertext(SignalError):
    """Bytes that no encryption of this protocol can have made: damaged on their way, or made wrongly."""


class InvalidSignature(SignalError):
    """A signature does not verify."""


class InvalidMac(SignalError):
    """No known session produces this message's authentication tag."""


class NoSession(SignalError):
    """Nothing is stored to decrypt this message with."""


class MissingPreKey(SignalError):
    """The message names a pre-key that is not, or no longer, stored."""


class UntrustedIdentity(SignalError):
    """The sender's identity key is not the one stored."""


class DuplicateMessage(SignalError):
    """This message's counter was used already: it was decrypted before."""


class TooFarAhead(SignalError):
    """Decrypting would skip more message keys than allowed."""
