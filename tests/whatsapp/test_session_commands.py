"""What applications ask for: it arrives as its event, once, or is refused with what is allowed."""

import json

import pytest

from core.effects import Send
from core.protocol import SendContent
from tests.whatsapp.talking import BUDI, CITRA, content, stanzas
from whatsapp.errors import LocalProtocolError

CASES = {
    "reply": (
        {"text": "ya", "reply_to": {"id": "X1", "sender": BUDI, "text": "jadi?"}, "mentions": [CITRA]},
        "message.received",
        {
            "type": "text",
            "content": {"text": "ya"},
            "reply_to": {
                "id": "X1",
                "sender": f"{BUDI}@s.whatsapp.net",
                "quoted": {"type": "text", "text": "jadi?"},
            },
            "mentions": [f"{CITRA}@s.whatsapp.net"],
        },
    ),
    "reaction": (
        {"type": "reaction", "message": {"id": "X1"}, "emoji": "👍"},
        "message.reaction",
        {
            "message": {
                "id": "X1",
                "chat": f"{BUDI}@s.whatsapp.net",
                "from_me": False,
                "sender": None,
            },
            "emoji": "👍",
            "removed": False,
        },
    ),
    "edit": (
        {"type": "edit", "message": {"id": "X1"}, "text": "baru"},
        "message.edited",
        {
            "message": {"id": "X1", "chat": f"{BUDI}@s.whatsapp.net", "from_me": True, "sender": None},
            "type": "text",
            "content": {"text": "baru"},
        },
    ),
    "delete": (
        {"type": "delete", "message": {"id": "X1"}},
        "message.deleted",
        {"message": {"id": "X1", "chat": f"{BUDI}@s.whatsapp.net", "from_me": True, "sender": None}},
    ),
    "location": (
        {"type": "location", "latitude": -6.2, "longitude": 106.8, "name": "Kantor"},
        "message.received",
        {
            "type": "location",
            "content": {
                "latitude": -6.2,
                "longitude": 106.8,
                "name": "Kantor",
                "address": None,
                "url": None,
            },
        },
    ),
    "contact": (
        {"type": "contact", "name": "Toko; A", "phone": f"+{CITRA}"},
        "message.received",
        {
            "type": "contact",
            "content": {
                "name": "Toko; A",
                "vcard": "BEGIN:VCARD\nVERSION:3.0\nN:;Toko\\; A;;;\nFN:Toko\\; A\n"
                f"TEL;type=CELL;waid={CITRA}:+{CITRA}\nEND:VCARD",
            },
        },
    ),
}


@pytest.mark.parametrize(("asked", "kind", "expected"), CASES.values(), ids=CASES)
def test_every_command_arrives_as_its_event(pair, asked, kind, expected):
    anna, budi = pair
    anna.send("m1", json.dumps({"to": BUDI, **asked}).encode())
    assert anna.replies[-1].error is None
    (event,) = budi.told(kind)
    assert {name: event[name] for name in expected} == expected


WRONG = {
    "no JSON": (b"\xff", "JSON"),
    "no object": (b"[]", "object"),
    "no recipient": (b'{"text":"x"}', "to must be"),
    "an empty recipient": (b'{"to":"","text":"x"}', "to must be"),
    "a newsletter": (b'{"to":"1@newsletter","text":"x"}', "to must be|address"),
    "no text": (b'{"to":"6281100002"}', "text must be"),
    "an unknown type": (b'{"to":"6281100002","type":"dance"}', "type must be one of text, reaction"),
    "a surrogate": (b'{"to":"6281100002","text":"\\ud800"}', "Unicode"),
    "a wrong latitude": (
        b'{"to":"6281100002","type":"location","latitude":91,"longitude":0}',
        "-90 to 90",
    ),
    "no number": (
        b'{"to":"6281100002","type":"location","latitude":NaN,"longitude":0}',
        "-90 to 90",
    ),
    "a reaction without a message": (b'{"to":"6281100002","type":"reaction","emoji":"x"}', "message must be"),
    "a group reaction without an author": (
        b'{"to":"1@g.us","type":"reaction","emoji":"x","message":{"id":"1"}}',
        "message.sender",
    ),
    "a group reply without an author": (
        b'{"to":"1@g.us","text":"x","reply_to":{"id":"1"}}',
        "reply_to.sender must be the author",
    ),
    "deep nesting": (b'{"a":' * 100_000, "JSON"),
}


@pytest.mark.parametrize(("data", "text"), WRONG.values(), ids=WRONG)
def test_content_that_cannot_be_sent_is_refused_with_what_is_allowed(pair, data, text):
    anna, _ = pair
    anna.send("m1", data)
    reply = anna.replies[-1]
    assert reply.ref == "m1" and not reply.retry
    with pytest.raises(LocalProtocolError, match=text):
        raise LocalProtocolError(reply.error)


def test_a_refused_message_is_not_tried_again_and_an_invalid_one_once(pair):
    anna, budi = pair
    anna.server.ack_errors["next"] = 463
    anna.send("m1", content(BUDI))
    assert "463" in anna.replies[-1].error and not anna.replies[-1].retry
    anna.server.ack_errors["next"] = 479
    anna.send("m2", content(BUDI, "kedua"))
    assert (anna.replies[-1].error, budi.texts()) == (None, ["kedua"])


def test_a_message_without_an_answer_is_to_be_tried_again(pair):
    anna, budi = pair
    anna.send("m0", content(BUDI))
    anna.server.silent.add("3EB0" + "0" * 18)
    before = len(anna.replies)
    original = anna.server.message
    anna.server.message = lambda sender, node: None
    anna.send("m1", content(BUDI))
    assert len(anna.replies) == before
    anna.pass_time(80)
    assert (anna.replies[-1].ref, anna.replies[-1].retry) == ("m1", True)
    anna.server.message = original
    anna.send("m1", content(BUDI, "halo lagi"))
    assert anna.replies[-1].error is None
    # The first try's content is what was promised under this id.
    assert budi.texts() == ["halo", "halo"]


def test_the_same_command_twice_is_one_message(pair):
    anna, budi = pair
    anna.send("m1", content(BUDI))
    anna.send("m1", content(BUDI))
    assert anna.replies[0].data["id"] == anna.replies[1].data["id"]
    assert budi.texts() == ["halo"]


def test_sends_are_composed_one_after_the_other(pair):
    anna, budi = pair
    for number in range(4):
        effects = anna.session.on_command(SendContent(f"m{number}", content(BUDI, str(number))), anna.now_s)
        assert sum(isinstance(effect, Send) for effect in effects) == (number == 0)
        anna.act(effects)
    anna.server.run()
    assert budi.texts() == ["0", "1", "2", "3"]
    assert len([node for node in stanzas(anna, "iq") if node.optional("xmlns") == "usync"]) == 1
