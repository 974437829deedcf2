"""Device lists as others see them, and who is told when one changes (protocol §12.3, §18)."""

from hashlib import sha256

from simulator.whatsapp.accounts import Account, Device, Spot
from simulator.whatsapp.delivery import Delivery
from simulator.whatsapp.phones import Phones
from simulator.whatsapp.server_core import ServerCore
from whatsapp import wire_pb2 as wire
from whatsapp import xeddsa
from whatsapp.nodes import Attribute, Node
from whatsapp.phash import participant_hash

KEY_INDEX_PREFIX = b"\x06\x02"


class DeviceLists:
    """The phone signs which key indexes are valid; the server hands lists out."""

    def __init__(self, core: ServerCore, phones: Phones, delivery: Delivery) -> None:
        self._core = core
        self._phones = phones
        self._delivery = delivery

    def raw_id(self, account: Account) -> int:
        """The number that all identities of one account carry."""
        return int.from_bytes(sha256(account.number.encode()).digest()[:4], "big")

    def listed(self, account: Account) -> Node:
        """`<devices>` of a usync answer."""
        return Node(
            "devices",
            {},
            (Node("device-list", {}, self._devices(account)), self._key_index_list(account)),
        )

    def _devices(self, account: Account) -> tuple[Node, ...]:
        """Companions carry their key index; some clients ignore a companion without."""
        return tuple(_device(device, {"id": str(device.number)}) for device in account.devices.values())

    def _key_index_list(self, account: Account) -> Node:
        keys = self._phones.of(account).phone.identity.keys
        indexes = [device.key_index for device in account.devices.values()]
        details = wire.AdvKeyIndexList(
            raw_id=self.raw_id(account),
            timestamp=self._core.now,
            current_index=account.next_device - 1,
            valid_indexes=indexes,
        ).SerializeToString()
        signature = xeddsa.sign(keys, KEY_INDEX_PREFIX + details, self._core.rng)
        signed = wire.AdvSignedKeyIndexList(details=details, account_signature=signature)
        return Node("key-index-list", {"ts": str(self._core.now)}, signed.SerializeToString())

    def changed(self, spot: Spot, what: str) -> None:
        """`what`: add or remove. The account's other companions and everybody it has written with are told."""
        account = spot.account
        for own in self._core.accounts.spots(account, but=spot.device):
            self._delivery.deliver(own, self._account_sync(account))
        for number in sorted(account.peers):
            peer = self._core.accounts.by_number(number)
            if peer is not None:
                note = self._notification(spot, what)
                self._delivery.deliver_all(self._core.accounts.spots(peer), note)

    def _notification(self, spot: Spot, what: str) -> Node:
        account = spot.account
        everyone = [one.jid(False) for one in self._core.accounts.spots(account)]
        device = _device(spot.device, {"jid": spot.jid(False)})
        change = Node(
            what, {"device_hash": participant_hash(everyone)}, (device, self._key_index_list(account))
        )
        return Node.make(
            "notification",
            (change,),
            from_=account.pn_jid(),
            type="devices",
            id=self._core.next_id(),
            t=self._core.now,
            lid=account.lid_jid() if self._core.settings.tells_lids else None,
        )

    def _account_sync(self, account: Account) -> Node:
        spots = self._core.accounts.spots(account)
        listed = tuple(_device(spot.device, {"jid": spot.jid(False)}) for spot in spots)
        devices = Node(
            "devices",
            {"dhash": participant_hash(spot.jid(False) for spot in spots)},
            (*listed, self._key_index_list(account)),
        )
        return Node.make(
            "notification",
            (devices,),
            from_=account.pn_jid(),
            type="account_sync",
            id=self._core.next_id(),
            t=self._core.now,
        )


def _device(device: Device, attrs: dict[str, Attribute]) -> Node:
    index = {"key-index": str(device.key_index)} if device.key_index else {}
    return Node("device", {**attrs, **index})
