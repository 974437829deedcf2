"""Which commands may go straight to their instance, past the root and its group: pure.

The way is half as long. The root still gets what it has to decide or make durable, and everything about an instance
whose process is not known; an instance that finds that the root has to decide says so (REROUTE).
"""

from typing import Any

from core.address import Address
from core.messages import ForceRetry, ResetBreaker, SubmitMessage
from core.snapshot import Fleet


def address_for(fleet: Fleet | None, command: Any) -> Address:
    """Where the command may go directly; None: to the root."""
    if fleet is None or not isinstance(command, ForceRetry | ResetBreaker | SubmitMessage):
        return None
    one = fleet.instances.get(command.instance_id)
    if one is None or one.link_state == "quarantined":
        return None
    if isinstance(command, ForceRetry) and one.desired != "connected":
        return None
    if isinstance(command, SubmitMessage) and not fleet.host.storage_ok:
        return None
    return one.address
