"""Faults in force, by device or for all: errors in acks, silence, spoiled messages."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from simulator.whatsapp.accounts import Spot
from simulator.whatsapp.server_core import ServerCore
from whatsapp.nodes import Node

EVERYBODY = "*"


@dataclass(slots=True)
class Faults:
    """Counts are of what is still to be spoiled; each use takes one away, -1 never runs out.

    `ack_error`: the error of the next `ack_errors` acks of messages. `no_acks`: messages that are neither
    acknowledged nor delivered. `unacked`: delivered, but not acknowledged. `corrupt`: messages to the device
    that are damaged, `damage`: how, a name of DAMAGES. `lost`: messages to the device that never come. `doubled`:
    that come twice.
    `no_answers`: iqs that are not answered. `iq_errors`: iqs answered with the error `iq_error`.
    `delay_s`: how long messages to the device are on their way.
    """

    ack_error: int = 463
    ack_errors: int = 0
    no_acks: int = 0
    unacked: int = 0
    corrupt: int = 0
    damage: str = "mac"
    lost: int = 0
    doubled: int = 0
    no_answers: int = 0
    iq_error: int = 500
    iq_errors: int = 0
    delay_s: float = 0.0

    def use(self, name: str) -> bool:
        """Whether one of that count is left; it is used up by asking."""
        left: int = getattr(self, name)
        if left > 0:
            setattr(self, name, left - 1)
        return left != 0


@dataclass(slots=True)
class Knobs:
    """By `number:device`, and EVERYBODY."""

    core: ServerCore
    by_device: dict[str, Faults] = field(default_factory=dict)

    def of(self, spot: Spot) -> list[Faults]:
        """The device's own faults, then everybody's."""
        found = (self.by_device.get(name) for name in (spot.key, EVERYBODY))
        return [faults for faults in found if faults is not None]

    def uses(self, spot: Spot, name: str) -> Faults | None:
        """Faults that have one of this count left; it is used up by asking."""
        return next((faults for faults in self.of(spot) if faults.use(name)), None)

    def ack_error(self, sender: Spot) -> int | None:
        """The error for the ack of a message, None for a good one."""
        faults = self.uses(sender, "ack_errors")
        return None if faults is None else faults.ack_error

    def swallows_message(self, sender: Spot) -> bool:
        """The message is as if it had never arrived."""
        return self.uses(sender, "no_acks") is not None

    def swallows_ack(self, sender: Spot) -> bool:
        return self.uses(sender, "unacked") is not None

    def delay_s(self, target: Spot) -> float:
        """How long a message to the device is on its way."""
        return max((faults.delay_s for faults in self.of(target)), default=0.0)

    def spoiled(self, target: Spot, message: Node) -> Iterator[Node]:
        """What is delivered instead of a message: nothing, itself, itself twice, itself damaged."""
        if self.uses(target, "lost") is not None:
            return
        if (faults := self.uses(target, "corrupt")) is not None:
            message = damaged(message, faults.damage)
        yield message
        if self.uses(target, "doubled") is not None:
            yield message


def damaged(message: Node, how: str) -> Node:
    """Every `enc` of a message, damaged in one of DAMAGES."""
    damage = DAMAGES[how]
    children = tuple(
        Node(child.tag, child.attrs, damage(child.data)) if child.tag == "enc" else child
        for child in message.children
    )
    return Node(message.tag, message.attrs, children)


def _flip(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


# The last byte belongs to the MAC, or to the signature of a sender key message; the first is the version.
DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "mac": lambda data: _flip(data, len(data) - 1),
    "version": lambda data: _flip(data, 0),
    "field": lambda data: _flip(data, 1),
    "middle": lambda data: _flip(data, len(data) // 2),
    "cut": lambda data: data[:5],
    "empty": lambda data: b"",
}
