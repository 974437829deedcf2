"""Device identities: how a phone vouches for a companion (protocol §7.1 (a) to (d)), both sides.

The phone signs the companion's identity key with the account's key and authenticates the whole with the secret
from the QR code; the companion checks both and adds its own signature.
"""

import hmac
from dataclasses import dataclass, field

from whatsapp import wire_pb2 as wire
from whatsapp import xeddsa
from whatsapp.errors import HmacMismatch, MessageFormatError, PairingError, SignatureMismatch
from whatsapp.keys import KEY_BYTES, KeyPair, Rng
from whatsapp.protobufs import M, parse

ACCOUNT_PREFIX = b"\x06\x00"
DEVICE_PREFIX = b"\x06\x01"
HOSTED_ACCOUNT_PREFIX = b"\x06\x05"
MAX_IDENTITY_BYTES = 4096


@dataclass(frozen=True, slots=True)
class LinkedIdentity:
    """The outcome of a link: `stored`: the full signed identity, needed in every pkmsg that we send;
    `reply`: the same without the account's key, for the answer; `account_key`: the phone's identity key.
    """

    stored: bytes = field(repr=False)
    reply: bytes = field(repr=False)
    account_key: bytes
    key_index: int
    hosted: bool


def accept_identity(data: bytes, adv_secret: bytes, identity: KeyPair, rng: Rng) -> LinkedIdentity:
    """The companion's side: check the `device-identity` of a pair-success, and sign it.

    Raises HmacMismatch or SignatureMismatch, whose `wire_text` is the error to answer, or PairingError.
    """
    container = _parse(wire.AdvSignedDeviceIdentityHmac, data)
    prefix = HOSTED_ACCOUNT_PREFIX if container.account_type == wire.HOSTED else b""
    if not hmac.compare_digest(_hmac(adv_secret, prefix + container.details), container.hmac):
        raise HmacMismatch("the device identity's HMAC is wrong")
    signed = _parse(wire.AdvSignedDeviceIdentity, container.details)
    details = _parse(wire.AdvDeviceIdentity, signed.details)
    hosted = details.device_type == wire.HOSTED
    if not _account_signature_holds(signed, identity.public, hosted):
        raise SignatureMismatch("the device identity's account signature is wrong")
    covered = DEVICE_PREFIX + signed.details + identity.public + signed.account_signature_key
    signed.device_signature = xeddsa.sign(identity, covered, rng)
    stored = signed.SerializeToString()
    account_key = signed.account_signature_key
    signed.ClearField("account_signature_key")
    return LinkedIdentity(stored, signed.SerializeToString(), account_key, details.key_index, hosted)


def issue_identity(
    account: KeyPair,
    companion_identity: bytes,
    adv_secret: bytes,
    *,
    key_index: int,
    now_s: float,
    rng: Rng,
    raw_id: int = 0,
    hosted: bool = False,
) -> bytes:
    """The phone's side: the `device-identity` of a pair-success. `adv_secret`: from the QR text or the pairing code."""
    kind = wire.HOSTED if hosted else wire.E2EE
    details = wire.AdvDeviceIdentity(
        raw_id=raw_id, timestamp=int(now_s), key_index=key_index, account_type=kind, device_type=kind
    ).SerializeToString()
    prefix = HOSTED_ACCOUNT_PREFIX if hosted else ACCOUNT_PREFIX
    signed = wire.AdvSignedDeviceIdentity(
        details=details,
        account_signature_key=account.public,
        account_signature=xeddsa.sign(account, prefix + details + companion_identity, rng),
    ).SerializeToString()
    code = _hmac(adv_secret, (HOSTED_ACCOUNT_PREFIX if hosted else b"") + signed)
    return wire.AdvSignedDeviceIdentityHmac(details=signed, hmac=code, account_type=kind).SerializeToString()


def verify_device_signature(data: bytes, companion_identity: bytes, account_key: bytes | None = None) -> int:
    """Check a signed identity that a companion sent (`pair-device-sign`, or in a pkmsg); returns its key index.

    `account_key`: the phone's key where the identity comes without it. SignatureMismatch when either signature is
    wrong, PairingError when a key is missing.
    """
    signed = _parse(wire.AdvSignedDeviceIdentity, data)
    if account_key is not None:
        signed.account_signature_key = account_key
    if len(signed.account_signature_key) != KEY_BYTES:
        raise PairingError("device identity without an account key")
    details = _parse(wire.AdvDeviceIdentity, signed.details)
    if not _account_signature_holds(signed, companion_identity, details.device_type == wire.HOSTED):
        raise SignatureMismatch("the device identity's account signature is wrong")
    covered = DEVICE_PREFIX + signed.details + companion_identity + signed.account_signature_key
    if not xeddsa.verify(companion_identity, covered, signed.device_signature):
        raise SignatureMismatch("the device identity's device signature is wrong")
    return details.key_index


def _account_signature_holds(signed: wire.AdvSignedDeviceIdentity, companion: bytes, hosted: bool) -> bool:
    prefix = HOSTED_ACCOUNT_PREFIX if hosted else ACCOUNT_PREFIX
    return xeddsa.verify(
        signed.account_signature_key, prefix + signed.details + companion, signed.account_signature
    )


def _hmac(secret: bytes, data: bytes) -> bytes:
    return hmac.digest(secret, data, "sha256")


def _parse(kind: type[M], data: bytes) -> M:
    try:
        return parse(kind, data, limit_bytes=MAX_IDENTITY_BYTES)
    except MessageFormatError as error:
        raise PairingError(f"device identity: {error}") from None
