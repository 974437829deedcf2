"""Devices that are unlinked, by themselves or on the phone (namespace `md`)."""

from simulator.whatsapp.accounts import Spot
from simulator.whatsapp.delivery import Delivery
from simulator.whatsapp.device_lists import DeviceLists
from simulator.whatsapp.queries import BAD_REQUEST, FORBIDDEN, Children
from simulator.whatsapp.server_core import ServerCore
from whatsapp.nodes import Node


class Removals:
    """A removed device is told when it is connected; its next login fails."""

    def __init__(self, core: ServerCore, delivery: Delivery, lists: DeviceLists) -> None:
        self._core = core
        self._delivery = delivery
        self._lists = lists

    def answer(self, spot: Spot, node: Node) -> Children:
        """`remove-companion-device`: a device logs itself out."""
        remove = node.find("remove-companion-device")
        if remove is None:
            raise BAD_REQUEST
        target = self._core.accounts.spot(remove.jid_attr("jid"))
        if target is None or target.account is not spot.account or target.device.number == 0:
            raise FORBIDDEN
        self._core.later(lambda: self.unlink(target))
        return ()

    def unlink(self, spot: Spot) -> None:
        """The device is no part of the account any more."""
        account, device = spot.account, spot.device
        if account.devices.pop(device.number, None) is None:
            return
        self._delivery.forget(account, device)
        for key_id in device.one_time:
            self._core.journal.delete(f"key:{spot.key}", str(key_id))
        self._core.journal.delete("device", spot.key)
        link = self._core.link_of(device)
        if link is not None:
            conflict = Node("conflict", {"type": "device_removed"})
            link.end(Node("stream:error", {"code": "401"}, (conflict,)))
        self._lists.changed(spot, "remove")
