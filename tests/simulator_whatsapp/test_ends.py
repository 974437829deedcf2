"""Every end of a connection (protocol §20), wrong certificates and strange frames, as a session meets them."""

import pytest

from core.failures import FailureKind
from simulator.whatsapp.authority import FLAWS
from simulator.whatsapp.ends import ENDS, NOTICES, REASONS, failure
from simulator.whatsapp.refusals import EVERYBODY, Refusal
from simulator.whatsapp.settings import ServerSettings
from simulator.whatsapp.shaping import WAYS
from tests.simulator_whatsapp.client import Client
from tests.simulator_whatsapp.driving import BUDI, SITI, World
from whatsapp.session_settings import SessionSettings

KIND = FailureKind
ENDING = {
    "restart": KIND.RESTART,
    "replaced": KIND.REPLACED,
    "replaced-409": KIND.REPLACED,
    "replaced-unknown": KIND.REPLACED,
    "removed": KIND.LOGGED_OUT,
    "removed-401": KIND.LOGGED_OUT,
    "removed-516": KIND.LOGGED_OUT,
    "going-away": KIND.UPSTREAM,
    "server-error": KIND.UPSTREAM,
    "malformed": KIND.UPSTREAM,
    "bad-ack": KIND.UPSTREAM,
    "stream-end": KIND.UPSTREAM,
    "closed": None,
    "cut": None,
}
REFUSED = {
    400: KIND.CONFIG,
    401: KIND.LOGGED_OUT,
    402: KIND.TEMP_BANNED,
    403: KIND.BANNED,
    405: KIND.OUTDATED,
    406: KIND.BANNED,
    409: KIND.CONFIG,
    413: KIND.CONFIG,
    414: KIND.CONFIG,
    415: KIND.CONFIG,
    418: KIND.CONFIG,
    500: KIND.UPSTREAM,
    501: KIND.UPSTREAM,
    503: KIND.UPSTREAM,
}


def end(world: World, client: Client, name: str) -> None:
    assert client.link is not None
    link = world.server.core.links[client.link]
    world.act(lambda: world.server.parts.refusals.end(link, name))


def test_every_end_and_every_reason_is_tested() -> None:
    assert set(ENDING) == set(ENDS)
    assert set(REFUSED) == set(REASONS)


@pytest.mark.parametrize("name", ENDING)
def test_a_session_meets_every_end(world: World, name: str) -> None:
    client = world.linked(BUDI)
    client.failures.clear()
    end(world, client, name)
    assert [one.kind for one in client.failures] == ([] if ENDING[name] is None else [ENDING[name]])
    assert client.session.online is (name == "restart")
    assert world.server.core.online(world.person(BUDI).handset.phone.spot) is False


@pytest.mark.parametrize("reason", REFUSED)
def test_a_session_meets_every_refusal_of_a_login_once(world: World, reason: int) -> None:
    client = world.linked(BUDI)
    client.close()
    client.failures.clear()
    world.server.parts.refusals.standing[BUDI] = Refusal(failure(reason), 1)
    client.open()
    assert [(one.kind, one.status) for one in client.failures] == [(REFUSED[reason], reason)]
    assert world.server.parts.refusals.standing == {}


def test_a_temporary_ban_says_why_and_how_long(world: World) -> None:
    client = world.linked(BUDI)
    client.close()
    world.server.parts.refusals.standing[BUDI] = Refusal(failure(402, 101, 3600))
    client.open()
    assert client.failures[-1].retry_after_s == 3600
    assert "too many people" in client.failures[-1].text
    client.open()
    assert client.failures[-1].kind is KIND.TEMP_BANNED


def test_what_a_banned_person_is_shown_arrives(world: World) -> None:
    client = world.linked(BUDI)
    client.close()
    shown = failure(403, header="Account suspended", subtext="Ask for a review")
    world.server.parts.refusals.standing[EVERYBODY] = Refusal(shown)
    client.open()
    assert client.failures[-1].text.endswith(": Account suspended: Ask for a review")


