"""Padding, device hash, message ids, CBC, inflating, protobuf parsing: small modules, one file of tests."""

import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whatsapp import cbc
from whatsapp import message_pb2 as message
from whatsapp.errors import MessageFormatError, StateCorrupt
from whatsapp.inflate import inflate
from whatsapp.jid import Jid
from whatsapp.message_id import new_message_id
from whatsapp.padding import pad, unpad
from whatsapp.phash import participant_hash
from whatsapp.protobufs import parse, parse_stored

relaxed = settings(deadline=None)


@relaxed
@given(st.binary(max_size=50), st.binary(min_size=1, max_size=1))
def test_padding_comes_off_again(plaintext, random_byte):
    padded = pad(plaintext, lambda _: random_byte)
    assert 1 <= len(padded) - len(plaintext) <= 15
    assert unpad(padded) == plaintext


def test_another_clients_sixteen_bytes_of_padding_come_off_too():
    assert unpad(b"m" + b"\x10" * 16) == b"m"


@pytest.mark.parametrize("plaintext", [b"", b"\x00", b"m\x00", b"\x02", b"mm\x04"], ids=repr)
def test_impossible_padding_is_the_peers_error(plaintext):
    with pytest.raises(MessageFormatError):
        unpad(plaintext)


def test_the_device_hash_of_the_vector(vectors):
    devices = [Jid.parse(text) for text in vectors["phash"]["devices_ad_string"]]
    assert participant_hash(devices) == vectors["phash"]["phash"]
    assert participant_hash([*reversed(devices), devices[0]]) == vectors["phash"]["phash"]


def test_message_ids_have_their_form_and_differ(make_rng):
    rng = make_rng(1)
    ids = {new_message_id("5511", 1_800_000_000.7, rng) for _ in range(100)}
    assert len(ids) == 100
    assert all(len(id_) == 22 and id_.startswith("3EB0") and id_ == id_.upper() for id_ in ids)
    assert all(set(id_) <= set("0123456789ABCDEF") for id_ in ids)


@relaxed
@given(st.binary(max_size=100))
def test_cbc_comes_back(plaintext):
    ciphertext = cbc.encrypt(bytes(32), bytes(16), plaintext)
    assert len(ciphertext) == len(plaintext) // 16 * 16 + 16
    assert cbc.decrypt(bytes(32), bytes(16), ciphertext) == plaintext


@relaxed
@given(st.binary(max_size=100))
def test_arbitrary_ciphertexts_raise_only_format_errors(ciphertext):
    try:
        cbc.decrypt(bytes(32), bytes(16), ciphertext)
    except MessageFormatError:
        return


@relaxed
@given(st.binary(max_size=1000))
def test_inflating_up_to_the_limit(data):
    assert inflate(zlib.compress(data), len(data)) == data
    if data:
        with pytest.raises(MessageFormatError, match="more than"):
            inflate(zlib.compress(data), len(data) - 1)


@pytest.mark.parametrize(
    "data",
    [b"", b"nonsense", zlib.compress(b"x")[:-1], zlib.compress(b"x") + b"y"],
    ids=["empty", "nonsense", "cut", "more"],
)
def test_broken_streams_are_format_errors(data):
    with pytest.raises(MessageFormatError):
        inflate(data)


def test_unknown_fields_survive_being_passed_on():
    unknown = b"\xc2\x3e\x05hello" + b"\x98\x3f\x07"  # fields 1000 (bytes) and 1011 (number)
    known = message.Message(conversation="hi").SerializeToString()
    inner = message.DeviceSentMessage(destination_jid="1@lid")
    inner.message.CopyFrom(parse(message.Message, known + unknown))
    wrapped = parse(message.Message, message.Message(device_sent_message=inner).SerializeToString())
    assert wrapped.device_sent_message.message.SerializeToString() == known + unknown


def test_unknown_enum_values_are_kept():
    parsed = parse(message.ProtocolMessage, b"\x10\xe7\x07")
    assert parsed.type == 999 and parsed.SerializeToString() == b"\x10\xe7\x07"


def test_presence_is_known_for_zero_values():
    """A deletion has type 0: without presence it could not be told from a message without a type."""
    assert not message.ProtocolMessage().HasField("type")
    revoke = message.ProtocolMessage(type=message.ProtocolMessage.REVOKE)
    assert parse(message.ProtocolMessage, revoke.SerializeToString()).HasField("type")


def nested(depth):
    inner = message.Message(conversation="x")
    for _ in range(depth):
        outer = message.Message()
        outer.extended_text_message.context_info.quoted_message.CopyFrom(inner)
        inner = outer
    return inner


def nested_bytes(levels):
    """View-once messages inside each other, two levels of protobuf each, written out by hand."""
    data = b""
    for _ in range(levels):
        for tag in (b"\x0a", b"\xaa\x02"):
            length = bytes([len(data) & 127 | 128, len(data) >> 7])
            data = tag + length + data
    return data


BROKEN = {
    "not UTF-8": b"\x0a\x02\xff\xfe",
    "cut": b"\x0a\x05abc",
    "wrong wire type": b"\x0f",
    "field number zero": b"\x02\x00",
    "endless varint": b"\x0a" + b"\xff" * 11,
    "nested 120 deep": nested_bytes(60),
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN.keys())
def test_broken_messages_are_format_errors(data):
    with pytest.raises(MessageFormatError):
        parse(message.Message, data)


def test_nesting_within_the_limit_is_read():
    assert parse(message.Message, nested_bytes(45)).HasField("view_once_message")


def test_messages_beyond_the_limit_are_refused_unread():
    with pytest.raises(MessageFormatError, match="at most 10"):
        parse(message.Message, bytes(11), limit_bytes=10)


def test_deep_quotes_within_the_limit_are_read():
    assert parse(message.Message, nested(30).SerializeToString()) == nested(30)


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=100))
def test_arbitrary_messages_raise_only_format_errors(data):
    try:
        parsed = parse(message.Message, data)
    except MessageFormatError:
        return
    assert isinstance(repr(parsed), str)
    parse(message.Message, parsed.SerializeToString())


def test_a_damaged_record_is_our_own_error():
    with pytest.raises(StateCorrupt):
        parse_stored(message.Message, b"\xff")
