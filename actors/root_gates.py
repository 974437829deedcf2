"""The root's upstream gates: permits asked, dials told, permits released as they may."""

import time

from actors.root_commands import RootCommands
from core.messages import (
    Address,
    DialEnded,
    PermitGranted,
    PermitHeld,
    PermitRequest,
    SummonCanary,
    UpstreamBack,
    UpstreamClosed,
    UpstreamDown,
)
from core.upstream import GateState
from store import logs

PUSH_S = 0.05
TOLD: dict[GateState, type[UpstreamBack | UpstreamDown | UpstreamClosed]] = {
    GateState.RECOVERING: UpstreamBack,
    GateState.DOWN: UpstreamDown,
    GateState.CLOSED: UpstreamClosed,
}


class RootGates(RootCommands):
    """Permits for all instances of this host."""

    def receiveMsg_PermitRequest(self, message: PermitRequest, sender: Address) -> None:
        self._permit(self._gate.request(message, time.monotonic()))
        self._release_later()

    def receiveMsg_DialEnded(self, message: DialEnded, sender: Address) -> None:
        if self._gate.accepted(message):
            self._tell_groups(UpstreamBack(message.upstream))
        state = self._gate.ended(message, time.monotonic())
        if state is None:
            return
        _log(message.upstream, state)
        if (told := TOLD.get(state)) is not None:
            self._tell_groups(told(message.upstream))
        self._push_soon()
        self._release_later()

    def _release_permits(self) -> None:
        self._release_at_s = None
        now_s, before = time.monotonic(), self._gate.states()
        for grant in self._gate.release(now_s):
            self._permit(grant)
        for upstream, state in self._gate.states().items():
            if state is not before[upstream]:  # recovering, and nobody waits any more
                _log(upstream, state)
        for summons in self._gate.summons(now_s):
            self._permit(summons)
        self._release_later()

    def _tell_groups(self, news: UpstreamBack | UpstreamDown | UpstreamClosed) -> None:
        for group in self._groups.values():
            self.send(group, news)

    def _permit(self, answer: PermitGranted | PermitHeld | SummonCanary | UpstreamClosed) -> None:
        if group := self._group_of(answer.instance_id or ""):
            self.send(group, answer)

    def _release_later(self) -> None:
        """One wake-up for the next release; an earlier one replaces it."""
        now_s = time.monotonic()
        delay_s = self._gate.next_release_s(now_s)
        if delay_s is None or (self._release_at_s is not None and self._release_at_s <= now_s + delay_s):
            return
        self._release_at_s = now_s + delay_s
        self._release += 1
        self.wake_after(delay_s, "release", self._release)

    def _push_soon(self) -> None:
        if not self._pushing:
            self._pushing = True
            self.wake_after(PUSH_S, "push", 0)


def _log(upstream: str, state: GateState) -> None:
    level = "INFO" if state in (GateState.UP, GateState.RECOVERING) else "ERROR"
    logs.log_event(
        "upstream", f"Upstream {upstream}: {state.value}", level, upstream=upstream, state=state.value
    )
