"""An instance and its permits: one that lay too long in the mailbox of a paused process is worth nothing."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from instance_bench import Actor, quiet, setup

from core.link_state import LinkState
from core.messages import PermitGranted, PermitRequest, StopInstance


@pytest.fixture
def actor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Actor]:
    quiet(monkeypatch)
    made = Actor()
    made.receiveMsg_ConfigureInstance(setup(tmp_path), "group")
    yield made
    made.receiveMsg_StopInstance(StopInstance(purge=False), "group")


def test_a_permit_is_used_until_it_ends_and_asked_for_again_afterwards(actor: Actor) -> None:
    [asked] = actor.told(PermitRequest)
    actor.receiveMsg_PermitGranted(PermitGranted("toko1", asked.epoch, time.monotonic() - 0.1), "group")
    assert actor.told(PermitRequest) == [asked, asked]
    actor.receiveMsg_PermitGranted(PermitGranted("toko1", asked.epoch, time.monotonic() + 25.0), "group")
    assert actor._runtime is not None
    assert actor._runtime.link.state is LinkState.DIALLING
