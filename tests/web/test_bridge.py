"""One thread to the actors: answers reach who asked, late ones nobody, and a death is survived."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from core import messages as m
from tests.web.conftest import DEADLINE_S, eventually
from tests.web.fakes import FakeRoot, done, snapshot
from web import bridge as bridge_module
from web import pulse
from web.bridge import Bridge
from web.mailbox import Timeout, Unavailable
from web.readmodel import ReadModel


class Connector:
    """Gives out roots in turn; `fail` makes connecting fail."""

    def __init__(self) -> None:
        self.root = FakeRoot()
        self.fail = False
        self.calls = 0

    def __call__(self) -> FakeRoot:
        self.calls += 1
        if self.fail:
            raise ConnectionRefusedError("no actors here")
        return self.root


@pytest.fixture
def connector() -> Connector:
    return Connector()


@pytest.fixture
def bridge(connector: Connector, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bridge]:
    monkeypatch.setattr(bridge_module, "BACKOFF_S", (0.01,))
    one = Bridge(connector, ReadModel())
    one.start()
    yield one
    one.close()


def retry(instance_id: str = "a") -> Callable[[str], Any]:
    return lambda ref: m.ForceRetry(ref, instance_id)


def test_an_answer_reaches_who_asked(bridge: Bridge, connector: Connector) -> None:
    connector.root.hooks[m.ForceRetry] = lambda command: done(command, of=command.instance_id)
    eventually(lambda: bridge.connected)
    assert bridge.ask(retry("toko1"), DEADLINE_S).data == {"of": "toko1"}


def test_32_threads_each_get_their_own_answer(bridge: Bridge, connector: Connector) -> None:
    connector.root.hooks[m.ForceRetry] = lambda command: done(command, of=command.instance_id)
    eventually(lambda: bridge.connected)

    def ask_many(thread: int) -> list[tuple[str, Any]]:
        names = [f"i{thread}-{number}" for number in range(25)]
        return [(name, bridge.ask(retry(name), DEADLINE_S).data["of"]) for name in names]

    with ThreadPoolExecutor(32) as pool:
        pairs = [pair for result in pool.map(ask_many, range(32)) for pair in result]
    assert len(pairs) == 800
    assert all(asked == answered for asked, answered in pairs)


def test_no_answer_is_a_timeout(bridge: Bridge, connector: Connector) -> None:
    connector.root.hooks[m.ForceRetry] = lambda _command: None
    eventually(lambda: bridge.connected)
    with pytest.raises(Timeout, match="does not answer in time"):
        bridge.ask(retry(), 0.05)


def test_a_late_answer_is_dropped_and_never_mistaken_for_another(
    bridge: Bridge, connector: Connector
) -> None:
    held: list[m.ForceRetry] = []

    def hold(command: m.ForceRetry) -> m.CommandReply | None:
        held.append(command)
        return None

    connector.root.hooks[m.ForceRetry] = hold
    eventually(lambda: bridge.connected)
    with pytest.raises(Timeout):
        bridge.ask(retry("slow"), 0.05)

    def answer_the_old_one_first(command: m.ForceRetry) -> m.CommandReply:
        connector.root.box.put(done(held[0], of="slow"))
        return done(command, of=command.instance_id)

    connector.root.hooks[m.ForceRetry] = answer_the_old_one_first
    for name in ("b", "c", "d"):
        assert bridge.ask(retry(name), DEADLINE_S).data == {"of": name}


def test_an_answer_that_comes_twice_is_harmless(bridge: Bridge, connector: Connector) -> None:
    def twice(command: m.ForceRetry) -> m.CommandReply:
        connector.root.box.put(done(command, of=command.instance_id))
        return done(command, of=command.instance_id)

    connector.root.hooks[m.ForceRetry] = twice
    eventually(lambda: bridge.connected)
    assert [bridge.ask(retry(name), DEADLINE_S).data["of"] for name in "abc"] == ["a", "b", "c"]


def test_asking_without_actors_fails_at_once(connector: Connector) -> None:
    connector.fail = True
    bridge = Bridge(connector, ReadModel())
    bridge.start()
    started_s = time.monotonic()
    with pytest.raises(Unavailable):
        bridge.ask(retry(), DEADLINE_S)
    assert time.monotonic() - started_s < DEADLINE_S / 2
    bridge.close()


def test_it_connects_as_soon_as_the_actors_are_there(
    connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridge_module, "BACKOFF_S", (0.01,))
    connector.fail = True
    bridge = Bridge(connector, ReadModel())
    bridge.start()
    eventually(lambda: connector.calls >= 3)
    connector.fail = False
    eventually(lambda: bridge.connected)
    bridge.close()


def test_the_death_of_the_actors_fails_what_is_under_way_and_is_survived(
    bridge: Bridge, connector: Connector
) -> None:
    first = connector.root
    eventually(lambda: bridge._model.fleet is not None)
    first.put(snapshot("a"))
    eventually(lambda: bridge._model.instance("a") is not None)
    first.hooks[m.ForceRetry] = lambda _command: None
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(bridge.ask, retry(), DEADLINE_S)
        eventually(lambda: bool(first.commands(m.ForceRetry)))
        connector.root = second = FakeRoot()
        second.feed = "feed-2"
        second.instances["b"] = snapshot("b")
        first.broken = BrokenPipeError("the admin is gone")
        first.wake()
        with pytest.raises(Unavailable):
            waiting.result(DEADLINE_S)
    eventually(lambda: bridge._model.instance("b") is not None)
    assert bridge._model.instance("a") is None
    assert second.commands(m.Subscribe)[0].have_seq == 0


def test_reads_go_on_while_the_actors_are_gone(bridge: Bridge, connector: Connector) -> None:
    eventually(lambda: bridge._model.fleet is not None)
    connector.root.put(snapshot("a"))
    eventually(lambda: bridge._model.instance("a") is not None and bridge._model.root_ready is True)
    connector.fail = True
    connector.root.broken = OSError("gone")
    connector.root.wake()
    eventually(lambda: not bridge.connected)
    eventually(lambda: bridge._model.root_ready is False)
    assert bridge._model.instance("a") is not None
    assert bridge._model.age_s() is not None


def test_a_lost_push_is_repaired_by_a_full_snapshot(bridge: Bridge, connector: Connector) -> None:
    root = connector.root
    eventually(lambda: bridge._model.fleet is not None)
    root.instances["lost"] = snapshot("lost")
    root.seq += 1  # this push never arrived
    root.put(snapshot("next"))
    eventually(lambda: bridge._model.instance("lost") is not None)
    assert bridge._model.instance("next") is not None
    assert [one.have_seq for one in root.commands(m.Subscribe)] == [0, 0]


def test_the_subscription_is_renewed_with_the_last_number(
    connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "RENEW_S", 0.05)
    bridge = Bridge(connector, ReadModel())
    bridge.start()
    eventually(lambda: bridge._model.fleet is not None)
    connector.root.put(snapshot("a"))
    eventually(lambda: 1 in {one.have_seq for one in connector.root.commands(m.Subscribe)})
    bridge.close()


def test_a_root_that_falls_silent_is_left(
    bridge: Bridge, connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    eventually(lambda: bridge._model.fleet is not None)
    silent = connector.root
    silent.hooks |= {m.Subscribe: lambda _: None, m.PingRoot: lambda _: None}
    connector.root = FakeRoot()
    monkeypatch.setattr(pulse, "QUIET_S", 0.05)
    monkeypatch.setattr(pulse, "SILENCE_S", 0.2)
    silent.wake()
    eventually(lambda: bool(connector.root.commands(m.Subscribe)))
    assert bridge.connected


def test_journal_numbers_reach_the_model(bridge: Bridge, connector: Connector) -> None:
    connector.root.box.put(m.JournalAdvanced(42))
    eventually(lambda: bridge._model.journal_number == 42)


def test_an_unknown_message_is_ignored(bridge: Bridge, connector: Connector) -> None:
    connector.root.box.put("what?")
    eventually(lambda: bridge.connected)
    assert bridge.ask(retry("x"), DEADLINE_S).code == "instance_not_found"


def test_closing_fails_what_is_under_way(bridge: Bridge, connector: Connector) -> None:
    connector.root.hooks[m.ForceRetry] = lambda _command: None
    eventually(lambda: bridge.connected)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(bridge.ask, retry(), DEADLINE_S)
        eventually(lambda: bool(connector.root.commands(m.ForceRetry)))
        bridge.close()
        with pytest.raises(Unavailable):
            waiting.result(DEADLINE_S)
    with pytest.raises(Unavailable):
        bridge.ask(retry(), 1.0)


def test_the_mailbox_is_used_by_one_thread_only(bridge: Bridge, connector: Connector) -> None:
    users: set[int] = set()
    for name in ("tell", "listen"):
        original = getattr(connector.root, name)

        def spied(*args: Any, original: Callable[..., Any] = original) -> Any:
            users.add(threading.get_ident())
            return original(*args)

        setattr(connector.root, name, spied)
    eventually(lambda: bridge.connected)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: bridge.ask(retry(f"i{n}"), DEADLINE_S), range(64)))
    assert len(users) == 1
