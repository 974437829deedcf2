import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whatsapp.errors import LocalProtocolError, NodeError
from whatsapp.jid import SERVER, STATUS_BROADCAST, Jid, user_jid

TEXTS = [
    ("5511999990000@s.whatsapp.net", Jid("5511999990000", "s.whatsapp.net")),
    ("5511999990000:12@s.whatsapp.net", Jid("5511999990000", "s.whatsapp.net", 12)),
    ("123:3@lid", Jid("123", "lid", 3)),
    ("5511:99@hosted", Jid("5511", "hosted", 99)),
    ("123:99@hosted.lid", Jid("123", "hosted.lid", 99)),
    ("123-456@g.us", Jid("123-456", "g.us")),
    ("status@broadcast", STATUS_BROADCAST),
    ("@s.whatsapp.net", SERVER),
]


@pytest.mark.parametrize(("text", "jid"), TEXTS, ids=[text for text, _ in TEXTS])
def test_texts_and_addresses_belong_together(text, jid):
    assert Jid.parse(text) == jid
    assert str(jid) == text


@pytest.mark.parametrize(
    ("text", "jid"),
    [
        ("s.whatsapp.net", SERVER),
        ("5511.0:12@s.whatsapp.net", Jid("5511", "s.whatsapp.net", 12)),
        ("5511:0@s.whatsapp.net", Jid("5511", "s.whatsapp.net")),
        ("a:1.2@newsletter", Jid("a:1.2", "newsletter")),
    ],
)
def test_other_spellings_are_read(text, jid):
    assert Jid.parse(text) == jid


NO_ADDRESS = ["", "5511@", "a@b@s.whatsapp.net", "1:x@lid", "1:@lid", "1:-1@lid", "1:65536@lid", "1:٣@lid"]
TOO_LONG = ["1" * 101 + "@lid", "1@" + "s" * 25]


@pytest.mark.parametrize("text", NO_ADDRESS + TOO_LONG, ids=repr)
def test_texts_that_are_no_address_are_the_peers_error(text):
    with pytest.raises(NodeError):
        Jid.parse(text)


@settings(deadline=None)
@given(
    st.text(max_size=30)
    | st.from_regex(r"[0-9.:]{0,6}(:[0-9]{0,6})?@(lid|g\.us|s\.whatsapp\.net)", fullmatch=True)
)
def test_any_text_is_an_address_or_a_node_error(text):
    try:
        jid = Jid.parse(text)
    except NodeError:
        return
    assert Jid.parse(str(jid)) == jid or "." in text or ":" in text


def test_devices_out_of_range_are_our_own_error():
    for device in (-1, 65536):
        with pytest.raises(LocalProtocolError):
            Jid("1", "lid", device)


def test_signal_addresses_tell_the_domains_apart():
    jids = [Jid("1", server, 2) for server in ("s.whatsapp.net", "lid", "hosted", "hosted.lid")]
    assert [jid.signal_address for jid in jids] == ["1.2", "1_1.2", "1_128.2", "1_129.2"]
    assert Jid("1", "lid").signal_name == "1_1"


@pytest.mark.parametrize("user", ["", "1_1", "1.2", "a/b", "1 2"], ids=repr)
def test_users_that_could_be_mistaken_have_no_signal_address(user):
    with pytest.raises(NodeError):
        _ = Jid(user, "s.whatsapp.net").signal_address


def test_the_ad_string_is_that_of_the_vector(vectors):
    strings = vectors["phash"]["devices_ad_string"]
    assert [Jid.parse(text).ad_string for text in strings] == strings


KINDS = ["is_pn", "is_lid", "is_user", "is_group", "is_broadcast", "is_newsletter", "is_hosted", "is_bot"]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("5511@s.whatsapp.net", {"is_pn", "is_user"}),
        ("5511:99@hosted", {"is_pn", "is_user", "is_hosted"}),
        ("1@lid", {"is_lid", "is_user"}),
        ("1:99@hosted.lid", {"is_lid", "is_user", "is_hosted"}),
        ("1@g.us", {"is_group"}),
        ("status@broadcast", {"is_broadcast"}),
        ("1@newsletter", {"is_newsletter"}),
        ("1@bot", {"is_bot"}),
        ("13135550002@s.whatsapp.net", {"is_pn", "is_user", "is_bot"}),
        ("13165550012@s.whatsapp.net", {"is_pn", "is_user", "is_bot"}),
        ("@s.whatsapp.net", {"is_pn"}),
        ("1@c.us", set()),
    ],
)
def test_kinds(text, kinds):
    jid = Jid.parse(text)
    assert {kind for kind in KINDS if getattr(jid, kind)} == kinds


def test_the_user_of_a_device_and_its_devices():
    assert Jid.parse("1:99@hosted").without_device == Jid("1", "s.whatsapp.net")
    assert Jid.parse("1:99@hosted.lid").without_device == Jid("1", "lid")
    assert Jid("1", "lid", 4).without_device.with_device(7) == Jid("1", "lid", 7)


@pytest.mark.parametrize("phone", ["+55 (11) 99999-0000", "5511999990000"])
def test_phone_numbers_become_addresses(phone):
    assert user_jid(phone) == Jid("5511999990000", "s.whatsapp.net")


@pytest.mark.parametrize(
    "phone", ["", "011999990000", "123456", "1" * 16, "55x11999990000", "٥٥١١٩٩٩٩٩"], ids=repr
)
def test_what_is_no_phone_number_is_refused(phone):
    with pytest.raises(LocalProtocolError, match="7 to 15 digits"):
        user_jid(phone)
