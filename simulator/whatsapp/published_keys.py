"""The keys that devices publish: uploads, and bundles for others (protocol §10)."""

from simulator.whatsapp.accounts import Spot
from simulator.whatsapp.delivery import Delivery
from simulator.whatsapp.phones import Phones
from simulator.whatsapp.server_core import ServerCore
from whatsapp import xeddsa
from whatsapp.jid import SERVER
from whatsapp.keys import serialize_public
from whatsapp.nodes import Node
from whatsapp.prekey_nodes import Upload
from whatsapp.signal_session import PreKeyBundle


class PublishedKeys:
    """Each one-time key is given out once; a device that runs low is told."""

    def __init__(self, core: ServerCore, delivery: Delivery, phones: Phones) -> None:
        self._core = core
        self._delivery = delivery
        self._phones = phones
        self.withheld: set[str] = set()  # devices whose one-time keys are not given out, for tests

    def publish(self, spot: Spot, upload: Upload) -> None:
        """An upload. A wrong signature is noted, and stored all the same: readers must notice."""
        check_bundle(self._core, spot.key, upload.bundle)
        if spot.device.bundle.identity_key != upload.bundle.identity_key:
            self._core.observed.complain(spot.key, "uploads the keys of another identity")
        spot.device.publish(upload)
        self._core.save_device(spot)
        for key in upload.pre_keys:
            self._core.journal.put(f"key:{spot.key}", str(key.id), key.public)

    def rotate(self, spot: Spot, bundle: PreKeyBundle) -> None:
        """A new signed key."""
        check_bundle(self._core, spot.key, bundle)
        spot.device.bundle = bundle
        self._core.save_device(spot)

    def take(self, spot: Spot) -> PreKeyBundle:
        """A bundle for one asker."""
        device = spot.device
        if spot.key in self.withheld or not device.one_time:
            return device.bundle
        bundle = device.take_bundle()
        self._core.journal.delete(f"key:{spot.key}", str(bundle.pre_key_id))
        if len(device.one_time) < self._core.settings.low_keys:
            self._running_low(spot)
        return bundle

    def drop_one_time(self, spot: Spot) -> None:
        """As after a loss on the server: nothing is left but the signed key."""
        for key_id in spot.device.one_time:
            self._core.journal.delete(f"key:{spot.key}", str(key_id))
        spot.device.one_time.clear()

    def _running_low(self, spot: Spot) -> None:
        if spot.device.number == 0:
            self.publish(spot, self._phones.of(spot.account).phone.new_keys())
            return
        left = len(spot.device.one_time)
        if left in (0, self._core.settings.low_keys - 1):
            self._delivery.deliver(spot, self.count_notification(left))

    def count_notification(self, left: int) -> Node:
        """What a device is told whose keys run low."""
        return Node.make(
            "notification",
            (Node.make("count", value=left),),
            from_=SERVER,
            type="encrypt",
            id=self._core.next_id(),
            t=self._core.now,
        )


def check_bundle(core: ServerCore, who: str, bundle: PreKeyBundle) -> None:
    """Complain of a signed key that its identity did not sign."""
    if not xeddsa.verify(bundle.identity_key, serialize_public(bundle.signed_pre_key), bundle.signature):
        core.observed.complain(who, "the signed pre-key is not signed by the identity")
