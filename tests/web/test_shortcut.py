"""Which commands go straight to their instance, and what happens when that was wrong."""

from collections.abc import Iterator
from typing import Any

import pytest

from core import messages as m
from core.address import Undelivered
from core.command_messages import REROUTE
from core.snapshot import Fleet
from tests.web.conftest import DEADLINE_S, eventually
from tests.web.fakes import FakeRoot, done, host, refusal, snapshot
from web import shortcut
from web.bridge import Bridge
from web.readmodel import ReadModel

RETRY = m.ForceRetry("r", "a")
RESET = m.ResetBreaker("r", "a")
SUBMIT = m.SubmitMessage("r", "a", "m1", b"x")
RESTART = m.RestartInstance("r", "a")


def fleet(storage_ok: bool = True, **fields: Any) -> Fleet:
    one = snapshot("a", **({"address": "instance a"} | fields))
    return Fleet(0.0, host(storage_ok=storage_ok), {"a": one})


@pytest.mark.parametrize(
    ("known", "command", "expected"),
    [
        (fleet(), RETRY, "instance a"),
        (fleet(), RESET, "instance a"),
        (fleet(), SUBMIT, "instance a"),
        (fleet(), RESTART, None),
        (fleet(), m.RemoveInstance("r", "a"), None),
        (fleet(), m.PingRoot("r"), None),
        (fleet(), m.ForceRetry("r", "unknown"), None),
        (None, RETRY, None),
        (fleet(address=None), RETRY, None),
        (fleet(link_state="quarantined"), RETRY, None),
        (fleet(desired="disconnected"), RETRY, None),
        (fleet(desired="disconnected"), RESET, "instance a"),
        (fleet(storage_ok=False), SUBMIT, None),
        (fleet(storage_ok=False), RETRY, "instance a"),
    ],
)
def test_where_a_command_goes(known: Fleet | None, command: Any, expected: str | None) -> None:
    assert shortcut.address_for(known, command) == expected


class Instances(FakeRoot):
    """A root whose mailbox also reaches instances; `direct` holds what came to them."""

    def __init__(self) -> None:
        super().__init__()
        self.direct: list[tuple[str, Any]] = []
        self.answer_direct: Any = lambda command: done(command, by="instance")

    def tell(self, address: Any, message: Any) -> None:
        if address == self.root:
            return super().tell(address, message)
        assert isinstance(message, m.Direct)
        self.direct.append((address, message.command))
        self.box.put(self.answer_direct(message.command))
        return None


@pytest.fixture
def root() -> Instances:
    one = Instances()
    one.instances["a"] = snapshot("a", address="instance a")
    one.hooks[m.ForceRetry] = lambda command: done(command, by="root")
    return one


@pytest.fixture
def bridge(root: Instances) -> Iterator[Bridge]:
    one = Bridge(lambda: root, ReadModel())
    one.start()
    eventually(lambda: one._model.fleet is not None)
    yield one
    one.close()


def test_the_instance_answers_itself(bridge: Bridge, root: Instances) -> None:
    assert bridge.ask(lambda ref: m.ForceRetry(ref, "a"), DEADLINE_S).data == {"by": "instance"}
    assert root.commands(m.ForceRetry) == []


@pytest.mark.parametrize(
    "come_back",
    [
        lambda command: refusal(command, REROUTE, "ask the root"),
        lambda command: Undelivered(m.Direct(command), "the receiver is gone", gone=True),
    ],
)
def test_the_root_is_asked_when_the_instance_cannot_answer(
    bridge: Bridge, root: Instances, come_back: Any
) -> None:
    root.answer_direct = come_back
    assert bridge.ask(lambda ref: m.ForceRetry(ref, "a"), DEADLINE_S).data == {"by": "root"}
    assert [one.instance_id for one in root.commands(m.ForceRetry)] == ["a"]
