"""The base of every actor has private methods that are called at every message: nobody may replace one by accident."""

from collections.abc import Iterator

import pytest

from actors import group, instance, journal, registry, supervisor
from actors.base import BaseActor

PRIVATE = {name for name in vars(BaseActor) if name.startswith("_") and not name.endswith("__")}


def below(cls: type) -> Iterator[type]:
    for one in cls.__subclasses__():
        yield one
        yield from below(one)


def test_the_actors_are_known() -> None:
    actors = {
        group.GroupSupervisor,
        instance.InstanceActor,
        journal.JournalActor,
        registry.RegistryActor,
        supervisor.Supervisor,
    }
    assert actors <= set(below(BaseActor))


@pytest.mark.parametrize("actor", sorted(set(below(BaseActor)), key=lambda cls: cls.__qualname__))
def test_no_actor_overrides_a_private_method_of_the_base(actor: type) -> None:
    """A timer's handler of that name once ran at every message and set a new timer each time."""
    assert PRIVATE & set(vars(actor)) == set()
