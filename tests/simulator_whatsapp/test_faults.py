"""Faults that do not end a connection: errors and silence instead of answers, held and lost stanzas."""

import pytest

from core.failures import FailureKind
from simulator.whatsapp.knobs import EVERYBODY, Faults
from tests.simulator_whatsapp.driving import BUDI, SITI, World


def put(world: World, who: str, faults: Faults) -> None:
    world.server.parts.knobs.by_device[who] = faults


@pytest.mark.parametrize("error", [463, 479, 404])
def test_an_error_instead_of_an_ack(world: World, error: int) -> None:
    client = world.linked(BUDI)
    world.linked(SITI)
    put(world, f"{BUDI}:1", Faults(ack_error=error, ack_errors=2))
    reply = client.reply(client.ask(SITI, "halo"))
    assert reply is not None and reply.error is not None and str(error) in reply.error
    assert world.person(SITI).texts() == []
    client.send(SITI, "again") if error == 479 else client.ask(SITI, "again")
    client.send(SITI, "at last")
    assert world.person(SITI).texts()[-1] == "at last"


def test_479_once_is_mended_by_asking_anew(world: World) -> None:
    client = world.linked(BUDI)
    world.person(SITI)
    put(world, f"{BUDI}:1", Faults(ack_error=479, ack_errors=1))
    client.send(SITI, "halo")
    assert world.person(SITI).texts() == ["halo"]


def test_a_message_that_is_swallowed_is_not_acknowledged(world: World) -> None:
    client = world.linked(BUDI)
    world.person(SITI)
    put(world, f"{BUDI}:1", Faults(no_acks=1))
    ref = client.ask(SITI, "halo")
    assert client.reply(ref) is None
    world.pass_time(80)
    reply = client.reply(ref)
    assert reply is not None and reply.retry
    assert world.person(SITI).texts() == []


def test_a_message_whose_ack_is_lost_arrives_once_although_it_is_sent_twice(world: World) -> None:
    client, reader = world.linked(BUDI), world.linked(SITI)
    put(world, f"{BUDI}:1", Faults(unacked=1))
    ref = client.ask(SITI, "halo")
    world.pass_time(80)
    first = client.reply(ref)
    assert first is not None and first.retry
    client.replies.clear()
    client._count = 0
    assert client.send(SITI, "halo")
    assert reader.texts() == ["halo"]
    assert world.person(SITI).texts() == ["halo"]


def test_questions_without_answers_end_a_login_in_time(world: World) -> None:
    client = world.linked(BUDI)
    client.close()
    put(world, EVERYBODY, Faults(no_answers=-1))
    client.open()
    world.pass_time(120)
    assert client.failures[-1].kind is FailureKind.TIMEOUT


def test_a_question_that_is_refused(world: World) -> None:
    client = world.linked(BUDI)
    world.person(SITI)
    put(world, f"{BUDI}:1", Faults(iq_error=500, iq_errors=1))
    reply = client.reply(client.ask(SITI, "halo"))
    assert reply is not None and reply.error is not None
    client.send(SITI, "again")
    assert world.person(SITI).texts() == ["again"]


def test_a_message_that_is_lost_is_lost_for_that_device_alone(world: World) -> None:
    client, reader = world.linked(BUDI), world.linked(SITI)
    put(world, f"{SITI}:1", Faults(lost=1))
    client.send(SITI, "one")
    client.send(SITI, "two")
    assert reader.texts() == ["two"]
    assert world.person(SITI).texts() == ["one", "two"]


@pytest.mark.parametrize("backwards", [False, True])
def test_stanzas_that_are_held_come_when_they_are_released(world: World, backwards: bool) -> None:
    client, reader = world.linked(BUDI), world.linked(SITI)
    delivery = world.server.parts.delivery
    spot = world.server.core.accounts.spots(world.person(SITI).account)[1]
    delivery.held.add(spot.key)
    for text in ("one", "two", "three"):
        client.send(SITI, text)
    assert reader.texts() == []
    world.act(lambda: delivery.release(spot, backwards))
    assert reader.texts() == (["three", "two", "one"] if backwards else ["one", "two", "three"])


def test_devices_whose_one_time_keys_are_withheld_are_written_to(world: World) -> None:
    client, reader = world.linked(BUDI), world.linked(SITI)
    world.server.parts.keys.withheld.add(f"{SITI}:1")
    before = len(world.person(SITI).account.devices[1].one_time)
    client.send(SITI, "halo")
    assert reader.texts() == ["halo"]
    assert len(world.person(SITI).account.devices[1].one_time) == before


def test_messages_that_are_slow_come_in_order_and_survive_a_reconnect(world: World) -> None:
    client, reader = world.linked(BUDI), world.linked(SITI)
    put(world, f"{SITI}:1", Faults(delay_s=5))
    client.send(SITI, "one")
    world.pass_time(2)
    client.send(SITI, "two")
    assert reader.texts() == []
    world.pass_time(3)
    assert reader.texts() == ["one"]
    reader.close()
    reader.open()
    assert reader.texts() == ["one", "two"]
    world.pass_time(10)
    assert reader.texts() == ["one", "two"]
