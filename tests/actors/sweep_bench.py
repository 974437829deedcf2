"""A root that sweeps, without processes: what it sends, logs and waits for, and what its parts answer."""

from typing import Any

import pytest

from actors import exits
from actors.root_sweep import RootSweep
from core.messages import JournalSwept, RegistrySwept, SweepJournal
from core.sweeps import Sweep
from store import logs


class Root(RootSweep):
    """What it sends and when it wants to be woken, in lists."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[Any, Any]] = []
        self.wakes: list[tuple[float, str, int]] = []
        self._registry, self._journal, self._loaded = "registry", "journal", True

    def send(self, address: Any, message: Any) -> None:
        self.sent.append((address, message))

    def wake_after(self, delay_s: float, name: str, epoch: int) -> None:
        self.wakes.append((delay_s, name, epoch))

    def wake(self, name: str) -> None:
        """The last wake-up of this name is due."""
        _, _, epoch = next(one for one in reversed(self.wakes) if one[1] == name)
        self.on_wake(name, epoch)

    def told(self, kind: type) -> list[Any]:
        return [message for _, message in self.sent if isinstance(message, kind)]

    def sweep(self) -> Sweep:
        assert self._last_sweep is not None
        return self._last_sweep


def sweeping(monkeypatch: pytest.MonkeyPatch) -> Root:
    """A root that waits for its first sweep, with everything it logs in a list."""
    monkeypatch.setattr(exits, "install", lambda: None)
    logged: list[tuple[Any, ...]] = []
    monkeypatch.setattr(logs, "log_event", lambda *args, **fields: logged.append((*args, fields)))
    one = Root()
    one.logged = logged  # type: ignore[attr-defined]
    one._begin_sweeping()
    return one


def events(root: Root, name: str) -> list[Any]:
    return [one for one in root.logged if one[0] == name]  # type: ignore[attr-defined]


def answer(root: Root, orphans: tuple[str, ...] = (), events: int = 0, problem: str = "") -> None:
    number = root.told(SweepJournal)[-1].number
    root.receiveMsg_RegistrySwept(RegistrySwept(number, orphans, 1, 2, problem), "registry")
    root.receiveMsg_JournalSwept(JournalSwept(number, events), "journal")
