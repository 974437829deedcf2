"""Stanzas for devices: written at once, kept until answered, and offered again after a login (protocol §8, §13)."""

import itertools
from collections.abc import Iterable

from simulator.whatsapp.accounts import Account, Device, Spot, Waiting
from simulator.whatsapp.link import Link
from simulator.whatsapp.packing import pack_node
from simulator.whatsapp.phones import Phones
from simulator.whatsapp.server_core import ServerCore
from whatsapp.errors import ProtocolError
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

    def deliver(self, spot: Spot, node: Node, delay_s: float = 0.0) -> None:
        """One stanza that wants an answer. `delay_s`: how long it is on its way to a connected device."""
        packed = pack_node(node)
        waiting = Waiting(next(self._numbers), node)
        spot.device.waiting[waiting.number] = waiting
        self._core.journal.put(f"waiting:{spot.key}", str(waiting.number), packed)
        while len(spot.device.waiting) > MAX_WAITING:
            self._drop(spot, next(iter(spot.device.waiting)))
        if spot.device.number == 0:
            self._core.later(lambda: self.give_phone(spot))
        elif delay_s > 0:
            self._core.at(self._core.wall_s() + delay_s, lambda: self._arrive(spot, waiting))
        else:
            self._arrive(spot, waiting)

    def _arrive(self, spot: Spot, waiting: Waiting) -> None:
        """Unless it was answered, or written to this connection, in the meantime."""
        link = self._core.link_of(spot.device)
        if link is None or spot.key in self.held or waiting.number not in spot.device.waiting:
            return
        if waiting.link != link.number:
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
            try:
                phone.take(waiting.node)
            except ProtocolError as error:
                self._core.observed.complain(
                    spot.key, f"the phone cannot take a <{waiting.node.tag}>: {error}"
                )

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
        found = _matching(spot.device, answer)
        if found is not None:
            self._drop(spot, found.number)
        return None if found is None else found.node

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


def _matching(device: Device, answer: Node) -> Waiting | None:
    """The oldest stanza of that kind, id and source; where the source differs, the oldest of that kind and id."""
    tag = answer.optional("class") if answer.tag == "ack" else "message"
    other_source = None
    for one in device.waiting.values():
        attrs = one.node.attrs
        if one.node.tag != tag or attrs.get("id") != answer.attrs.get("id"):
            continue
        same = str(attrs.get("from")) == str(answer.attrs.get("to"))
        if same and str(attrs.get("participant")) == str(answer.attrs.get("participant")):
            return one
        other_source = other_source or one
    return other_source
