"""The server's certificate chain inside the handshake (protocol §3).

A root key signs the intermediate's details, the intermediate's key signs the leaf's, and the leaf holds the server's
static Noise key. `issue_chain` is the simulator's side.
"""

from dataclasses import dataclass

from whatsapp import wire_pb2 as wire
from whatsapp import xeddsa
from whatsapp.errors import CertificateError, MessageFormatError
from whatsapp.keys import KEY_BYTES, KeyPair, Rng
from whatsapp.protobufs import parse

WHATSAPP_ROOT_KEY = bytes.fromhex("142375574d0a587166aae71ebe516437c4a28b73e3695c6ce1f7f9545da8ee6b")
ROOT_SERIAL = 0
MAX_CHAIN_BYTES = 4096

Details = wire.CertChain.NoiseCertificate.Details


@dataclass(frozen=True, slots=True)
class Validity:
    """A certificate is valid from `not_before` to `not_after`, epoch seconds, both included."""

    not_before: int
    not_after: int


def verify_chain(
    chain_bytes: bytes, server_static: bytes, now_s: float, root_key: bytes = WHATSAPP_ROOT_KEY
) -> Validity:
    """Check the whole chain against the static key that the handshake proved; `now_s`: epoch seconds.

    Returns the leaf's validity. Raises CertificateError naming the first check that failed.
    """
    try:
        chain = parse(wire.CertChain, chain_bytes, limit_bytes=MAX_CHAIN_BYTES)
        intermediate = parse(Details, chain.intermediate.details)
        leaf = parse(Details, chain.leaf.details)
    except MessageFormatError as error:
        raise CertificateError(f"certificate chain: {error}") from None
    _require(len(intermediate.key) == KEY_BYTES, "the intermediate's key must have 32 bytes")
    _check_signature(root_key, chain.intermediate, "intermediate")
    _check_signature(intermediate.key, chain.leaf, "leaf")
    _require(intermediate.issuer_serial == ROOT_SERIAL, "the intermediate's issuer is not the root")
    _require(leaf.issuer_serial == intermediate.serial, "the leaf's issuer is not the intermediate")
    _require(leaf.key == server_static, "the leaf does not name the server's static key")
    for name, details in (("intermediate", intermediate), ("leaf", leaf)):
        _require(now_s >= details.not_before, f"the {name} is not valid yet")
        _require(now_s <= details.not_after, f"the {name} is not valid any more")
    return Validity(leaf.not_before, leaf.not_after)


def issue_chain(
    root: KeyPair,
    intermediate: KeyPair,
    server_static: bytes,
    validity: Validity,
    rng: Rng,
    *,
    intermediate_serial: int = 1,
    leaf_serial: int = 2,
) -> bytes:
    """A chain that `verify_chain` accepts under `root.public`, for a simulated server."""
    valid = {"not_before": validity.not_before, "not_after": validity.not_after}
    inner = Details(serial=intermediate_serial, issuer_serial=ROOT_SERIAL, key=intermediate.public, **valid)
    outer = Details(serial=leaf_serial, issuer_serial=intermediate_serial, key=server_static, **valid)
    chain = wire.CertChain(leaf=_sign(intermediate, outer, rng), intermediate=_sign(root, inner, rng))
    return chain.SerializeToString()


def _sign(issuer: KeyPair, details: Details, rng: Rng) -> wire.CertChain.NoiseCertificate:
    raw = details.SerializeToString()
    return wire.CertChain.NoiseCertificate(details=raw, signature=xeddsa.sign(issuer, raw, rng))


def _check_signature(key: bytes, certificate: wire.CertChain.NoiseCertificate, name: str) -> None:
    _require(
        len(certificate.signature) == xeddsa.SIGNATURE_BYTES, f"the {name}'s signature must have 64 bytes"
    )
    _require(
        xeddsa.verify(key, certificate.details, certificate.signature), f"the {name}'s signature is wrong"
    )


def _require(holds: bool, text: str) -> None:
    if not holds:
        raise CertificateError(f"certificate chain: {text}")
