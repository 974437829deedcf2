"""Linking: device identities and the pairing code, both sides, and what an attacker may try."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whatsapp import wire_pb2 as wire
from whatsapp import xeddsa
from whatsapp.adv import accept_identity, issue_identity, verify_device_signature
from whatsapp.errors import (
    HmacMismatch,
    LocalProtocolError,
    PairingError,
    RemoteProtocolError,
    SignatureMismatch,
)
from whatsapp.keys import KeyPair
from whatsapp.pairing_code import (
    ALPHABET,
    companion_finish,
    new_code,
    phone_finish,
    show_code,
    unwrap_ephemeral,
    wrap_ephemeral,
)

SECRET = b"s" * 32
NOW_S = 1_800_000_000.0


@pytest.fixture
def rng(make_rng):
    return make_rng(1)


@pytest.fixture
def account(rng):
    return KeyPair.generate(rng)


@pytest.fixture
def companion(rng):
    return KeyPair.generate(rng)


@pytest.mark.parametrize("hosted", [False, True], ids=["own phone", "hosted"])
def test_a_companion_accepts_what_its_phone_issued(account, companion, rng, hosted):
    data = issue_identity(account, companion.public, SECRET, key_index=3, now_s=NOW_S, rng=rng, hosted=hosted)
    linked = accept_identity(data, SECRET, companion, rng)
    assert (linked.account_key, linked.key_index, linked.hosted) == (account.public, 3, hosted)
    assert wire.AdvSignedDeviceIdentity.FromString(linked.stored).account_signature_key == account.public
    assert not wire.AdvSignedDeviceIdentity.FromString(linked.reply).HasField("account_signature_key")
    assert verify_device_signature(linked.reply, companion.public, account.public) == 3
    assert verify_device_signature(linked.stored, companion.public) == 3


def test_the_vectors_hmac_holds_and_its_signature_does_not(vectors, rng):
    """The vector's account signature verifies under no X25519 key, see test_xeddsa; its HMAC is checked first."""
    vector = {name: bytes.fromhex(value) for name, value in vectors["adv"].items() if isinstance(value, str)}
    identity = KeyPair.from_private(vector["device_identity_priv"])
    assert identity.public == vector["device_identity_pub"]
    with pytest.raises(SignatureMismatch):
        accept_identity(vector["pair_success_device_identity"], vector["adv_secret"], identity, rng)
    with pytest.raises(HmacMismatch):
        accept_identity(vector["pair_success_device_identity"], SECRET, identity, rng)


def test_the_vector_signed_again_covers_what_the_vector_says(vectors, rng):
    vector = {name: bytes.fromhex(value) for name, value in vectors["adv"].items() if isinstance(value, str)}
    identity = KeyPair.from_private(vector["device_identity_priv"])
    account = KeyPair.from_private(b"\x07" * 32)
    original = wire.AdvSignedDeviceIdentityHmac.FromString(vector["pair_success_device_identity"])
    details = wire.AdvSignedDeviceIdentity.FromString(original.details).details
    parsed = wire.AdvDeviceIdentity.FromString(details)
    data = issue_identity(
        account,
        identity.public,
        vector["adv_secret"],
        key_index=parsed.key_index,
        now_s=parsed.timestamp,
        raw_id=parsed.raw_id,
        rng=rng,
    )
    linked = accept_identity(data, vector["adv_secret"], identity, rng)
    assert linked.key_index == vectors["adv"]["key_index"]
    stored = wire.AdvSignedDeviceIdentity.FromString(linked.stored)
    covered = b"\x06\x01" + stored.details + identity.public + account.public
    assert xeddsa.verify(identity.public, covered, stored.device_signature)
    expected = vector["device_signature_covers"]
    assert b"\x06\x01" + details + identity.public + vector["account_identity_pub"] == expected


def reseal(data, change):
    """Change the signed identity inside and make the HMAC right again, as somebody who saw the QR code could."""
    import hmac

    container = wire.AdvSignedDeviceIdentityHmac.FromString(data)
    signed = wire.AdvSignedDeviceIdentity.FromString(container.details)
    change(signed)
    container.details = signed.SerializeToString()
    container.hmac = hmac.digest(SECRET, container.details, "sha256")
    return container.SerializeToString()


@pytest.mark.parametrize(
    "change",
    [
        lambda signed: setattr(signed, "account_signature_key", KeyPair.from_private(bytes(32)).public),
        lambda signed: setattr(signed, "account_signature", bytes(64)),
        lambda signed: signed.ClearField("account_signature"),
        lambda signed: signed.ClearField("account_signature_key"),
        lambda signed: setattr(signed, "details", b"\x18\x09"),
    ],
    ids=["another key", "zero signature", "no signature", "no key", "other details"],
)
def test_an_identity_that_is_not_signed_is_refused(account, companion, rng, change):
    data = issue_identity(account, companion.public, SECRET, key_index=1, now_s=NOW_S, rng=rng)
    with pytest.raises(SignatureMismatch):
        accept_identity(reseal(data, change), SECRET, companion, rng)


