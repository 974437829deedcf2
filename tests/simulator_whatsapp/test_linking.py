"""Devices are linked, by QR and by code, and unlinked."""

import pytest

from core.failures import FailureKind
from simulator.whatsapp.linking import CannotLink
from tests.simulator_whatsapp.client import Client
from tests.simulator_whatsapp.driving import BUDI, SITI, World
from whatsapp.session_settings import SessionSettings


def test_a_scanned_device_logs_in_after_the_restart(world: World) -> None:
    client = world.linked(BUDI)
    account = world.person(BUDI).account
    assert [failure.kind for failure in client.failures] == [FailureKind.RESTART]
    assert client.told("session.linked")[0]["jid"] == f"{BUDI}:1@s.whatsapp.net"
    assert client.told("session.linked")[0]["lid"] == f"{account.lid}:1@lid"
    assert account.devices[1].name == "Sambung"
    assert len(account.devices[1].one_time) == 20


def test_every_ref_that_is_shown_can_be_scanned(world: World) -> None:
    client = Client(world, SessionSettings(first_upload=20))
    client.open()
    world.pass_time(85)
    assert len(client.told("qr")) == 3
    world.act(lambda: world.person(BUDI).scan(client.qr()))
    assert client.session.online


def test_a_ref_that_is_no_longer_shown_cannot_be_scanned(world: World) -> None:
    client = Client(world, SessionSettings())
    client.open()
    first = client.qr()
    world.pass_time(59)
    shown = [event["text"] for event in client.told("qr")]
    assert shown == [first]
    world.pass_time(2)
    with pytest.raises(CannotLink, match="the code is too old"):
        world.person(BUDI).scan(first)
    world.act(lambda: world.person(BUDI).scan(client.qr()))
    assert client.session.online


def test_new_refs_come_with_a_new_connection(world: World) -> None:
    client = Client(world, SessionSettings())
    client.open()
    world.pass_time(170)
    assert client.failures and len(client.told("qr")) == 6
    last = client.qr()
    client.open()
    with pytest.raises(CannotLink):
        world.person(BUDI).scan(last)
    world.act(lambda: world.person(BUDI).scan(client.qr()))
    assert client.session.online


def test_a_pairing_code_lives_as_long_as_the_refs(world: World) -> None:
    """Also for a client that does not close when its refs are used up."""
    person = world.person(BUDI)
    client = Client(world, SessionSettings())
    client.open()
    code = client.invoke("pairing_code", phone=f"+{BUDI}").data["code"]
    world.now_s += 161
    with pytest.raises(CannotLink, match="the code is too old"):
        person.type_code(code)


def test_a_code_of_a_connection_that_is_gone_cannot_be_scanned(world: World) -> None:
    client = Client(world, SessionSettings())
    client.open()
    old = client.qr()
    client.close()
    client.open()
    with pytest.raises(CannotLink, match="no connected device shows this code"):
        world.person(BUDI).scan(old)


@pytest.mark.parametrize(
    "text", ["hello", "a,b,c,d", "https://wa.me/settings/linked_devices#1,AA==,AA==,AA==,1"]
)
def test_what_is_no_code_cannot_be_scanned(world: World, text: str) -> None:
    with pytest.raises(CannotLink):
        world.person(BUDI).scan(text)


@pytest.mark.parametrize(("flaw", "why"), [("hmac", "HMAC"), ("signature", "account signature")])
def test_a_device_refuses_an_identity_that_is_wrong(world: World, flaw: str, why: str) -> None:
    client = Client(world, SessionSettings())
    client.open()
    world.act(lambda: world.person(BUDI).scan(client.qr(), flaw))
    assert why in client.told("pairing.failed")[0]["reason"]
    assert list(world.person(BUDI).account.devices) == [0]
    world.act(lambda: world.person(BUDI).scan(client.qr()))
    assert client.session.online


def test_an_account_with_a_passkey_cannot_be_linked(world: World) -> None:
    client = Client(world, SessionSettings())
    client.open()
    with pytest.raises(CannotLink):
        world.person(BUDI).scan(client.qr(), "passkey")
    world.run()
    assert "passkey" in client.told("pairing.failed")[0]["reason"]


def test_a_code_that_is_typed_links(world: World) -> None:
    person = world.person(BUDI)
    client = Client(world, SessionSettings(first_upload=20))
    client.open()
    code = client.invoke("pairing_code", phone=f"+{BUDI}").data["code"]
    world.act(lambda: person.type_code(code.lower()))
    assert client.session.online
    assert list(person.account.devices) == [0, 1]


def test_a_code_that_is_typed_wrongly_does_not_link(world: World) -> None:
    person = world.person(BUDI)
    client = Client(world, SessionSettings())
    client.open()
    code = client.invoke("pairing_code", phone=BUDI).data["code"]
    wrong = ("1" if code[0] != "1" else "2") + code[1:]
    world.act(lambda: person.type_code(wrong))
    assert client.told("pairing.failed") and not client.session.online
    assert list(person.account.devices) == [0]


def test_no_code_can_be_typed_that_nobody_shows(world: World) -> None:
    with pytest.raises(CannotLink, match="no device waits"):
        world.person(BUDI).type_code("ABCD-EFGH")


def test_a_code_for_a_number_without_account_is_refused(world: World) -> None:
    client = Client(world, SessionSettings())
    client.open()
    reply = client.invoke("pairing_code", phone=SITI)
    assert reply.error is not None and "item-not-found" in reply.error


def test_a_device_that_is_unlinked_on_the_phone_is_told(world: World) -> None:
    client = world.linked(BUDI)
    world.act(lambda: world.person(BUDI).unlink(1))
    assert client.failures[-1].kind is FailureKind.LOGGED_OUT
    assert client.told("session.logged_out")
    assert list(world.person(BUDI).account.devices) == [0]


def test_a_device_that_was_unlinked_while_away_cannot_log_in(world: World) -> None:
    client = world.linked(BUDI)
    client.close()
    world.act(lambda: world.person(BUDI).unlink(1))
    client.open()
    assert client.failures[-1].kind is FailureKind.LOGGED_OUT
    assert client.failures[-1].status == 401


def test_a_device_logs_itself_out(world: World) -> None:
    client = world.linked(BUDI)
    assert client.invoke("logout").error is None
    assert list(world.person(BUDI).account.devices) == [0]


def test_a_second_device_gets_a_number_of_its_own(world: World) -> None:
    first, second = world.linked(BUDI), world.linked(BUDI)
    assert sorted(world.person(BUDI).account.devices) == [0, 1, 2]
    world.act(lambda: world.person(BUDI).unlink(1))
    third = world.linked(BUDI)
    assert sorted(world.person(BUDI).account.devices) == [0, 2, 3]
    assert not first.session.online and second.session.online and third.session.online
