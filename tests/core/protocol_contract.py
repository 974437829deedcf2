"""What every protocol must do, whatever it speaks (`core.protocol.Protocol`).

Subclass `ProtocolContract` as `Test…` and give it a `subject`: a fresh protocol and the upstream it talks to, both
without any I/O. Each test runs with a store that answers at once and with one that answers late.
"""

from abc import ABC, abstractmethod
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.effects import (
    Authenticated,
    Disconnected,
    Persist,
    Reply,
    Send,
    WakeAt,
)
from core.protocol import Invoke
from tests.core.protocol_host import Frame, Host, Subject

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