def test_old_clients_are_refused() -> None:
    world = World(settings=ServerSettings(minimum_revision=2_000_000_000))
    client = Client(world, SessionSettings())
    client.open()
    assert client.failures[-1].kind is KIND.OUTDATED
    newer = Client(world, SessionSettings(revision=2_000_000_000))
    newer.open()
    assert newer.told("qr")


def test_a_second_login_replaces_the_first(world: World) -> None:
    first = world.linked(BUDI)
    second = Client(world, first.settings, first.state)
    second.open()
    assert first.failures[-1].kind is KIND.REPLACED
    assert second.session.online and not first.session.online


def test_a_device_with_another_noise_key_is_not_let_in(world: World) -> None:
    budi, siti = world.linked(BUDI), world.linked(SITI)
    siti.close()
    world.person(SITI).account.devices[1].noise = world.person(BUDI).account.devices[1].noise
    siti.open()
    assert siti.failures[-1].kind is KIND.LOGGED_OUT
    assert budi.session.online


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_session_refuses_every_wrong_certificate(world: World, flaw: str) -> None:
    client = Client(world, SessionSettings())
    world.server.parts.certificate_flaw = flaw
    client.open()
    assert client.failures[-1].kind is KIND.PROTOCOL
    assert not client.told("qr")
    world.server.parts.certificate_flaw = None
    client.open()
    assert client.told("qr")


HARMLESS = ("compressed", "halves", "pairs", "bytes")
BREAKING = ("garbage", "garbled-node", "half-frame")


def test_every_shape_of_frames_is_tested() -> None:
    assert {*HARMLESS, *BREAKING} == set(WAYS)


def shape(world: World, client: Client, way: str, count: int) -> None:
    assert client.link is not None
    world.server.core.links[client.link].shaping.set(way, count)


@pytest.mark.parametrize("way", HARMLESS)
def test_a_session_reads_frames_however_they_are_cut(world: World, way: str) -> None:
    client = world.linked(BUDI)
    shape(world, client, way, -1)
    for number in range(4):
        world.act(lambda number=number: world.person(SITI).send_text(BUDI, f"text {number}"))  # type: ignore[misc]
    if way == "pairs":
        # The partner of the last one may still be outstanding.
        shape(world, client, "", 0)
        world.act(lambda: world.person(SITI).send_text(BUDI, "text 4"))
    assert client.texts()[:4] == [f"text {number}" for number in range(4)]


@pytest.mark.parametrize("way", BREAKING)
def test_a_session_gives_a_connection_up_that_cannot_be_read(world: World, way: str) -> None:
    client = world.linked(BUDI)
    shape(world, client, way, 1)
    for text in ("one", "two"):
        world.act(lambda text=text: world.person(SITI).send_text(BUDI, text))  # type: ignore[misc]
    assert client.failures[-1].kind is KIND.PROTOCOL
    client.open()
    assert client.texts() == ["one", "two"]


def test_a_silent_connection_is_noticed(world: World) -> None:
    client = world.linked(BUDI)
    assert client.link is not None
    world.server.parts.refusals.silence(world.server.core.links[client.link])
    world.act(lambda: world.person(SITI).send_text(BUDI, "halo"))
    world.pass_time(120)
    assert client.failures[-1].kind is KIND.TIMEOUT
    client.open()
    assert client.texts() == ["halo"]


def test_a_quiet_connection_stays(world: World) -> None:
    client = world.linked(BUDI)
    world.pass_time(3600)
    assert client.session.online
    assert len(client.failures) == 1


@pytest.mark.parametrize("name", NOTICES)
def test_notices_do_not_end_a_connection(world: World, name: str) -> None:
    client = world.linked(BUDI)
    assert client.link is not None
    link = world.server.core.links[client.link]
    world.act(lambda: link.send(NOTICES[name]))
    assert client.session.online
    assert bool(client.told("pairing.failed")) is (name == "downgrade")
