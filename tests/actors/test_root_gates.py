"""The root's gates and what groups are told of them: each message by hand."""

from dataclasses import replace
from typing import Any

import pytest
from group_bench import Group, configured

from actors import exits, root_gates
from actors.root_gates import RootGates
from core.failures import FailureKind
from core.instances import Desired, InstanceConfig, upstream_key
from core.messages import (
    DialEnded,
    PermitGranted,
    PermitHeld,
    PermitRequest,
    PlaceInstance,
    UpdateInstance,
    UpstreamBack,
    UpstreamClosed,
)
from core.records import InstanceRecord
from core.snapshot import InstanceSnapshot

CONFIG = InstanceConfig(url="ws://127.0.0.1:9/ws")
KEY = upstream_key(CONFIG)
RECORD = InstanceRecord("a", CONFIG, Desired.CONNECTED)


class Root(RootGates):
    """What it sends, by receiver."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[Any, Any]] = []
        self.logged: list[str] = []
        self._registry, self._loaded = "registry", True
        self._groups = {"g1": "group 1", "g2": "group 2"}
        self._records["a"] = RECORD
        self._places.homes["a"] = "g1"

    def send(self, address: Any, message: Any) -> None:
        self.sent.append((address, message))

    def wake_after(self, delay_s: float, name: str, epoch: int) -> None:
        pass

    def dial_ended(self, instance_id: str, failed: FailureKind | None) -> None:
        self.receiveMsg_DialEnded(DialEnded(instance_id, KEY, failed), "group 1")

    def answer(self) -> Any:
        """To a request of instance a."""
        self.receiveMsg_PermitRequest(PermitRequest("a", KEY, 1, probe=False), "group 1")
        return self.sent[-1]


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> Root:
    monkeypatch.setattr(exits, "install", lambda: None)
    made = Root()
    monkeypatch.setattr(root_gates.logs, "log_event", lambda _event, text, *_, **__: made.logged.append(text))
    return made


def test_all_groups_learn_that_a_version_is_refused_and_who_asks_later_too(root: Root) -> None:
    root.dial_ended("b", FailureKind.OUTDATED)
    assert root.sent == [("group 1", UpstreamClosed(KEY)), ("group 2", UpstreamClosed(KEY))]
    assert root.logged == [f"Upstream {KEY}: closed"]
    assert root.answer() == ("group 1", UpstreamClosed(KEY, "a"))
    root.dial_ended("c", FailureKind.OUTDATED)
    assert len(root.logged) == 1, "one alert"


@pytest.mark.parametrize(("changed", "answer"), [(True, PermitGranted), (False, UpstreamClosed)])
def test_a_changed_configuration_is_tried(root: Root, changed: bool, answer: type) -> None:
    root.dial_ended("b", FailureKind.OUTDATED)
    config = replace(CONFIG, headers={"X-Version": "2"}) if changed else CONFIG
    root.receiveMsg_UpdateInstance(UpdateInstance("r1", "a", config, Desired.DISCONNECTED), "web")
    assert isinstance(root.answer()[1], answer)


def test_who_was_parked_for_the_version_is_told_when_somebody_is_let_in(root: Root) -> None:
    root._feed.put(
        InstanceSnapshot("p", 0.0, CONFIG, "connected", link_state="parked", failure_kind="outdated")
    )
    root._gate.reopen(KEY, 0.0)
    root.dial_ended("a", None)
    assert root.sent == [("group 1", UpstreamBack(KEY)), ("group 2", UpstreamBack(KEY))]


def test_the_log_says_when_an_upstream_is_up_again(root: Root) -> None:
    for name in "bcd":
        root.dial_ended(name, FailureKind.NETWORK)
    assert isinstance(root.answer()[1], PermitHeld)
    root.dial_ended("b", None)
    root._gate.forget("a")
    root._release_permits()
    assert root.logged == [f"Upstream {KEY}: {state}" for state in ("down", "recovering", "up")]


def test_a_group_tells_the_instances_of_that_upstream_or_the_one_that_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    group: Group = configured(monkeypatch)
    elsewhere = replace(CONFIG, url="ws://127.0.0.1:8/ws")
    for name, config in (("a", CONFIG), ("b", CONFIG), ("c", elsewhere)):
        group.receiveMsg_PlaceInstance(
            PlaceInstance(replace(RECORD, instance_id=name, config=config)), "root"
        )
    group.receiveMsg_UpstreamClosed(UpstreamClosed(KEY), "root")
    assert group.told(UpstreamClosed) == [UpstreamClosed(KEY)] * 2
    group.receiveMsg_UpstreamClosed(UpstreamClosed(KEY, "a"), "root")
    assert group.told(UpstreamClosed)[2:] == [UpstreamClosed(KEY, "a")]
