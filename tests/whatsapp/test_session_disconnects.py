"""Every row of the table of disconnects (protocol §20), and what stays behind."""

import pytest

from core.failures import FailureKind
from tests.whatsapp.scripted_client import Client, linked
from tests.whatsapp.scripted_server import Server
from tests.whatsapp.talking import content
from whatsapp.account import Account
from whatsapp.errors import LocalProtocolError, RemoteProtocolError
from whatsapp.nodes import Node
from whatsapp.session_settings import SessionSettings
from whatsapp.version import parse_revision

PHONE = "6281100001"
K = FailureKind


def error(code: str | None = None, *children: Node) -> Node:
    return Node("stream:error", {} if code is None else {"code": code}, children)


def failure(**attrs: str) -> Node:
    return Node("failure", attrs)


def conflict(kind: str) -> Node:
    return Node("conflict", {"type": kind})


ROWS = {
    "restart": (error("515"), K.RESTART, 515),
    "replaced": (error(None, conflict("replaced")), K.REPLACED, 440),
    "replaced with 401": (error("401", conflict("replaced")), K.REPLACED, 440),
    "device removed": (error("401", conflict("device_removed")), K.LOGGED_OUT, 401),
    "516": (error("516"), K.LOGGED_OUT, 401),
    "409": (error("409"), K.REPLACED, 440),
    "409 with another conflict": (error("409", conflict("something new")), K.REPLACED, 440),
    "409 with a conflict without type": (error("409", Node("conflict")), K.REPLACED, 440),
    "409 and device removed": (error("409", conflict("device_removed")), K.LOGGED_OUT, 401),
    "503": (error("503"), K.UPSTREAM, 503),
    "500": (error("500"), K.UPSTREAM, 500),
    "no code": (error(None, Node("xml-not-well-formed")), K.UPSTREAM, 500),
    "nonsense code": (error("9" * 50), K.UPSTREAM, 500),
    "refused 400": (failure(reason="400"), K.CONFIG, 400),
    "refused 401": (failure(reason="401"), K.LOGGED_OUT, 401),
    "banned for a time": (failure(reason="402", code="104", expire="3600"), K.TEMP_BANNED, 402),
    "banned": (failure(reason="403", logout_message_header="Sorry"), K.BANNED, 403),
    "outdated": (failure(reason="405"), K.OUTDATED, 405),
    "banned 406": (failure(reason="406"), K.BANNED, 406),
    "bad user agent": (failure(reason="409"), K.CONFIG, 409),
    "wrong token": (failure(reason="413"), K.CONFIG, 413),
    "not found": (failure(reason="415"), K.CONFIG, 415),
    "unknown client": (failure(reason="418"), K.CONFIG, 418),
    "refused 500": (failure(reason="500"), K.UPSTREAM, 500),
    "refused 501": (failure(reason="501"), K.UPSTREAM, 501),
    "refused 503": (failure(reason="503"), K.UPSTREAM, 503),
    "without reason": (failure(), K.UPSTREAM, 428),
    "stream end": (Node("xmlstreamend"), K.UPSTREAM, 428),
}


@pytest.fixture
def client() -> Client:
    made = linked(Server(), PHONE)
    made.auto_restart = False
    return made


@pytest.mark.parametrize(("node", "kind", "status"), ROWS.values(), ids=ROWS)
def test_every_ending_is_a_failure_of_the_right_kind(client, node, kind, status):
    client.connection.send(node)
    client.server.run()
    assert (client.failure.kind, client.failure.shown_status) == (kind, status)
    erased = kind in (K.LOGGED_OUT, K.BANNED)
    assert (list(client.stored.rows()) == []) is erased
    assert (len(client.told("session.logged_out")) == 1) is erased
    if not erased:
        assert Account.load(client.stored).linked


