"""How the root restarts its parts: without processes, each message by hand."""

import time
from typing import Any

import pytest

from actors import exits, supervisor
from actors.supervisor import Supervisor
from core.config import Settings
from core.messages import StartRoot

PERIOD_S = 60.0


class Root(Supervisor):
    """When it wants to be woken, in a list."""

    def __init__(self) -> None:
        super().__init__()
        self.delays_s: list[float] = []

    def wake_after(self, delay_s: float, name: str, epoch: int) -> None:
        assert name == "start:registry"
        self.delays_s.append(delay_s)

    def die(self, now_s: float, monkeypatch: pytest.MonkeyPatch) -> float:
        """The registry ends then; the delay of its restart."""
        self._registry = "registry"
        monkeypatch.setattr(time, "monotonic", lambda: now_s)
        self.on_child_exited("registry")
        return self.delays_s[-1]


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(exits, "install", lambda: None)
    monkeypatch.setattr(supervisor.exits, "taken", lambda _: (4711, "killed by SIGKILL"))
    return Root()


def test_deaths_in_a_row_delay_the_restart_more_and_more(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    delays_s = [root.die(1000.0 + number, monkeypatch) for number in range(8)]
    assert delays_s == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]


def test_a_part_whose_process_cannot_be_made_is_tried_again(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_process(_: Any) -> Any:
        raise OSError("Cannot allocate memory")

    root._setup = StartRoot(Settings(), "data", "logs", "host", 0.0)
    monkeypatch.setattr(root, "createActor", no_process)
    root.on_wake("start:registry", 0)
    assert root._registry is None and root.delays_s == [supervisor.REOPEN_S]


def test_deaths_of_long_ago_delay_nothing(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(8):
        root.die(1000.0 + number, monkeypatch)
    assert root.die(1007.0 + PERIOD_S, monkeypatch) == 0.1
    assert [root.die(10_000.0 * times, monkeypatch) for times in range(2, 9)] == [0.1] * 7
