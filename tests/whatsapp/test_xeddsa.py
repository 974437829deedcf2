"""Keys and signatures, checked against the vectors and against Edwards arithmetic written out here."""

from hashlib import sha512

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whatsapp import wire_pb2 as wire
from whatsapp import xeddsa
from whatsapp.errors import LocalProtocolError, MessageFormatError, RemoteProtocolError
from whatsapp.keys import FIELD_PRIME, GROUP_ORDER, KeyPair, clamp, edwards_y, parse_public, serialize_public

relaxed = settings(deadline=None, max_examples=30)
P = FIELD_PRIME
D = -121665 * pow(121666, -1, P) % P


def add(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    (x1, y1), (x2, y2) = a, b
    product = D * x1 * x2 * y1 * y2
    x = (x1 * y2 + x2 * y1) * pow(1 + product, -1, P) % P
    return x, (y1 * y2 + x1 * x2) * pow(1 - product, -1, P) % P


def point(y: int, sign: int) -> tuple[int, int]:
    squared = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(squared, (P + 3) // 8, P)
    if (x * x - squared) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    return (x if x & 1 == sign else P - x), y


BASE = point(4 * pow(5, -1, P) % P, 0)


def multiply(scalar: int, start: tuple[int, int] = BASE) -> tuple[int, int]:
    result = (0, 1)
    while scalar:
        if scalar & 1:
            result = add(result, start)
        start, scalar = add(start, start), scalar >> 1
    return result


def encoded(at: tuple[int, int]) -> bytes:
    return (at[1] | (at[0] & 1) << 255).to_bytes(32, "little")


def holds(a_point: tuple[int, int], message: bytes, signature: bytes) -> bool:
    """Ed25519 verification, by the book."""
    challenge = (
        int.from_bytes(sha512(signature[:32] + encoded(a_point) + message).digest(), "little") % GROUP_ORDER
    )
    s = int.from_bytes(signature[32:], "little") & (1 << 255) - 1
    return encoded(add(multiply(s), multiply(challenge, (P - a_point[0], a_point[1])))) == signature[:32]


@pytest.mark.parametrize("index", range(5))
def test_signatures_of_the_vectors_verify(vectors, index):
    vector = {name: bytes.fromhex(value) for name, value in vectors["xeddsa"][index].items()}
    assert KeyPair.from_private(vector["priv"]).public == vector["pub"]
    assert xeddsa.verify(vector["pub"], vector["msg"], vector["signature"])
    assert not xeddsa.verify(vector["pub"], vector["msg"] + b"x", vector["signature"])


@relaxed
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=100), st.integers(0))
def test_what_we_sign_verifies_here_and_by_the_book(private, message, seed):
    key = KeyPair.from_private(private)
    signature = xeddsa.sign(key, message, lambda count: sha512(str(seed).encode()).digest()[:count])
    assert xeddsa.verify(key.public, message, signature)
    a_point = point(int.from_bytes(edwards_y(key.public), "little"), 0)
    assert holds(a_point, message, signature)
    assert int.from_bytes(signature[32:], "little") < GROUP_ORDER


def test_the_edwards_form_is_that_of_the_same_scalar(make_rng):
    key = KeyPair.generate(make_rng(1))
    assert (
        encoded(multiply(int.from_bytes(key.private, "little") % GROUP_ORDER))[:31]
        == edwards_y(key.public)[:31]
    )


def test_signing_twice_gives_different_signatures(make_rng):
    rng = make_rng(2)
    key = KeyPair.generate(rng)
    assert xeddsa.sign(key, b"m", rng) != xeddsa.sign(key, b"m", rng)


@relaxed
@given(st.integers(0, 511), st.integers(0))
def test_one_flipped_bit_is_noticed(bit, seed):
    key = KeyPair.from_private(sha512(str(seed).encode()).digest()[:32])
    signature = bytearray(xeddsa.sign(key, b"message", bytes))
    signature[bit // 8] ^= 1 << bit % 8
    assert not xeddsa.verify(key.public, b"message", bytes(signature))


@settings(deadline=None)
@given(st.binary(max_size=40), st.binary(max_size=10), st.binary(max_size=80))
def test_arbitrary_keys_and_signatures_are_just_false(public, message, signature):
    assert not xeddsa.verify(public, message, signature)


def test_the_all_minus_one_key_has_no_edwards_form():
    public = (P - 1).to_bytes(32, "little")
    assert not xeddsa.verify(public, b"", bytes(64))
    with pytest.raises(RemoteProtocolError):
        edwards_y(public)


def test_halves_that_do_not_belong_together_sign_nothing(make_rng):
    rng = make_rng(3)
    with pytest.raises(LocalProtocolError):
        xeddsa.sign(KeyPair(KeyPair.generate(rng).private, KeyPair.generate(rng).public), b"", rng)


def test_two_sides_agree(make_rng):
    rng = make_rng(4)
    ours, theirs = KeyPair.generate(rng), KeyPair.generate(rng)
    assert ours.agree(theirs.public) == theirs.agree(ours.public)


@pytest.mark.parametrize("public", [bytes(32), b"\x01" + bytes(31), bytes(31), bytes(33)], ids=repr)
def test_degenerate_and_short_keys_are_the_peers_error(public, make_rng):
    with pytest.raises(RemoteProtocolError):
        KeyPair.generate(make_rng(5)).agree(public)


def test_private_keys_are_clamped_and_never_shown(make_rng):
    key = KeyPair.from_private(b"\xff" * 32)
    assert key.private == clamp(b"\xff" * 32) == b"\xf8" + b"\xff" * 30 + b"\x7f"
    assert key.private.hex() not in repr(key) and repr(key.private) not in repr(key)
    with pytest.raises(LocalProtocolError):
        KeyPair.from_private(b"short")


def test_serialised_keys_have_their_type_in_front():
    assert parse_public(serialize_public(bytes(32))) == bytes(32)
    for wrong in (bytes(33), b"\x05" + bytes(31), b"\x05" + bytes(33), b""):
        with pytest.raises(MessageFormatError):
            parse_public(wrong)


class TestVectorsSignedWithAnUnclampedScalar:
    """The signatures in the vectors' certificate chain and device identity were made with the private key's raw
    number, while the public keys beside them are those of the clamped number, as X25519 has it. So they verify
    under no X25519 key; the messages that they cover are still what a correct signer covers.
    """

    def test_the_certificate_chain(self, vectors):
        vector = vectors["noise"]
        chain = wire.CertChain.FromString(bytes.fromhex(vector["cert_chain"]))
        for private, signed in (
            (vector["root_priv"], chain.intermediate),
            (vector["intermediate_priv"], chain.leaf),
        ):
            raw = int.from_bytes(bytes.fromhex(private), "little")
            assert holds(multiply(raw % GROUP_ORDER), signed.details, signed.signature)
            key = KeyPair.from_private(bytes.fromhex(private))
            assert not xeddsa.verify(key.public, signed.details, signed.signature)

    def test_the_device_identity(self, vectors):
        vector = {
            name: bytes.fromhex(value) for name, value in vectors["adv"].items() if isinstance(value, str)
        }
        outer = wire.AdvSignedDeviceIdentityHmac.FromString(vector["pair_success_device_identity"])
        identity = wire.AdvSignedDeviceIdentity.FromString(outer.details)
        covered = b"\x06\x00" + identity.details + vector["device_identity_pub"]
        private = b"\x07" * 32
        assert KeyPair.from_private(private).public == vector["account_identity_pub"]
        raw = int.from_bytes(private, "little")
        assert holds(multiply(raw % GROUP_ORDER), covered, identity.account_signature)
