"""What every protocol must do, whatever it speaks (`core.protocol.Protocol`).

Subclass `ProtocolContract` as `Test…` and give it a `subject`: a fresh protocol and the upstream it talks to, both
without any I/O. Each test runs with a store that answers at once and with one that answers late.
"""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import get_args
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.effects import (
    Authenticated,
    Change,
    Disconnected,
    Emit,
    Persist,
    ProtocolEffect,
    Reply,
    Send,
    WakeAt,
)
from core.failures import Failure
from core.protocol import Invoke, Protocol, SendContent

Frame = bytes | str


class Peer(ABC):
    """The upstream. `heard`: the contents of the application messages that reached it, in order."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    def opened(self) -> list[Frame]:
        """What it says when somebody connects."""
        return []

    @abstractmethod
    def hears(self, sent: Send) -> list[Frame]:
        """What it answers to one message; application messages go to `heard`."""

    @abstractmethod
    def says(self, number: int) -> Frame:
        """An application message of its own."""


@dataclass(frozen=True)
class Subject:
    """A protocol to test. `content`: bytes for the n-th send; `number`: which `Peer.says` an event came from."""

    protocol: Protocol
    peer: Peer
    content: Callable[[int], bytes]
    number: Callable[[Emit], int]
    secrets: tuple[str, ...] = ()


@dataclass
class Host:
    """Interprets effects as an instance does: what must be durable first, then the rest, in order."""

    subject: Subject
    late: bool
    now_s: float = 1000.0
    turns: list[list[ProtocolEffect]] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    emitted: list[Emit] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    timers: dict[str, float] = field(default_factory=dict)
    authenticated: bool = False
    failure: Failure | None = None
    connected: bool = False
    _inbox: deque[Frame] = field(default_factory=deque)
    _waiting: deque[tuple[int, list[ProtocolEffect]]] = field(default_factory=deque)
    _batch: int = 0

    # ── what happens to the protocol ─────────────────────────────────────────────────────────────────────────────

    def open(self) -> None:
        self.connected, self.authenticated, self.failure = True, False, None
        self._inbox.extend(self.subject.peer.opened())
        self.turn(self.subject.protocol.on_open(self.now_s))
        self.settle()

    def receive(self, frame: Frame) -> None:
        self.turn(self.subject.protocol.on_message(frame, self.now_s))

    def command(self, number: int) -> None:
        command = SendContent(f"m{number}", self.subject.content(number))
        self.turn(self.subject.protocol.on_command(command, self.now_s))

    def close(self) -> None:
        self.connected = self.authenticated = False
        self.timers.clear()
        self._inbox.clear()
        self._waiting.clear()
        self.turn(self.subject.protocol.on_closed(1006, "gone"))

    def pass_time(self, for_s: float) -> int:
        """Fire what is due, in order, with an upstream that answers; returns how many timers fired."""
        until_s, fired = self.now_s + for_s, 0
        while self.connected and (
            due := [(at_s, name) for name, at_s in self.timers.items() if at_s <= until_s]
        ):
            at_s, name = min(due)
            del self.timers[name]
            self.now_s = max(self.now_s, at_s)
            self.turn(self.subject.protocol.on_timer(name, self.now_s))
            self.settle()
            fired += 1
            assert fired < 10_000, "timers without end"
        self.now_s = until_s
        return fired

    def settle(self) -> None:
        """Let the upstream and the store answer until nobody has anything to say."""
        while self._inbox or self._waiting:
            while self._inbox:
                self.receive(self._inbox.popleft())
            self.store_answers()

    def store_answers(self) -> None:
        if self._waiting:
            number, after = self._waiting.popleft()
            self._act(after)
            self.turn(self.subject.protocol.on_persisted(number, self.now_s))

    # ── what the protocol wants ──────────────────────────────────────────────────────────────────────────────────

    def turn(self, effects: list[ProtocolEffect]) -> None:
        assert all(isinstance(effect, get_args(ProtocolEffect)) for effect in effects)
        self.turns.append(effects)
        if not effects:
            return
        durable, after = False, []
        for effect in effects:
            match effect:
                case Persist():
                    self.changes.extend(effect.changes)
                    durable = True
                case Emit():
                    self.emitted.append(effect)
                    durable = True
                case _:
                    after.append(effect)
        if self.late and (durable or self._waiting):
            self._batch += 1
            self._waiting.append((self._batch, after))
        else:
            self._act(after)

    def _act(self, effects: list[ProtocolEffect]) -> None:
        for effect in effects:
            match effect:
                case Send():
                    assert self.connected, "sends on a connection that is gone"
                    self._inbox.extend(self.subject.peer.hears(effect))
                case WakeAt():
                    assert effect.at_s >= self.now_s, "a timer in the past"
                    self.timers[effect.name] = effect.at_s
                case Authenticated():
                    assert not self.authenticated, "authenticated twice"
                    self.authenticated = True
                case Disconnected():
                    self.failure = effect.failure
                case Reply():
                    self.replies.append(effect)


frames = st.binary(max_size=300) | st.text(alphabet=st.characters(), max_size=300)
fuzz = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.differing_executors])


class ProtocolContract(ABC):
    @abstractmethod
    def subject(self) -> Subject:
        """A fresh protocol with a fresh upstream; the same at every call."""

    def host(self, late: bool) -> Host:
        return Host(self.subject(), late)

    def up(self, late: bool) -> Host:
        host = self.host(late)
        host.open()
        return host

    both = pytest.mark.parametrize("late", [False, True], ids=["store at once", "store late"])

    def test_the_endpoint_is_a_websocket_and_stays_the_same(self) -> None:
        protocol = self.subject().protocol
        assert urlsplit(protocol.endpoint().url).scheme in ("ws", "wss")
        assert protocol.endpoint() == protocol.endpoint()

    @both
    def test_the_session_comes_up(self, late: bool) -> None:
        host = self.up(late)
        assert (host.authenticated, host.failure) == (True, None)

    @both
    def test_the_session_comes_up_again_after_the_connection_was_lost(self, late: bool) -> None:
        host = self.up(late)
        for _ in range(3):
            host.close()
            host.now_s += 15
            host.open()
            assert (host.authenticated, host.failure) == (True, None)

    def test_the_session_comes_up_after_an_attempt_that_ended_half_way(self) -> None:
        host = self.host(late=True)
        host.connected = True
        host.turn(host.subject.protocol.on_open(host.now_s))
        host.close()
        host.open()
        assert host.authenticated

    @both
    def test_what_the_peer_says_is_emitted_once_each_in_order(self, late: bool) -> None:
        host = self.up(late)
        for number in range(5):
            host.receive(host.subject.peer.says(number))
        host.settle()
        received = [emit for emit in host.emitted if emit.kind == "message.received"]
        assert [host.subject.number(emit) for emit in received] == [0, 1, 2, 3, 4]

    @both
    def test_a_command_reaches_the_peer_and_is_answered_once(self, late: bool) -> None:
        host = self.up(late)
        for number in range(3):
            host.command(number)
            host.settle()
        assert host.subject.peer.heard == [host.subject.content(number) for number in range(3)]
        assert [(reply.ref, reply.error) for reply in host.replies] == [
            ("m0", None),
            ("m1", None),
            ("m2", None),
        ]

    @both
    def test_a_command_tried_again_after_a_loss_carries_the_same_content(self, late: bool) -> None:
        host = self.up(late)
        host.command(1)
        host.close()
        host.open()
        host.command(1)
        host.settle()
        assert set(host.subject.peer.heard) == {host.subject.content(1)}
        assert host.replies[-1] == Reply("m1", data=host.replies[-1].data)

    def test_a_command_without_a_session_reaches_nobody_and_may_be_tried_again(self) -> None:
        host = self.up(late=False)
        host.close()
        host.command(1)
        assert host.subject.peer.heard == []
        assert [reply.retry for reply in host.replies] in ([], [True])

    def test_a_command_that_the_protocol_does_not_know_is_refused_for_good(self) -> None:
        host = self.up(late=False)
        host.turn(host.subject.protocol.on_command(Invoke("c1", "no such command"), host.now_s))
        host.settle()
        assert [(reply.ref, bool(reply.error), reply.retry) for reply in host.replies] == [
            ("c1", True, False)
        ]

    @both
    def test_nothing_is_sent_before_the_state_behind_it_is_durable(self, late: bool) -> None:
        host = self.up(late)
        for number in range(3):
            host.receive(host.subject.peer.says(number))
            host.command(number)
            host.settle()
        for effects in host.turns:
            kinds = [type(effect) for effect in effects]
            assert Persist not in kinds or Send not in kinds[: len(kinds) - kinds[::-1].index(Persist)]

    @both
    def test_the_same_inputs_lead_to_the_same_effects(self, late: bool) -> None:
        first, second = self.up(late), self.up(late)
        for host in (first, second):
            host.receive(host.subject.peer.says(1))
            host.command(1)
            host.settle()
            host.pass_time(100)
        assert first.turns == second.turns

    @both
    def test_a_session_with_an_answering_peer_outlives_its_timers(self, late: bool) -> None:
        host = self.up(late)
        host.pass_time(600)
        assert (host.authenticated, host.failure) == (True, None)

    def test_a_timer_nobody_asked_for_is_harmless(self) -> None:
        host = self.up(late=False)
        host.turn(host.subject.protocol.on_timer("no such timer", host.now_s))
        assert host.failure is None

    def test_a_batch_nobody_knows_is_harmless(self) -> None:
        host = self.up(late=False)
        host.turn(host.subject.protocol.on_persisted(99, host.now_s))
        assert host.failure is None

    def test_a_closed_connection_is_left_alone(self) -> None:
        host = self.up(late=False)
        host.close()
        kinds = {type(effect) for effect in host.turns[-1]}
        assert not kinds & {Send, Authenticated, Disconnected, WakeAt}

    @fuzz
    @given(noise=st.lists(frames, max_size=4), authenticated=st.booleans(), late=st.booleans())
    def test_no_message_gets_an_exception_out(
        self, noise: list[Frame], authenticated: bool, late: bool
    ) -> None:
        host = self.host(late)
        host.connected = True
        if authenticated:
            host.open()
        else:
            host.turn(host.subject.protocol.on_open(host.now_s))
        for frame in noise:
            host.receive(frame)
        host.pass_time(1)

    @fuzz
    @given(noise=st.lists(frames, max_size=3))
    def test_no_secret_leaves_in_words(self, noise: list[Frame]) -> None:
        host = self.up(late=False)
        for frame in noise:
            host.receive(frame)
        host.close()
        host.command(1)
        words = [repr(host.subject.protocol.endpoint())]
        for effects in host.turns:
            for effect in effects:
                match effect:
                    case Disconnected(failure):
                        words.append(repr(failure))
                    case Reply():
                        words.append(repr(effect))
        assert not [secret for secret in host.subject.secrets if any(secret in word for word in words)]
