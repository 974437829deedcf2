"""The server as a process: real sockets, the control API, and its own restart."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.failures import FailureKind
from simulator.call import call
from simulator.whatsapp.client import SimulatorError, WhatsApp
from tests.simulator_whatsapp.dialling import Dialler, linked, sent, until

BUDI, SITI, AGUS = "6281234567801", "6281234567802", "6281234567803"


@pytest.fixture(scope="module")
def running() -> Iterator[WhatsApp]:
    with WhatsApp.spawn() as whatsapp:
        yield whatsapp


@pytest.fixture
def whatsapp(running: WhatsApp) -> Iterator[WhatsApp]:
    """The module's server; tests use numbers of their own."""
    yield running
    assert running.errors() == []
    assert running.complaints() == []


def test_two_sessions_and_their_phones_write_to_each_other(whatsapp: WhatsApp) -> None:
    budi, siti = whatsapp.phone(BUDI, name="Budi"), whatsapp.phone(SITI, name="Siti")
    one, other = linked(whatsapp, BUDI), linked(whatsapp, SITI)
    sent(one, SITI, "halo", other)
    until(lambda: other.texts() == ["halo"], one, other)
    siti.wait_inbox(lambda entry: entry.get("text") == "halo")
    budi.send_text(SITI, "from the phone")
    until(lambda: other.texts() == ["halo", "from the phone"], one, other)
    assert siti.texts() == ["halo", "from the phone"]
    assert other.told("message.received")[0]["push_name"] == "Budi"
    group = siti.create_group("Warung", [BUDI])
    sent(one, group, "in the group", other)
    until(lambda: other.texts()[-1] == "in the group", one, other)
    assert any("<message" in seen["stanza"] for seen in whatsapp.stanzas())
    one.close()
    other.close()


def test_ends_and_refusals_over_the_control_api(whatsapp: WhatsApp) -> None:
    phone = whatsapp.phone("6281234567811")
    dialler = linked(whatsapp, phone.number)
    phone.end(1, "going-away")
    until(lambda: dialler.socket is None, dialler)
    assert dialler.failure is not None and dialler.failure.status == 503
    phone.refuse(402, code=101, expire_s=60, times=1)
    dialler.dial()
    until(lambda: dialler.socket is None, dialler)
    assert dialler.failure.kind is FailureKind.TEMP_BANNED
    dialler.dial()
    until(lambda: dialler.session.online, dialler)
    phone.end(1, "cut")
    until(lambda: dialler.socket is None, dialler)
    assert dialler.failure is None
    dialler.dial()
    until(lambda: dialler.session.online, dialler)
    phone.unlink(1)
    until(lambda: dialler.socket is None, dialler)
    assert dialler.failure.kind is FailureKind.LOGGED_OUT
    whatsapp.refuse_all(403, header="Account suspended", subtext="Ask for a review", times=1)
    dialler.dial()
    until(lambda: dialler.socket is None, dialler)
    assert dialler.failure.text.endswith(": Account suspended: Ask for a review")


def test_faults_over_the_control_api(whatsapp: WhatsApp) -> None:
    phone = whatsapp.phone("6281234567812")
    dialler = linked(whatsapp, phone.number)
    phone.set_faults(1, corrupt=1)
    whatsapp.phone("6281234567813").send_text(phone.number, "damaged")
    until(lambda: dialler.texts() == ["damaged"], dialler)
    phone.clear_faults(1)
    phone.hold(1)
    phone.frames(1, "bytes", 2)
    for text in ("one", "two"):
        whatsapp.phone("6281234567813").send_text(phone.number, text)
    phone.release(1, backwards=True)
    until(lambda: dialler.texts() == ["damaged", "two", "one"], dialler)
    phone.keys(1, dropped=True)
    assert (phone.device(1) or {})["one_time_keys"] == 0
    phone.silence(1)
    stages = {link["who"]: link["stage"] for link in whatsapp.links()}
    assert stages[f"{phone.number}:1"] == "silent"
    dialler.close()


def test_dials_are_refused_on_the_http_level() -> None:
    with WhatsApp.spawn() as whatsapp:
        whatsapp.upgrade(429)
        assert Dialler(whatsapp).dial().status == 429
        whatsapp.upgrade()
        whatsapp.settings(minimum_revision=2_000_000_000)
        old = Dialler(whatsapp).dial()
        until(lambda: old.socket is None, old)
        assert old.failure is not None and old.failure.kind is FailureKind.OUTDATED
        whatsapp.settings(minimum_revision=0)
        whatsapp.certificates("expired")
        wary = Dialler(whatsapp).dial()
        until(lambda: wary.failure, wary)
        assert wary.failure is not None and wary.failure.kind is FailureKind.PROTOCOL
        wary.close()


def test_a_server_that_comes_back_goes_on(tmp_path: Path) -> None:
    with WhatsApp.spawn(folder=tmp_path) as whatsapp:
        one, other = linked(whatsapp, BUDI), linked(whatsapp, SITI)
        other.close()
        sent(one, SITI, "before")
        port = int(whatsapp.url.split(":")[2].partition("/")[0])
        root = whatsapp.root_key
    until(lambda: one.socket is None, one)
    with WhatsApp.spawn(folder=tmp_path, port=port) as again:
        assert again.root_key == root
        one.dial()
        other.dial()
        until(lambda: one.session.online and other.texts() == ["before"], one, other)
        sent(one, SITI, "after", other)
        until(lambda: other.texts() == ["before", "after"], one, other)
        assert again.phone(SITI).texts() == ["before", "after"]
        assert again.errors() == []
        one.close()
        other.close()


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/accounts/1", None, 404),
        ("PUT", "/accounts/12", {}, 400),
        ("PUT", "/accounts/6281234567820", {"colour": "red"}, 400),
        ("POST", "/accounts/6281234567821/scan", {"qr": "nothing"}, 400),
        ("POST", "/accounts/6281234567821/code", {"code": "12345678"}, 400),
        ("POST", "/accounts/6281234567821/texts", {"to": "x@g.us", "text": "halo"}, 400),
        ("POST", "/accounts/6281234567821/groups", {"subject": "x", "members": ["1"]}, 400),
        ("DELETE", "/accounts/6281234567821/devices/0", None, 400),
        ("DELETE", "/accounts/6281234567821/devices/9", None, 404),
        ("POST", "/accounts/6281234567821/devices/0/end", {"how": "cut"}, 404),
        ("POST", "/links/999/end", {"how": "cut"}, 404),
        ("POST", "/links/999/end", {"how": "gently"}, 400),
        ("DELETE", "/faults/x", None, 404),
        ("PUT", "/upgrade", {"status": 299}, 400),
    ],
)
def test_what_cannot_be_is_said(
    whatsapp: WhatsApp, method: str, path: str, body: object, status: int
) -> None:
    whatsapp.phone("6281234567821")
    with pytest.raises(SimulatorError) as raised:
        call(whatsapp.control_url, method, path, body)
    assert raised.value.status == status
