"""A server that comes back with what it saved: nobody notices more than a lost connection."""

from tests.simulator_whatsapp.driving import AGUS, BUDI, SITI, World


def test_accounts_devices_and_keys_outlive_the_server(world: World) -> None:
    one, other = world.linked(BUDI), world.linked(SITI)
    one.send(SITI, "before")
    root, keys = world.server.root_key, dict(world.person(SITI).account.devices[1].one_time)
    world.restart_server()
    assert world.server.root_key == root
    assert world.person(SITI).account.devices[1].one_time == keys
    one.open()
    other.open()
    one.send(SITI, "after")
    assert other.texts() == ["before", "after"]
    assert world.person(SITI).texts() == ["before", "after"]


def test_what_waited_for_a_device_waits_on(world: World) -> None:
    one, other = world.linked(BUDI), world.linked(SITI)
    other.close()
    for number in range(12):
        one.send(SITI, f"text {number}")
    world.restart_server()
    one.open()
    one.send(SITI, "text 12")
    other.open()
    assert other.texts() == [f"text {number}" for number in range(13)]
    world.restart_server()
    other.open()
    assert len(other.texts()) == 13


def test_a_phone_goes_on_where_it_was(world: World) -> None:
    one = world.linked(BUDI)
    world.act(lambda: world.person(SITI).send_text(BUDI, "before"))
    one.send(SITI, "answer")
    world.restart_server()
    one.open()
    world.act(lambda: world.person(SITI).send_text(BUDI, "after"))
    one.send(SITI, "answer to that")
    assert one.texts() == ["before", "after"]
    assert world.person(SITI).texts() == ["answer", "answer to that"]


def test_groups_and_names_outlive_the_server(world: World) -> None:
    one, other = world.linked(BUDI), world.linked(SITI)
    world.person(AGUS)
    group = world.act(lambda: world.person(BUDI).create_group("Warung", [SITI, AGUS]))
    one.send(group, "before")
    world.restart_server()
    one.open()
    other.open()
    one.send(group, "after")
    assert other.texts() == ["before", "after"]
    assert world.person(AGUS).texts() == ["before", "after"]
    assert world.person(BUDI).account.name == f"name of {BUDI}"


def test_device_numbers_are_not_used_again_after_a_restart(world: World) -> None:
    world.linked(BUDI)
    world.act(lambda: world.person(BUDI).unlink(1))
    world.restart_server()
    world.linked(BUDI)
    assert sorted(world.person(BUDI).account.devices) == [0, 2]


def test_nothing_is_left_of_a_device_that_was_unlinked(world: World) -> None:
    world.linked(BUDI).close()
    world.act(lambda: world.person(SITI).send_text(BUDI, "halo"))
    world.act(lambda: world.person(BUDI).unlink(1))
    spaces = {space for space, key in world.saved if f"{BUDI}:1" in (space.partition(":")[2], key)}
    assert spaces == set()
