"""Stanzas for devices: written at once, kept until answered, and offered again after the next login (protocol §8.7)."""

import itertools
from collections.abc import Iterable

from simulator.whatsapp.accounts import Account, Device, Spot, Waiting
from simulator.whatsapp.link import Link
from simulator.whatsapp.packing import pack_node
from simulator.whatsapp.phones import Phones
from simulator.whatsapp.server_core import ServerCore
from whatsapp.jid import SERVER
from whatsapp.nodes import Node

MAX_WAITING = 20_000  # per device; the oldest go, as they do on the real service after some weeks


class Delivery:
    """Every stanza is given until the device answers it, so a connection that dies loses nothing."""

    def __init__(self, core: ServerCore, phones: Phones) -> None:
        self._core = core
        self._phones = phones
        self._numbers = itertools.count(1)
        self.held: set[str] = set()  # devices whose stanzas wait, for tests

    def release(self, spot: Spot, backwards: bool = False) -> None:
        """A held device gets what waits; `backwards`: the newest first."""
        self.held.discard(spot.key)
        link = self._core.link_of(spot.device)
        waiting = [
            one for one in spot.device.waiting.values() if link is not None and one.link != link.number
        ]
        for one in reversed(waiting) if backwards else waiting:
            if link is not None:
                self._write(link, one)

    def resume(self, first: int) -> None:
        """Go on numbering behind what was stored."""
        self._numbers = itertools.count(first)

    def deliver(self, spot: Spot, node: Node) -> None:
        """One stanza that wants an answer."""
        waiting = Waiting(next(self._numbers), node)
        spot.device.waiting[waiting.number] = waiting
        self._core.journal.put(f"waiting:{spot.key}", str(waiting.number), pack_node(node))
        while len(spot.device.waiting) > MAX_WAITING:
            self._drop(spot, next(iter(spot.device.waiting)))
        if spot.device.number == 0:
            self._core.later(lambda: self.give_phone(spot))
        elif (link := self._core.link_of(spot.device)) is not None and spot.key not in self.held:
            self._write(link, waiting)

    def deliver_all(self, spots: Iterable[Spot], node: Node) -> None:
        for spot in spots:
            self.deliver(spot, node)

    def tell(self, spot: Spot, node: Node) -> None:
        """A stanza that is worth nothing later: presence, typing."""
        link = self._core.link_of(spot.device)
        if link is not None:
            link.send(node)

    def give_phone(self, spot: Spot) -> None:
        """What waits for a phone that is switched on."""
        phone = self._phones.of(spot.account)
        for number in list(spot.device.waiting) if phone.switched_on else ():
            waiting = spot.device.waiting[number]
            self._drop(spot, number)
            phone.take(waiting.node)

    def offer(self, link: Link, spot: Spot) -> None:
        """After the login: what waits, and that it is all."""
        waiting = list(spot.device.waiting.values())
        kinds = [one.node.tag for one in waiting]
        preview = Node.make(
            "offline_preview",
            count=len(waiting),
            message=kinds.count("message"),
            receipt=kinds.count("receipt"),
            notification=kinds.count("notification"),
            appdata=0,
        )
        link.send(Node("ib", {"from": SERVER}, (preview,)))
        for number, one in enumerate(waiting):
            one.link = link.number
            link.send(Node(one.node.tag, {**one.node.attrs, "offline": str(number)}, one.node.content))
        done = Node.make("offline", count=len(waiting))
        link.send(Node("ib", {"from": SERVER}, (done,)))

    def answered(self, spot: Spot, answer: Node) -> Node | None:
        """The stanza that a receipt or an ack is about, which is forgotten; None when there is none."""
        tag = answer.optional("class") if answer.tag == "ack" else "message"
        if tag is None:
            return None
        named = [
            one
            for one in spot.device.waiting.values()
            if one.node.tag == tag and one.node.attrs.get("id") == answer.attrs.get("id")
        ]
        exact = [
            one
            for one in named
            if str(one.node.attrs.get("from")) == str(answer.attrs.get("to"))
            and str(one.node.attrs.get("participant")) == str(answer.attrs.get("participant"))
        ]
        for one in exact or named:
            self._drop(spot, one.number)
            return one.node
        return None

    def forget(self, account: Account, device: Device) -> None:
        """The device is gone."""
        for number in list(device.waiting):
            self._drop(Spot(account, device), number)

    def _write(self, link: Link, waiting: Waiting) -> None:
        waiting.link = link.number
        link.send(waiting.node)

    def _drop(self, spot: Spot, number: int) -> None:
        del spot.device.waiting[number]
        self._core.journal.delete(f"waiting:{spot.key}", str(number))
