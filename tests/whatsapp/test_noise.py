import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whatsapp import noise as noise_module
from whatsapp import wire_pb2 as wire
from whatsapp.certificates import Validity, issue_chain, verify_chain
from whatsapp.ciphers import TransportCipher
from whatsapp.errors import CertificateError, HandshakeError, LocalProtocolError, RemoteProtocolError
from whatsapp.frames import encode_frame
from whatsapp.keys import KeyPair
from whatsapp.noise import HandshakeHash, Initiator, Responder

NOW_S = 1_800_000_000.0
VALID = Validity(1_700_000_000, 2_000_000_000)
relaxed = settings(deadline=None, max_examples=40)


class Sides:
    """Both ends of one handshake under a root of their own."""

    def __init__(self, rng, payload=b"payload", root_key=None):
        root, intermediate = KeyPair.generate(rng), KeyPair.generate(rng)
        self.client_static, self.server_static = KeyPair.generate(rng), KeyPair.generate(rng)
        chain = issue_chain(root, intermediate, self.server_static.public, VALID, rng)
        self.client = Initiator(self.client_static, payload, rng, root_key or root.public)
        self.server = Responder(self.server_static, chain, rng)


def test_both_sides_produce_the_bytes_of_the_vector(vectors, monkeypatch):
    """The chain check is out of the way here: the vector's signatures verify under no key (see test_xeddsa)."""
    vector = {
        name: bytes.fromhex(value) for name, value in vectors["noise"].items() if isinstance(value, str)
    }
    checked = []
    monkeypatch.setattr(noise_module, "verify_chain", lambda *args: checked.append(args))
    client = Initiator(
        KeyPair.from_private(vector["client_static_priv"]),
        vector["client_payload_plain"],
        lambda _: vector["client_ephemeral_priv"],
        vector["root_pub"],
    )
    server = Responder(
        KeyPair.from_private(vector["server_static_priv"]),
        vector["cert_chain"],
        lambda _: vector["server_ephemeral_priv"],
    )
    hello = client.hello()
    assert client._state.hash == vector["h_after_client_e"]
    answer = server.receive_hello(hello)
    assert encode_frame(answer) == vector["server_hello_frame"]
    finish, ours = client.receive_hello(answer, NOW_S)
    assert encode_frame(finish) == vector["client_finish_frame"]
    who, theirs = server.receive_finish(finish)
    assert who.payload == vector["client_payload_plain"]
    assert checked == [(vector["cert_chain"], server._static.public, NOW_S, vector["root_pub"])]
    assert client._state.split() == (vector["client_to_server_key"], vector["server_to_client_key"])
    first = vectors["noise"]["first_client_frame"]
    frame = ours.sending.encrypt(bytes.fromhex(first["plain"]))
    assert encode_frame(frame).hex() == first["frame"]
    assert theirs.receiving.decrypt(frame).hex() == first["plain"]


def test_the_vectors_chain_is_refused_for_its_signature(vectors):
    vector = vectors["noise"]
    static = KeyPair.from_private(bytes.fromhex(vector["server_static_priv"])).public
    with pytest.raises(CertificateError, match="intermediate's signature is wrong"):
        verify_chain(bytes.fromhex(vector["cert_chain"]), static, NOW_S, bytes.fromhex(vector["root_pub"]))


def test_the_hash_after_the_prologue(vectors):
    assert HandshakeHash().hash.hex() == vectors["noise"]["h_after_prologue"]


@relaxed
@given(st.integers(0), st.binary(max_size=2000), st.lists(st.tuples(st.booleans(), st.binary(max_size=100))))
def test_after_the_handshake_frames_flow_both_ways(make_rng, seed, payload, traffic):
    sides = Sides(make_rng(seed), payload)
    finish, ours = sides.client.receive_hello(sides.server.receive_hello(sides.client.hello()), NOW_S)
    who, theirs = sides.server.receive_finish(finish)
    assert who.client_static == sides.client_static.public and who.payload == payload
    for from_client, data in traffic:
        sender, receiver = (ours, theirs) if from_client else (theirs, ours)
        assert receiver.receiving.decrypt(sender.sending.encrypt(data)) == data


def test_another_root_is_refused(make_rng):
    sides = Sides(make_rng(1), root_key=KeyPair.generate(make_rng(2)).public)
    with pytest.raises(CertificateError):
        sides.client.receive_hello(sides.server.receive_hello(sides.client.hello()), NOW_S)


