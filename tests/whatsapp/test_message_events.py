"""Messages as applications see them: every kind of content, wrappers, what is unknown, and nonsense."""

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.whatsapp.message_cases import CASES, KEY, b64
from whatsapp import message_pb2 as wa
from whatsapp.errors import MessageFormatError
from whatsapp.message_events import describe
from whatsapp.protobufs import parse


@pytest.mark.parametrize(("message", "expected"), CASES.values(), ids=CASES)
def test_content_becomes_its_event(message, expected):
    event = describe(message)
    assert (event.kind, event.fields) == expected
    json.dumps(event.fields, allow_nan=False)


@pytest.mark.parametrize(
    "message",
    [
        wa.Message(),
        wa.Message(message_context_info=wa.MessageContextInfo(message_secret=bytes(32))),
        wa.Message(sender_key_distribution_message=wa.SenderKeyDistribution(group_id="1@g.us")),
    ],
    ids=["empty", "context only", "sender key only"],
)
def test_bookkeeping_alone_is_no_event(message):
    assert describe(message) is None


UNKNOWN = b"\xba\x3e\x03abc"  # field 999, length-delimited


def test_what_is_not_understood_is_passed_on_raw():
    event = describe(wa.Message.FromString(UNKNOWN))
    assert event.fields == {"type": "unknown", "content": {"protobuf_base64": b64(UNKNOWN)}}


@pytest.mark.parametrize("inner", [b"", UNKNOWN], ids=["nothing", "something new"])
def test_a_wrapper_around_nothing_that_is_known_is_passed_on_raw(inner):
    """Its own unknown fields may hold what is new."""
    packed = wa.Message(
        view_once_message=wa.Wrapper(message=wa.Message.FromString(inner))
    ).SerializeToString()
    event = describe(wa.Message.FromString(packed))
    assert (event.kind, event.fields["type"], event.fields["view_once"]) == (
        "message.received",
        "unknown",
        True,
    )
    raw = base64.b64decode(event.fields["content"]["protobuf_base64"])
    assert raw == (inner or packed)


def test_what_stands_unknown_beside_a_text_is_passed_on_with_it():
    text = wa.Message(conversation="halo")
    event = describe(wa.Message.FromString(text.SerializeToString() + UNKNOWN))
    assert event.fields["content"] == {"text": "halo"}
    assert base64.b64decode(event.fields["protobuf_base64"]) == text.SerializeToString() + UNKNOWN
    assert "protobuf_base64" not in describe(text).fields


def test_protocol_messages_for_devices_only_are_unknown_to_people():
    message = wa.Message(
        protocol_message=wa.ProtocolMessage(type=wa.ProtocolMessage.APP_STATE_SYNC_KEY_REQUEST)
    )
    assert describe(message).fields["type"] == "unknown"


def test_wrappers_without_end_are_unknown():
    message = wa.Message(conversation="deep")
    for _ in range(40):
        message = wa.Message(ephemeral_message=wa.Wrapper(message=message))
    assert describe(message).fields["type"] == "unknown"


def test_an_edit_within_an_edit_is_passed_on_raw():
    inner = wa.Message(protocol_message=wa.ProtocolMessage(type=wa.ProtocolMessage.MESSAGE_EDIT, key=KEY))
    outer = wa.Message(
        protocol_message=wa.ProtocolMessage(
            type=wa.ProtocolMessage.MESSAGE_EDIT, key=KEY, edited_message=inner
        )
    )
    assert describe(outer).fields["type"] == "unknown"


SEEDS = [message.SerializeToString() for message, _ in CASES.values()]


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_damaged_messages_are_events_or_format_errors_and_always_json(data):
    raw = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(0, 4))):
        if raw:
            raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        event = describe(parse(wa.Message, bytes(raw)))
    except MessageFormatError:
        return
    if event is not None:
        json.dumps(event.fields, allow_nan=False)