def test_an_identity_for_another_companion_is_refused(account, companion, rng):
    data = issue_identity(account, KeyPair.generate(rng).public, SECRET, key_index=1, now_s=NOW_S, rng=rng)
    with pytest.raises(SignatureMismatch):
        accept_identity(data, SECRET, companion, rng)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_arbitrary_identities_raise_only_pairing_errors(make_rng, data):
    companion = KeyPair.from_private(bytes(32))
    with pytest.raises(PairingError):
        accept_identity(data, SECRET, companion, make_rng(2))
    with pytest.raises(PairingError):
        verify_device_signature(data, companion.public)
    with pytest.raises(PairingError):
        verify_device_signature(data, companion.public, bytes(32))


def test_the_phone_notices_a_wrong_device_signature(account, companion, rng):
    data = issue_identity(account, companion.public, SECRET, key_index=3, now_s=NOW_S, rng=rng)
    signed = wire.AdvSignedDeviceIdentity.FromString(accept_identity(data, SECRET, companion, rng).stored)
    signed.device_signature = bytes(64)
    with pytest.raises(SignatureMismatch, match="device signature"):
        verify_device_signature(signed.SerializeToString(), companion.public)


def test_the_wrapped_key_of_the_vector(vectors):
    vector = vectors["pair_code"]
    wrapped = bytes.fromhex(vector["wrapped"])
    assert unwrap_ephemeral(vector["code"], wrapped).hex() == vector["ephemeral_pub"]
    parts = iter((bytes.fromhex(vector["salt"]), bytes.fromhex(vector["iv"])))
    again = wrap_ephemeral(vector["code"], bytes.fromhex(vector["ephemeral_pub"]), lambda _: next(parts))
    assert again == wrapped


def test_codes_are_what_people_can_type(rng):
    code = new_code(rng)
    assert len(code) == 8 and set(code) <= set(ALPHABET)
    assert show_code("ABCD1234") == "ABCD-1234"
    assert new_code(lambda _: bytes(5)) == "11111111" and new_code(lambda _: b"\xff" * 5) == "ZZZZZZZZ"
    assert new_code(lambda _: b"\x00\x44\x32\x14\xc7") == "12345678"


def exchange(rng, phone_code="ABCD1234"):
    """Both sides of a link by code, up to the message that the phone reads last."""
    companion_e, phone_e = KeyPair.generate(rng), KeyPair.generate(rng)
    companion, phone = KeyPair.generate(rng), KeyPair.generate(rng)
    to_phone = wrap_ephemeral("ABCD1234", companion_e.public, rng)
    to_companion = wrap_ephemeral(phone_code, phone_e.public, rng)
    seen_by_phone = unwrap_ephemeral(phone_code, to_phone)
    seen_by_companion = unwrap_ephemeral("ABCD1234", to_companion)
    finish = companion_finish(companion_e, companion, seen_by_companion, phone.public, rng)
    return finish, companion, phone, phone_e, seen_by_phone


def test_the_same_code_on_both_sides_gives_the_same_secret(rng):
    finish, companion, phone, phone_e, seen = exchange(rng)
    assert phone_finish(phone_e, phone, seen, finish.wrapped_bundle) == (companion.public, finish.adv_secret)
    data = issue_identity(phone, companion.public, finish.adv_secret, key_index=1, now_s=NOW_S, rng=rng)
    assert accept_identity(data, finish.adv_secret, companion, rng).account_key == phone.public
    assert finish.adv_secret.hex() not in repr(finish) and repr(finish.adv_secret) not in repr(finish)


def test_a_mistyped_code_is_noticed_by_the_phone(rng):
    finish, _, phone, phone_e, seen = exchange(rng, phone_code="ABCD1235")
    with pytest.raises(PairingError, match="code"):
        phone_finish(phone_e, phone, seen, finish.wrapped_bundle)


def test_a_bundle_for_another_phone_is_refused(rng):
    finish, _, _, phone_e, seen = exchange(rng)
    with pytest.raises(PairingError, match="another phone"):
        phone_finish(phone_e, KeyPair.generate(rng), seen, finish.wrapped_bundle)


@pytest.mark.parametrize("length", [0, 79, 81])
def test_wrapped_keys_of_other_lengths_are_the_peers_error(length):
    with pytest.raises(PairingError, match="80"):
        unwrap_ephemeral("ABCD1234", bytes(length))


@settings(deadline=None, max_examples=30)
@given(st.binary(max_size=200) | st.binary(min_size=156, max_size=156))
def test_arbitrary_bundles_raise_only_remote_errors(make_rng, data):
    rng = make_rng(3)
    keys = [KeyPair.generate(rng) for _ in range(3)]
    with pytest.raises(RemoteProtocolError):
        phone_finish(keys[0], keys[1], keys[2].public, data)


@pytest.mark.parametrize("code", ["", "ABCD-123", "abcd1234", "ABCD0000", "ABCD12345"])
def test_codes_that_cannot_be_are_our_own_error(code, rng):
    with pytest.raises(LocalProtocolError, match="8 characters"):
        wrap_ephemeral(code, bytes(32), rng)
