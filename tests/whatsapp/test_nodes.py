import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whatsapp.errors import NodeError
from whatsapp.jid import Jid
from whatsapp.nodes import Node, parse_integer

USERS = (Node("user", {"jid": Jid("1", "lid")}), Node("user", {"jid": "2@lid"}))
IQ = Node.make(
    "iq",
    (Node("list", {}, USERS), Node("count", {}, b"x")),
    id="7",
    t=12,
    from_=Jid("1", "lid"),
    class_="message",
    missing=None,
    hosted=True,
)


def test_made_nodes_drop_none_and_underscores():
    assert dict(IQ.attrs) == {
        "id": "7",
        "t": "12",
        "from": Jid("1", "lid"),
        "class": "message",
        "hosted": "true",
    }


def test_children_are_found_along_a_path():
    assert IQ.find("list", "user").jid_attr("jid") == Jid("1", "lid")
    assert [user.jid_attr("jid").user for user in IQ.need("list").all("user")] == ["1", "2"]
    assert IQ.find("list", "nothing") is None
    assert IQ.find("nothing", "user") is None
    assert Node("x", {}, b"bytes").children == ()


def test_attributes_come_as_the_type_that_is_asked_for():
    assert IQ.text_attr("from") == "1@lid"
    assert IQ.text_attr("missing", "default") == "default"
    assert IQ.optional("missing") is None and IQ.optional("id") == "7"
    assert IQ.int_attr("t") == 12 and IQ.int_attr("missing", 3) == 3
    assert IQ.optional_jid("missing") is None and IQ.optional_jid("from") == Jid("1", "lid")


BAD_READS = {
    "missing child": lambda: IQ.need("list", "nothing"),
    "missing text": lambda: IQ.text_attr("missing"),
    "missing address": lambda: IQ.jid_attr("missing"),
    "missing number": lambda: IQ.int_attr("missing"),
    "not a number": lambda: IQ.int_attr("class"),
    "not an address": lambda: Node("x", {"jid": "a@b@c"}).jid_attr("jid"),
    "children as bytes": lambda: IQ.data,
    "not UTF-8": lambda: Node("x", {}, b"\xff").text,
    "wrong length": lambda: Node("x", {}, b"abc").fixed(4),
}


@pytest.mark.parametrize("read", BAD_READS.values(), ids=BAD_READS.keys())
def test_what_a_peer_left_out_is_a_node_error(read):
    with pytest.raises(NodeError):
        read()


@pytest.mark.parametrize(("content", "data"), [(None, b""), ("text", b"text"), (b"bytes", b"bytes")])
def test_content_is_read_whether_text_or_bytes(content, data):
    assert Node("x", {}, content).data == data
    assert Node("x", {}, content).text == data.decode()
    assert Node("x", {}, content).fixed(len(data)) == data


@settings(deadline=None)
@given(st.text(max_size=30))
def test_integers_are_plain_decimal_or_a_node_error(text):
    try:
        number = parse_integer(text, "number")
    except NodeError:
        assert not (text and set(text) <= set("0123456789") and len(text) <= 20)
    else:
        assert number == int(text) and number >= 0


def test_errors_and_reprs_hold_no_content():
    secret = Node("enc", {"key": "topsecret"}, b"topsecret")
    assert "topsecret" not in repr(secret)
    with pytest.raises(NodeError) as caught:
        secret.int_attr("key")
    assert "topsecret" not in str(caught.value)
