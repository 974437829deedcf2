"""Linking against the simulator: by QR, by code, what comes after, and how it ends."""

import pytest

from core.failures import FailureKind
from tests.interop.cast import Cast, eventually

pytestmark = pytest.mark.interop


def test_baileys_pairs_by_qr_logs_in_and_reconnects(cast: Cast) -> None:
    theirs = cast.theirs()
    me = theirs.client.do("me")
    assert me["id"] == f"{theirs.number}:1@s.whatsapp.net"
    assert me["lid"].startswith(theirs.person.lid)
    theirs.client.do("stop")
    cast.restarted(theirs.client)


def test_baileys_pairs_by_code(cast: Cast) -> None:
    person, client = cast.person(), cast.theirs_unlinked()
    begun = client.start(cast.upstream.url)
    client.event("connection.update", lambda update: update.get("qr"))
    code = client.do("pairing_code", phone=person.number)
    cast.upstream.type_code(person.number, code)
    assert client.closed(begun) == 515
    cast.restarted(client)
    assert client.do("me")["id"].startswith(person.number)


def test_ours_pairs_by_code_and_answers_the_restart(cast: Cast) -> None:
    person, client = cast.person(), cast.ours_unlinked()
    client.start()
    client.event("qr")
    reply = client.invoke("pairing_code", phone=person.number)
    cast.upstream.type_code(person.number, reply.data["code"])
    assert client.closed().kind is FailureKind.RESTART
    client.opened()
    assert client.invoke("account").data["lid"].startswith(person.lid)


def test_a_second_connection_replaces_the_first(cast: Cast) -> None:
    theirs, ours = cast.theirs(), cast.ours()
    begun = len(theirs.client.told.all())
    theirs.client.start(cast.upstream.url)
    assert theirs.client.closed(begun) == 440
    twin = ours.client.twin()
    try:
        twin.start()
        twin.opened()
        failure = ours.client.event("link.closed", lambda one: one.kind is FailureKind.REPLACED)
        assert failure.kind is FailureKind.REPLACED
    finally:
        twin.close()


def test_a_device_that_the_phone_removes_is_logged_out(cast: Cast) -> None:
    theirs, ours = cast.theirs(), cast.ours()
    begun, before = len(theirs.client.told.all()), len(ours.client.told.all())
    for party in (theirs, ours):
        cast.upstream.unlink(party.number, 1)
    assert theirs.client.closed(begun) == 401
    assert ours.client.closed(before).kind is FailureKind.LOGGED_OUT
    ours.client.event("session.logged_out")
    assert ours.client.rows() == {}


@pytest.mark.parametrize("whose", ["theirs", "ours"])
def test_who_logs_out_is_forgotten_and_may_be_linked_again(cast: Cast, whose: str) -> None:
    party = cast.theirs() if whose == "theirs" else cast.ours()
    if whose == "theirs":
        party.client.do("logout")
    else:
        assert party.client.invoke("logout").error is None
    eventually(lambda: cast.upstream.devices(party.number) == [0], "the device is gone")
    again = cast.theirs(party.person) if whose == "theirs" else cast.ours(party.person)
    assert cast.upstream.devices(again.number) == [0, 2]
