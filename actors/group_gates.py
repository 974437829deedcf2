"""What passes through a group between its instances and the root's upstream gates."""

from actors.group_reports import GroupReports
from core.instances import upstream_key
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


class GroupGates(GroupReports):
    """Requests and outcomes up, permits and news of upstreams down."""

    def receiveMsg_PermitRequest(self, message: PermitRequest, sender: Address) -> None:
        self.send(self._root, message)

    def receiveMsg_DialEnded(self, message: DialEnded, sender: Address) -> None:
        self.send(self._root, message)

    def receiveMsg_PermitGranted(self, message: PermitGranted, sender: Address) -> None:
        self._tell(message.instance_id, message)

    def receiveMsg_PermitHeld(self, message: PermitHeld, sender: Address) -> None:
        self._tell(message.instance_id, message)

    def receiveMsg_SummonCanary(self, message: SummonCanary, sender: Address) -> None:
        self._tell(message.instance_id, message)

    def receiveMsg_UpstreamDown(self, message: UpstreamDown, sender: Address) -> None:
        self._tell_upstream(message)

    def receiveMsg_UpstreamBack(self, message: UpstreamBack, sender: Address) -> None:
        self._tell_upstream(message)

    def receiveMsg_UpstreamClosed(self, message: UpstreamClosed, sender: Address) -> None:
        if message.instance_id is None:
            self._tell_upstream(message)
        else:
            self._tell(message.instance_id, message)

    def _tell_upstream(self, message: UpstreamDown | UpstreamBack | UpstreamClosed) -> None:
        for instance_id, child in self._children.items():
            if upstream_key(child.record.config) == message.upstream:
                self._tell(instance_id, message)
