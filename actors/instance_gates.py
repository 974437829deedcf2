"""What an instance hears from the gate of its upstream."""

from actors.instance_ports import InstancePorts
from core import link_events as events
from core.messages import (
    Address,
    PermitGranted,
    PermitHeld,
    SummonCanary,
    UpstreamBack,
    UpstreamClosed,
    UpstreamDown,
)


class InstanceGates(InstancePorts):
    """Each message is one event of the link; before the runtime lives none of them means anything."""

    def receiveMsg_PermitGranted(self, message: PermitGranted, sender: Address) -> None:
        if self._runtime is not None:
            self._runtime.link_event(events.Granted(message.epoch, message.until_s))

    def receiveMsg_PermitHeld(self, message: PermitHeld, sender: Address) -> None:
        if self._runtime is not None:
            self._runtime.link_event(events.Held(message.epoch, message.renew_s, message.reason))

    def receiveMsg_UpstreamDown(self, message: UpstreamDown, sender: Address) -> None:
        self._upstream_down = True
        if self._runtime is not None:
            self.report()

    def receiveMsg_UpstreamBack(self, message: UpstreamBack, sender: Address) -> None:
        self._upstream_down = False
        if self._runtime is not None:
            self._runtime.link_event(events.UpstreamRecovered())

    def receiveMsg_UpstreamClosed(self, message: UpstreamClosed, sender: Address) -> None:
        self._upstream_down = False
        if self._runtime is not None:
            self._runtime.link_event(events.VersionRefused())

    def receiveMsg_SummonCanary(self, message: SummonCanary, sender: Address) -> None:
        if self._runtime is not None:
            self._runtime.link_event(events.Summoned())