@pytest.mark.parametrize("field", ["ephemeral", "static", "payload"])
@pytest.mark.parametrize("change", ["flip", "shorten", "remove"])
def test_a_changed_server_hello_is_refused(make_rng, field, change):
    sides = Sides(make_rng(3))
    message = wire.HandshakeMessage.FromString(sides.server.receive_hello(sides.client.hello()))
    damage(message.server_hello, field, change)
    with pytest.raises(HandshakeError):
        sides.client.receive_hello(message.SerializeToString(), NOW_S)


@pytest.mark.parametrize("field", ["static", "payload"])
@pytest.mark.parametrize("change", ["flip", "shorten", "remove"])
def test_a_changed_finish_is_refused(make_rng, field, change):
    sides = Sides(make_rng(4))
    finish, _ = sides.client.receive_hello(sides.server.receive_hello(sides.client.hello()), NOW_S)
    message = wire.HandshakeMessage.FromString(finish)
    damage(message.client_finish, field, change)
    with pytest.raises(HandshakeError):
        sides.server.receive_finish(message.SerializeToString())


def damage(message, field, change):
    value = getattr(message, field)
    match change:
        case "flip":
            setattr(message, field, bytes([value[0] ^ 1]) + value[1:])
        case "shorten":
            setattr(message, field, value[:-1])
        case "remove":
            message.ClearField(field)


@pytest.mark.parametrize("key", [bytes(32), b"\x01" + bytes(31)], ids=["zero", "one"])
def test_degenerate_ephemerals_are_refused(make_rng, key):
    sides = Sides(make_rng(5))
    hello = wire.HandshakeMessage(client_hello=wire.HandshakeMessage.ClientHello(ephemeral=key))
    with pytest.raises(HandshakeError, match="small order"):
        sides.server.receive_hello(hello.SerializeToString())


def test_calls_in_the_wrong_order_are_our_own_error(make_rng):
    sides = Sides(make_rng(6))
    with pytest.raises(LocalProtocolError):
        sides.client.receive_hello(b"", NOW_S)
    hello = sides.client.hello()
    with pytest.raises(LocalProtocolError):
        sides.client.hello()
    with pytest.raises(LocalProtocolError):
        sides.server.receive_finish(b"")
    sides.server.receive_hello(hello)
    with pytest.raises(LocalProtocolError):
        sides.server.receive_hello(hello)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 9), st.binary(max_size=200))
def test_arbitrary_handshake_bytes_raise_only_handshake_errors(make_rng, seed, data):
    sides = Sides(make_rng(seed))
    hello = sides.client.hello()
    with pytest.raises(HandshakeError):
        sides.client.receive_hello(data, NOW_S)
    with pytest.raises(HandshakeError):
        Sides(make_rng(seed)).server.receive_hello(data)
    sides.server.receive_hello(hello)
    with pytest.raises(HandshakeError):
        sides.server.receive_finish(data)


@relaxed
@given(st.binary(max_size=100), st.integers(0, 800))
def test_a_lost_changed_or_repeated_frame_ends_the_connection(data, bit):
    sender, receiver = TransportCipher(bytes(32)), TransportCipher(bytes(32))
    first, second = sender.encrypt(data), sender.encrypt(data)
    changed = bytearray(first)
    changed[bit // 8 % len(changed)] ^= 1 << bit % 8
    for wrong in (second, bytes(changed), b"", first[:-1]):
        with pytest.raises(RemoteProtocolError):
            receiver.decrypt(wrong)
    assert receiver.decrypt(first) == data
    with pytest.raises(RemoteProtocolError):
        receiver.decrypt(first)


def test_counters_never_wrap_around():
    cipher = TransportCipher(bytes(32))
    cipher._counter = 2**32 - 1
    cipher.encrypt(b"last")
    with pytest.raises(LocalProtocolError):
        cipher.encrypt(b"one too many")
    cipher._counter = 2**32
    with pytest.raises(HandshakeError):
        cipher.decrypt(bytes(16))


def test_a_plaintext_that_fits_no_frame_is_our_own_error():
    with pytest.raises(LocalProtocolError):
        TransportCipher(bytes(32)).encrypt(bytes((1 << 24) - 16))


def test_client_payloads_stay_out_of_reprs(make_rng):
    sides = Sides(make_rng(7), b"secret payload")
    finish, ciphers = sides.client.receive_hello(sides.server.receive_hello(sides.client.hello()), NOW_S)
    who, _ = sides.server.receive_finish(finish)
    assert "secret" not in repr(who) + repr(ciphers) + repr(sides.client)
