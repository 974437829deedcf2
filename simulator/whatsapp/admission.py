"""From the handshake to a connection that is known (protocol §4, §8): registration or login."""

from hashlib import md5

from simulator.whatsapp.accounts import Spot
from simulator.whatsapp.delivery import Delivery
from simulator.whatsapp.ends import failure
from simulator.whatsapp.link import Link, Stage
from simulator.whatsapp.linking import Linking
from simulator.whatsapp.refusals import Refusals
from simulator.whatsapp.server_core import ServerCore
from whatsapp.jid import SERVER, USER_SERVER, Jid
from whatsapp.keys import KEY_TYPE
from whatsapp.nodes import Node

WEB_VERSION = (2, 3000)


class Admission:
    """Decides who a connection is."""

    def __init__(self, core: ServerCore, linking: Linking, delivery: Delivery, refusals: Refusals) -> None:
        self._core = core
        self._linking = linking
        self._delivery = delivery
        self._refusals = refusals

    def admit(self, link: Link) -> None:
        """The handshake is complete. Raises ProtocolError for a registration that cannot be."""
        self._core.observed.counts["connections"] += 1
        self._check_payload(link)
        refusal = self._refusals.for_link(link)
        if refusal is not None:
            self._refuse(link, refusal)
        elif link.payload.HasField("device_pairing_data"):
            self._linking.register(link)
        else:
            self._login(link)

    def _login(self, link: Link) -> None:
        jid = Jid(str(link.payload.username), USER_SERVER, link.payload.device)
        spot = self._core.accounts.spot(jid)
        if spot is None or not spot.device.noise or spot.device.noise != link.noise:
            self._refuse(link, failure(401))
            return
        before = self._core.link_of(spot.device)
        if before is not None:
            self._refusals.end(before, "replaced")
        self._welcome(link, spot)

    def _welcome(self, link: Link, spot: Spot) -> None:
        link.spot, link.stage = spot, Stage.OPEN
        spot.device.link = link.number
        self._core.observed.counts["logins"] += 1
        success = Node.make(
            "success",
            t=self._core.now,
            lid=spot.jid(True),
            display_name=spot.account.name or None,
            creation=self._core.now,
            props="27",
        )
        link.send(success)
        routing = Node("routing_info", {}, b"\x08\x01" + self._core.rng(6))
        link.send(Node("ib", {"from": SERVER}, (Node("edge_routing", {}, (routing,)),)))
        self._delivery.offer(link, spot)

    def _refuse(self, link: Link, why: Node) -> None:
        link.stage = Stage.UNLINKED
        link.end(why)

    def _check_payload(self, link: Link) -> None:
        version = link.payload.user_agent.app_version
        if (version.primary, version.secondary) != WEB_VERSION:
            self._core.observed.complain(link.who, "a client version that is not 2.3000.x")
        if link.payload.HasField("device_pairing_data"):
            told = f"{version.primary}.{version.secondary}.{version.tertiary}".encode()
            data = link.payload.device_pairing_data
            if data.build_hash != md5(told, usedforsecurity=False).digest():
                self._core.observed.complain(link.who, "a build hash that is not of the version told")
            if data.e_keytype != KEY_TYPE:
                self._core.observed.complain(link.who, "a key type that is not 5")
