"""A server that ends the connection on what we sent: which message it was, and that it is not sent for ever."""

import pytest

from tests.whatsapp.scripted_client import Client, linked
from tests.whatsapp.scripted_server import Server
from tests.whatsapp.talking import ANNA, BUDI, content, stanzas
from whatsapp.nodes import Node
from whatsapp.outbound import MAX_BLAMED

MALFORMED = Node("stream:error", {}, (Node("xml-not-well-formed"),))


@pytest.fixture
def anna() -> Client:
    server = Server()
    linked(server, BUDI)
    return linked(server, ANNA)


def end_on_messages(server: Server) -> None:
    server.message = lambda device, node: device.connection.send(MALFORMED)


def try_again(client: Client, ref: str, text: str, *, crash: bool) -> None:
    """As an instance does: the link opens again, the outbox gives the same command."""
    if crash:
        client.crash()
    client.open()
    client.send(ref, content(BUDI, text))


@pytest.mark.parametrize("crash", [False, True], ids=["one process", "a process each time"])
def test_a_message_on_which_the_connection_ends_three_times_is_given_up(anna, crash):
    take = anna.server.message
    end_on_messages(anna.server)
    anna.send("m1", content(BUDI, "aneh"))
    for _ in range(MAX_BLAMED):
        try_again(anna, "m1", "aneh", crash=crash)
    assert anna.replies[-1].ref == "m1" and "3 times" in anna.replies[-1].error
    assert not anna.replies[-1].retry
    assert len(stanzas(anna)) == MAX_BLAMED
    anna.server.message = take
    anna.send("m2", content(BUDI, "biasa"))
    assert anna.replies[-1].error is None


def test_a_message_that_was_accepted_after_all_is_not_held_against(anna):
    take = anna.server.message
    for _ in range(MAX_BLAMED + 1):
        end_on_messages(anna.server)
        try_again(anna, "m1", "aneh", crash=False)
        anna.server.message = take
        try_again(anna, "m1", "aneh", crash=False)
        assert anna.replies[-1].error is None


def test_what_was_sent_last_is_told_without_its_content(anna):
    end_on_messages(anna.server)
    anna.send("m1", content(BUDI, "aneh"))
    (event,) = anna.told("stream.refused")
    message = anna.server.heard[-1][1]
    told = {name: str(message.attrs[name]) for name in ("id", "type", "to")}
    assert event["sent"][-1] == {"tag": "message"} | told
    assert len(event["sent"]) == 5 and "xml-not-well-formed" in event["reason"]
    assert {name for one in event["sent"] for name in one} <= {"tag", "id", "type", "xmlns", "to"}
