"""An instance and its permits: one that lay too long in the mailbox of a paused process is worth nothing."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from instance_bench import Actor, quiet, setup

from core.failures import FailureKind
from core.link_state import LinkState
from core.messages import (
    InstanceReport,
    PermitGranted,
    PermitRequest,
    StopInstance,
    UpstreamBack,
    UpstreamClosed,
)


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


def test_a_refused_version_parks_who_waits_and_says_what_to_do(actor: Actor) -> None:
    actor.receiveMsg_UpstreamClosed(UpstreamClosed("ws://127.0.0.1:9"), "group")
    shown = actor.told(InstanceReport)[-1].snapshot
    assert (shown.link_state, shown.failure_kind) == ("parked", FailureKind.OUTDATED.value)
    assert "update Sambung" in shown.next_step
    actor.receiveMsg_UpstreamBack(UpstreamBack("ws://127.0.0.1:9"), "group")
    assert len(actor.told(PermitRequest)) == 2


@pytest.mark.parametrize(("version", "state"), [("1", LinkState.PARKED), ("2", LinkState.WAITING)])
def test_another_version_of_the_program_tries_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str, state: LinkState
) -> None:
    quiet(monkeypatch)
    for number in ("1", version):
        actor = Actor()
        actor.receiveMsg_ConfigureInstance(setup(tmp_path, version=number), "group")
        assert actor._runtime is not None
        link = actor._runtime.link
        if number == "1":
            actor.receiveMsg_UpstreamClosed(UpstreamClosed("ws://127.0.0.1:9"), "group")
        actor.receiveMsg_StopInstance(StopInstance(purge=False), "group")
    assert link.state is state
