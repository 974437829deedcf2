"""Signal sessions and the vectors: read out of order, written as they were read."""

import pytest

from whatsapp import prekeys, signal_cipher
from whatsapp import records_pb2 as records
from whatsapp.errors import (
    MissingPreKey,
)
from whatsapp.keys import KeyPair
from whatsapp.signal_cipher import SignalCipher
from whatsapp.signal_messages import PreKeySignalMessage, SignalMessage
from whatsapp.signal_session import LocalIdentity
from whatsapp.state import MemoryState


def vector_receiver(vector, rng):
    keys = KeyPair.from_private(bytes.fromhex(vector["bob_identity_priv"]))
    assert keys.serialized.hex() == vector["bob_identity_pub33"]
    state = MemoryState()
    with state.transaction() as tx:
        for space, stored, kind in (
            (prekeys.SIGNED_PRE_KEYS, vector["bob_signed_prekey"], records.SignedPreKey),
            (prekeys.PRE_KEYS, vector["bob_one_time_prekey"], records.PreKey),
        ):
            pair = KeyPair.from_private(bytes.fromhex(stored["priv"]))
            assert pair.serialized.hex() == stored["pub33"]
            record = kind(private=pair.private, public=pair.public)
            tx.put(space, str(stored["id"]), record.SerializeToString())
    return state, SignalCipher(LocalIdentity(keys, 2222), rng)


def test_the_messages_of_the_vector_decrypt_out_of_order(vectors, make_rng):
    vector = vectors["signal"]
    state, cipher = vector_receiver(vector, make_rng(1))
    for message in vector["messages"]:
        with state.transaction() as tx:
            data = bytes.fromhex(message["ciphertext_hex"])
            decrypted = cipher.decrypt(tx, "1.0", message["type"], data)
        assert decrypted.plaintext == message["plaintext"].encode()
        assert decrypted.identity.hex() == vector["alice_identity_pub33"][2:]
    assert signal_cipher.remote_registration_id(state, "1.0") == vector["alice_registration_id"]
    with pytest.raises(MissingPreKey):
        prekeys.one_time(state, vector["bob_one_time_prekey"]["id"])


def test_the_vectors_messages_are_written_as_they_were_read(vectors):
    for message in vectors["signal"]["messages"]:
        parsed = PreKeySignalMessage.parse(bytes.fromhex(message["ciphertext_hex"]))
        inner = SignalMessage.parse(parsed.message)
        assert parsed.registration_id == vectors["signal"]["alice_registration_id"]
        again = PreKeySignalMessage.parse(parsed.serialize())
        assert again == parsed and inner.counter < 3
