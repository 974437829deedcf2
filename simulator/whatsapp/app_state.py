"""The app state of accounts: collections of patches that their devices exchange (protocol §17).

Patches are encrypted among the devices of an account; the server only numbers and keeps them.
"""

from simulator.whatsapp.accounts import Account, Spot
from simulator.whatsapp.delivery import Delivery
from simulator.whatsapp.queries import Children
from simulator.whatsapp.server_core import ServerCore
from whatsapp.nodes import Node

CONFLICT = 409
MAX_PATCHES = 1000  # per collection
NAMES = ("critical_block", "critical_unblock_low", "regular_high", "regular", "regular_low")

Collections = dict[str, list[bytes]]


class AppState:
    """The namespace `w:sync:app:state`. `patches`: by account and collection; a version is their count."""

    def __init__(self, core: ServerCore, delivery: Delivery) -> None:
        self._core = core
        self._delivery = delivery
        self.patches: dict[str, Collections] = {}

    def answer(self, spot: Spot, node: Node) -> Children:
        """What is new in the collections asked for; a patch that comes along is taken first."""
        collections = tuple(self._collection(spot, one) for one in node.need("sync").all("collection"))
        return (Node("sync", {}, collections),)

    def _collection(self, spot: Spot, asked: Node) -> Node:
        name, version = asked.text_attr("name"), asked.int_attr("version", 0)
        patches = self.patches.setdefault(spot.account.number, {}).setdefault(name, [])
        given = asked.find("patch")
        if given is not None:
            if version != len(patches) or len(patches) >= MAX_PATCHES or name not in NAMES:
                error = Node.make("error", code=CONFLICT, text="conflict")
                return Node.make("collection", (error,), name=name, type="error")
            self._add(spot, name, given.data)
            return Node.make("collection", name=name, version=len(patches))
        listed = tuple(Node("patch", {}, patch) for patch in patches[version:])
        children = (Node("patches", {}, listed),) if listed else None
        return Node.make("collection", children, name=name, version=len(patches))

    def _add(self, spot: Spot, name: str, patch: bytes) -> None:
        patches = self.patches[spot.account.number][name]
        numbered = _version_field(len(patches) + 1) + patch
        patches.append(numbered)
        self._core.journal.put(f"state:{spot.account.number}", f"{name}:{len(patches)}", numbered)
        for own in self._core.accounts.spots(spot.account, but=spot.device):
            if own.device.number:
                self._delivery.deliver(own, self._notification(spot.account, name, len(patches)))

    def _notification(self, account: Account, name: str, version: int) -> Node:
        collection = Node.make("collection", name=name, version=version)
        return Node.make(
            "notification",
            (collection,),
            from_=account.pn_jid(),
            type="server_sync",
            id=self._core.next_id(),
            t=self._core.now,
        )

    def restore(self, number: str, rows: dict[str, bytes]) -> None:
        """From stored rows."""
        found = self.patches[number] = {}
        for key in sorted(rows, key=lambda key: int(key.rpartition(":")[2])):
            found.setdefault(key.rpartition(":")[0], []).append(rows[key])


def _version_field(version: int) -> bytes:
    """The field of a patch that holds its number, as protobuf: what clients leave out and the server puts in."""
    number = bytearray([0x08])
    while version > 0x7F:
        number.append(version & 0x7F | 0x80)
        version >>= 7
    number.append(version)
    return bytes([0x0A, len(number)]) + bytes(number)
