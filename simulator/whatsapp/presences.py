"""Who is there and who types: told at once or never (protocol §8)."""

from simulator.whatsapp.accounts import Account, Spot
from simulator.whatsapp.delivery import Delivery
from simulator.whatsapp.server_core import ServerCore
from whatsapp.nodes import Node

MAX_SUBSCRIBERS = 1000


class Presences:
    """`_subscribers`: by number, the devices that want to know."""

    def __init__(self, core: ServerCore, delivery: Delivery) -> None:
        self._core = core
        self._delivery = delivery
        self._subscribers: dict[str, dict[str, Spot]] = {}

    def presence(self, spot: Spot, node: Node) -> None:
        """One `<presence>`."""
        kind = node.text_attr("type", "available")
        if kind == "subscribe":
            wanted = self._core.accounts.of(node.jid_attr("to"))
            if wanted is not None:
                subscribers = self._subscribers.setdefault(wanted.number, {})
                if len(subscribers) < MAX_SUBSCRIBERS:
                    subscribers[spot.key] = spot
                self._delivery.tell(spot, self._node(wanted))
        elif kind in ("available", "unavailable"):
            spot.device.available = kind == "available"
            self._named(spot.account, node.optional("name"))
            for subscriber in self._subscribers.get(spot.account.number, {}).values():
                self._delivery.tell(subscriber, self._node(spot.account))

    def typing(self, spot: Spot, node: Node) -> None:
        """One `<chatstate>`, for every device of the other side."""
        to = node.jid_attr("to")
        group = self._core.groups.get(to)
        if group is None:
            account = self._core.accounts.of(to)
            attrs = {"from": spot.account.jid(to.is_lid)}
            numbers = [] if account is None else [account.number]
        else:
            attrs = {"from": to, "participant": spot.account.jid(group.by_lid)}
            numbers = [number for number in group.members if number != spot.account.number]
        for number in numbers:
            account = self._core.accounts.by_number(number)
            for target in () if account is None else self._core.accounts.spots(account):
                self._delivery.tell(target, Node("chatstate", attrs, node.content))

    def _named(self, account: Account, name: str | None) -> None:
        if name and name != account.name:
            account.name = name
            self._core.save_account(account)

    def _node(self, account: Account) -> Node:
        there = any(device.available for device in account.devices.values())
        kind = None if there else "unavailable"
        last = None if there else self._core.now
        return Node.make("presence", from_=account.lid_jid(), type=kind, last=last)
