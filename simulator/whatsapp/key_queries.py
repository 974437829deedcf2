"""Pre-keys: counting, uploading, rotating, and bundles of others (protocol §10)."""

from dataclasses import replace
from hashlib import sha1

from simulator.whatsapp.accounts import Spot
from simulator.whatsapp.published_keys import PublishedKeys
from simulator.whatsapp.queries import BAD_REQUEST, Children
from simulator.whatsapp.server_core import ServerCore
from whatsapp.jid import Jid
from whatsapp.keys import KEY_BYTES, KEY_TYPE
from whatsapp.nodes import Node
from whatsapp.prekey_nodes import (
    ID_BYTES,
    bundle_children,
    parse_upload,
    registration_node,
)
from whatsapp.xeddsa import SIGNATURE_BYTES

MAX_ASKED = 2000


class KeyQueries:
    """The namespace `encrypt`."""

    def __init__(self, core: ServerCore, keys: PublishedKeys) -> None:
        self._core = core
        self._keys = keys

    def answer(self, spot: Spot, node: Node) -> Children:
        """One question."""
        if node.optional("type") == "get":
            if node.find("count") is not None:
                return (Node.make("count", value=len(spot.device.one_time)),)
            if node.find("digest") is not None:
                return (self._digest(spot),)
            return (self._bundles(node.need("key")),)
        if (rotate := node.find("rotate")) is not None:
            self._rotate(spot, rotate.need("skey"))
        elif node.find("list") is not None:
            self._keys.publish(spot, parse_upload(node))
        else:
            raise BAD_REQUEST
        return ()

    def _rotate(self, spot: Spot, key: Node) -> None:
        bundle = replace(
            spot.device.bundle,
            signed_pre_key_id=int.from_bytes(key.need("id").fixed(ID_BYTES), "big"),
            signed_pre_key=key.need("value").fixed(KEY_BYTES),
            signature=key.need("signature").fixed(SIGNATURE_BYTES),
        )
        self._keys.rotate(spot, bundle)

    def _bundles(self, asked: Node) -> Node:
        users = [self._bundle(user.jid_attr("jid")) for user in list(asked.all("user"))[:MAX_ASKED]]
        return Node("list", {}, tuple(users))

    def _bundle(self, jid: Jid) -> Node:
        spot = self._core.accounts.spot(jid)
        if spot is None:
            error = Node.make("error", code=404, text="item-not-found")
            return Node("user", {"jid": jid}, (error,))
        children = bundle_children(self._keys.take(spot))
        return Node("user", {"jid": jid, "t": str(self._core.now)}, children)

    def _digest(self, spot: Spot) -> Node:
        """What the server holds of the device, for it to compare."""
        bundle = spot.device.bundle
        ids = [key_id.to_bytes(ID_BYTES, "big") for key_id in spot.device.one_time]
        held = bundle.identity_key + bundle.signed_pre_key + bundle.signature
        held += b"".join(public for public in spot.device.one_time.values())
        signed_id = bundle.signed_pre_key_id.to_bytes(ID_BYTES, "big")
        signed = (
            Node("id", {}, signed_id),
            Node("value", {}, bundle.signed_pre_key),
            Node("signature", {}, bundle.signature),
        )
        children = (
            registration_node(bundle.registration_id),
            Node("type", {}, KEY_TYPE),
            Node("identity", {}, bundle.identity_key),
            Node("skey", {}, signed),
            Node("list", {}, tuple(Node("id", {}, one) for one in ids)),
            Node("hash", {}, sha1(held, usedforsecurity=False).digest()),
        )
        return Node("digest", {}, children)