def test_the_end_of_a_ban_is_told(client):
    client.connection.send(failure(reason="402", code="104", expire="3600"))
    client.server.run()
    assert client.failure.retry_after_s == 3600.0 and "same message" in client.failure.text


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        ({}, ""),
        ({"logout_message_header": "Sorry"}, ": Sorry"),
        ({"logout_message_subtext": "Write to us"}, ": Write to us"),
        (
            {"logout_message_header": "S" * 300, "logout_message_subtext": "W" * 300},
            f": {'S' * 200}: {'W' * 200}",
        ),
    ],
    ids=["nothing", "header", "subtext", "long"],
)
def test_what_the_person_is_shown_about_a_ban_is_told(client, shown, text):
    client.connection.send(failure(reason="403", **shown))
    client.server.run()
    assert client.failure.text == f"the account is locked or banned{text}"


def test_a_phone_too_old_for_linked_devices_is_told_with_its_number(client):
    client.connection.send(Node("ib", {}, (Node("downgrade_webclient"),)))
    client.server.run()
    (event,) = client.told("pairing.failed")
    assert event["status"] == 411 and "too old" in event["reason"] and client.failure is None


def test_nothing_happens_after_the_end(client):
    client.connection.send(error("503"))
    client.connection.send(Node("notification", {"id": "1", "type": "x", "from": "s.whatsapp.net"}))
    before = len(client.server.heard)
    client.server.run()
    assert len(client.server.heard) == before
    assert client.session.on_timer("keepalive", client.now_s) == []


@pytest.mark.parametrize("data", [b"", b"\0\0\x01x", b"\0\0\x20" + bytes(32), "text"], ids=repr)
def test_what_is_no_frame_of_ours_is_a_protocol_failure_or_waits(client, data):
    client.receive(data)
    assert client.failure is None or client.failure.kind is K.PROTOCOL
    assert (client.failure is None) is (data == b"")


def test_a_certificate_of_another_root_is_refused():
    server = Server()
    client = Client(server, 1)
    other = Server(seed=2)
    server.chain, server.static = other.chain, other.static
    client.open()
    assert client.failure.kind is K.PROTOCOL and "certificate" in client.failure.text
    assert not client.authenticated


def test_a_message_that_ends_the_connection_three_times_is_given_up(client):
    server = client.server
    linked(server, "6281100002")
    server.message = lambda sender, node: sender.connection.send(error("500"))
    for _ in range(3):
        client.send("m1", content("6281100002"))
        assert client.failure.kind is K.UPSTREAM and client.replies[-1].retry
        client.open()
    client.send("m1", content("6281100002"))
    assert "3 times" in client.replies[-1].error and not client.replies[-1].retry
    assert client.failure is None


@pytest.mark.parametrize(
    "page", ['x,"client_revision":1047769893,y', r"\"client_revision\": 1047769893"], ids=["page", "script"]
)
def test_the_revision_is_found(page):
    assert parse_revision(page) == 1_047_769_893


@pytest.mark.parametrize(
    ("page", "error"),
    [
        ("", "names no client revision"),
        ('"client_revision":12345', "names no client revision"),
        ('"client_revision":000000', "revision 0, allowed are 1 to 4294967295"),
        ('"client_revision":4294967296', "revision 4294967296, allowed are 1 to 4294967295"),
        ('"client_revision":999999999999', "revision 999999999999, allowed are 1 to 4294967295"),
    ],
    ids=["no revision", "short", "0", "33 bits", "12 digits"],
)
def test_a_page_without_a_revision_that_can_be_is_refused(page, error):
    with pytest.raises(RemoteProtocolError, match=error):
        parse_revision(page)


@pytest.mark.parametrize("revision", [-1, 0, 2**32])
def test_a_revision_that_cannot_be_is_refused_by_name(revision):
    with pytest.raises(LocalProtocolError, match=f"SessionSettings.revision is {revision}, allowed are 1 to"):
        SessionSettings(revision=revision)


def test_the_highest_revision_fits_the_wire():
    client = Client(Server(), 1, SessionSettings(revision=2**32 - 1))
    client.open()
    assert client.connection.payload.user_agent.app_version.tertiary == 2**32 - 1
