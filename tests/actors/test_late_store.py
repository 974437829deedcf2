"""A store that answers when it likes: what a protocol wanted of one connection never happens on another."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from runtime_bench import Bench, LateStore, bench, message

from actors.ports import Answer
from actors.transport import Lost, Opened, Received
from core import link_events as events
from core.effects import Authenticated, Change, Disconnected, Persist, ProtocolEffect, Reply, Send, WakeAt
from core.failures import Failure, FailureKind
from core.link_state import LinkState
from core.messages import CommandReply
from core.protocol import Command, Endpoint, SendContent

RESET = Failure(FailureKind.NETWORK, "reset")


@dataclass
class Marking:
    """A protocol whose every effect names the connection it was decided for.

    `wanted`: by what is received, the effects behind a Persist. `fired`: timers, with the connection they came to.
    """

    connection: int = 0
    live: bool = False
    fired: list[tuple[str, int]] = field(default_factory=list)

    def endpoint(self) -> Endpoint:
        return Endpoint("ws://127.0.0.1:1/")

    def on_open(self, now_s: float) -> list[ProtocolEffect]:
        self.connection, self.live = self.connection + 1, True
        return [Persist((Change("s", "opened", b"1"),))]

    def on_message(self, data: bytes | str, now_s: float) -> list[ProtocolEffect]:
        wanted: dict[str, ProtocolEffect] = {
            "send": Send(f"from {self.connection}".encode()),
            "wake": WakeAt(f"of {self.connection}", now_s + 5),
            "login": Authenticated(),
            "logout": Disconnected(Failure(FailureKind.LOGGED_OUT, f"by {self.connection}")),
        }
        return [Persist((Change("s", str(data), b"1"),)), wanted[str(data)]]

    def on_timer(self, name: str, now_s: float) -> list[ProtocolEffect]:
        self.fired.append((name, self.connection))
        return []

    def on_command(self, command: Command, now_s: float) -> list[ProtocolEffect]:
        assert isinstance(command, SendContent)
        return [Persist((Change("s", command.ref, b"1"),)), Send(command.data), Reply(command.ref)]

    def on_persisted(self, batch: int, now_s: float) -> list[ProtocolEffect]:
        return []

    def on_closed(self, code: int | None, reason: str) -> list[ProtocolEffect]:
        self.live = False
        return []


def catch_up(b: Bench) -> None:
    """The store answers for everything it was given, and for what follows from that."""
    answered = 0
    while b.store.taken and b.store.taken[-1][0] > answered:
        answered = b.store.taken[-1][0]
        b.runtime.persisted(answered)


def lose(b: Bench) -> None:
    b.wire.queue = [Lost(b.wire.dials[-1], RESET, None, "")]
    b.runtime.drain()


def opened_again(b: Bench) -> None:
    b.world.now += 60
    b.runtime.link_event(events.ForceRetry())
    catch_up(b)
    b.wire.queue = [Opened(b.wire.dials[-1], None)]
    b.runtime.drain()
    catch_up(b)


def left_behind(*texts: str) -> tuple[Bench, Marking]:
    """A connection that is lost while the store still holds what came of these messages."""
    protocol = Marking()
    b = bench(LateStore(), protocol=protocol)
    b.open()
    b.receive("login")
    b.store.at_once = False
    b.receive(*texts)
    lose(b)
    return b, protocol


def test_a_late_timer_of_a_lost_connection_never_fires_on_the_next() -> None:
    b, protocol = left_behind("wake")
    catch_up(b)
    opened_again(b)
    assert protocol.connection == 2
    for due_s, name, epoch in [one for one in b.world.wakes if one[1].startswith("protocol:")]:
        b.world.now = max(b.world.now, due_s)
        b.runtime.wake(name, epoch)
    assert protocol.fired == []


def test_a_late_timer_of_the_living_connection_fires() -> None:
    protocol = Marking()
    b = bench(LateStore(), protocol=protocol)
    b.open()
    b.store.at_once = False
    b.receive("wake")
    catch_up(b)
    due = next(one for one in b.world.wakes if one[1].startswith("protocol:"))
    b.runtime.wake(due[1], due[2])
    assert protocol.fired == [("of 1", 1)]


@pytest.mark.parametrize("text", ["send", "logout", "login"])
def test_a_late_effect_of_a_lost_connection_changes_nothing_for_the_next(text: str) -> None:
    b, _ = left_behind(text)
    opened_again(b)
    assert b.wire.sent == []
    assert b.runtime.link.state is LinkState.AUTHENTICATING, (
        "neither opened nor parked by the first one's word"
    )
    b.receive("login")
    catch_up(b)
    assert b.runtime.link.state is LinkState.OPEN


def test_a_late_logout_does_not_end_the_dial_that_follows() -> None:
    b, _ = left_behind("logout")
    waiting = b.runtime.link.state
    catch_up(b)
    assert b.runtime.link.state is waiting
    assert b.runtime.link.failure == RESET


def test_a_message_that_was_not_sent_in_time_is_sent_on_the_next_connection_once() -> None:
    protocol = Marking()
    b = bench(LateStore(), protocol=protocol)
    b.open()
    b.receive("login")
    b.store.at_once = False
    b.runtime.submit(message("m1", b"m1"), Answer(None, CommandReply("m1", True)))
    lose(b)
    catch_up(b)
    assert b.wire.sent == [] and [one.message_id for one in b.runtime.outbox.waiting] == ["m1"]
    opened_again(b)
    b.receive("login")
    catch_up(b)
    assert b.wire.sent == [b"m1"] and b.runtime.outbox.waiting == ()


class LateWorld(RuleBasedStateMachine):
    """Connections come and go, messages arrive, timers fall due, and the store answers in between or much later."""

    @initialize()
    def begin(self) -> None:
        self.protocol = Marking()
        self.b: Any = bench(LateStore(at_once=False), protocol=self.protocol)
        self.seen_dials = 0
        self.sent = 0
        self.answered = 0
        self.b.runtime.link_event(events.Want())

    @rule()
    def store_answers_one(self) -> None:
        waiting = [number for number, _ in self.b.store.taken if number > self.answered]
        if waiting:
            self.answered = waiting[0]
            self.b.runtime.persisted(waiting[0])

    @rule()
    def store_answers_all(self) -> None:
        catch_up(self.b)
        self.answered = self.b.store.taken[-1][0] if self.b.store.taken else 0

    @rule()
    def retry(self) -> None:
        self.b.world.now += 60
        self.b.runtime.link_event(events.ForceRetry())

    @rule()
    def permit(self) -> None:
        if self.b.world.permits:
            self.b.runtime.link_event(events.Granted(self.b.world.permits[-1][0]))

    @rule()
    def open(self) -> None:
        if len(self.b.wire.dials) > self.seen_dials:
            self.seen_dials = len(self.b.wire.dials)
            self.b.wire.queue = [Opened(self.b.wire.dials[-1], None)]
            self.b.runtime.drain()

    @precondition(lambda self: not self.protocol.live)
    @rule()
    def connect(self) -> None:
        """The whole way to an open connection, which few random steps find."""
        self.store_answers_all()
        self.retry()
        self.store_answers_all()
        self.permit()
        self.store_answers_all()
        self.open()

    @precondition(lambda self: self.protocol.live)
    @rule(texts=st.lists(st.sampled_from(["send", "wake", "login", "logout"]), min_size=1, max_size=4))
    def receive(self, texts: list[str]) -> None:
        self.b.wire.queue = [Received(self.b.wire.dials[-1], text) for text in texts]
        self.b.runtime.drain()

    @precondition(lambda self: self.protocol.live)
    @rule()
    def lose(self) -> None:
        lose(self.b)

    @rule()
    def timers_fall_due(self) -> None:
        wakes, self.b.world.wakes = self.b.world.wakes, []
        for due_s, name, epoch in wakes:
            self.b.world.now = max(self.b.world.now, due_s)
            self.b.runtime.wake(name, epoch)

    @invariant()
    def nothing_crosses_over(self) -> None:
        now = f"from {self.protocol.connection}".encode()
        for data in self.b.wire.sent[self.sent :]:
            assert data == now and self.protocol.live
        self.sent = len(self.b.wire.sent)
        assert all(name == f"of {connection}" for name, connection in self.protocol.fired)
        failure = self.b.runtime.link.failure
        if failure is not None and failure.kind is FailureKind.LOGGED_OUT:
            assert failure.text == f"by {self.protocol.connection}"


LateWorld.TestCase.settings = hypothesis_settings(max_examples=60, stateful_step_count=40, deadline=None)
test_whatever_happens_in_whatever_order = LateWorld.TestCase
