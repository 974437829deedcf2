"""Questions whose answers clients want and hardly use: properties, privacy, block list, profile, media hosts."""

from simulator.whatsapp.accounts import Account, Spot
from simulator.whatsapp.delivery import Delivery
from simulator.whatsapp.queries import NOT_FOUND, Answerer, Children
from simulator.whatsapp.server_core import ServerCore
from whatsapp.nodes import Attribute, Node

PROPERTIES = {"1": "0"}
PRIVACY = {
    "readreceipts": "all",
    "profile": "contacts",
    "status": "contacts",
    "online": "all",
    "last": "contacts",
    "groupadd": "all",
    "calladd": "all",
    "messages": "all",
}
MEDIA_TTL_S = 21_600
MAX_MEDIA_BYTES = 100 * 2**20


class SmallQueries:
    """`answerers`: by namespace."""

    def __init__(self, core: ServerCore, delivery: Delivery) -> None:
        self._core = core
        self._delivery = delivery
        self.answerers: dict[str, Answerer] = {
            "abt": self._properties,
            "w": self._properties,
            "privacy": self._privacy,
            "blocklist": self._block_list,
            "status": self._status,
            "w:profile:picture": self._picture,
            "w:m": self._media,
            "w:biz": self._business,
        }

    def _properties(self, spot: Spot, node: Node) -> Children:
        listed = tuple(
            Node.make("prop", name=name, value=value, config_code=name) for name, value in PROPERTIES.items()
        )
        return (Node.make("props", listed, hash=f"{len(listed)}", ab_key="sim", refresh=86_400, protocol=1),)

    def _privacy(self, spot: Spot, node: Node) -> Children:
        tokens = node.find("tokens")
        if tokens is not None:
            for token in tokens.all("token"):
                self._token(spot, token)
            return ()
        listed = tuple(Node.make("category", name=name, value=value) for name, value in PRIVACY.items())
        return (Node("privacy", {}, listed),)

    def _token(self, spot: Spot, token: Node) -> None:
        """A device trusts a contact: all devices of the contact get a token of it (protocol §15)."""
        contact = self._core.accounts.of(token.jid_attr("jid"))
        if contact is None:
            return
        secret = contact.tokens[spot.account.lid] = self._core.rng(16)
        self._core.save_account(contact)
        at = token.text_attr("t", str(self._core.now))
        given = Node("token", {"type": token.text_attr("type"), "t": at}, secret)
        attrs: dict[str, Attribute] = {"from": spot.account.pn_jid()}
        if self._core.settings.tells_lids:
            attrs["sender_lid"] = spot.account.lid_jid()
        attrs |= {"type": "privacy_token", "t": str(self._core.now)}
        for target in self._core.accounts.spots(contact):
            if target.device.number:
                tokens = Node("tokens", {}, (given,))
                notification = Node("notification", {**attrs, "id": self._core.next_id()}, (tokens,))
                self._delivery.deliver(target, notification)

    def _block_list(self, spot: Spot, node: Node) -> Children:
        account = spot.account
        for item in node.all("item"):
            other = self._core.accounts.of(item.jid_attr("jid"))
            if other is not None:
                act = account.blocked.add if item.text_attr("action") == "block" else account.blocked.discard
                act(other.number)
        self._core.save_account(account)
        listed = tuple(
            Node.make("item", jid=other.lid_jid(), pn_jid=other.pn_jid()) for other in self._blocked(account)
        )
        return (Node.make("list", listed, addressing_mode="lid"),)

    def _blocked(self, account: Account) -> list[Account]:
        found = (self._core.accounts.by_number(number) for number in sorted(account.blocked))
        return [other for other in found if other is not None]

    def _status(self, spot: Spot, node: Node) -> Children:
        given = node.find("status")
        if given is not None:
            spot.account.about = given.text
            self._core.save_account(spot.account)
        return ()

    def _picture(self, spot: Spot, node: Node) -> Children:
        """Nobody has one."""
        if node.optional("type") == "get":
            raise NOT_FOUND
        return ()

    def _media(self, spot: Spot, node: Node) -> Children:
        """Where uploads go; nothing is served there."""
        named = {"hostname": self._core.settings.media_host, "maxContentLengthBytes": str(MAX_MEDIA_BYTES)}
        hosts = (Node("host", {**named, "type": "primary"}), Node("host", {**named, "type": "fallback"}))
        auth = self._core.rng(24).hex()
        times = {"ttl": 300, "auth_ttl": MEDIA_TTL_S, "max_buckets": 12}
        return (Node.make("media_conn", hosts, auth=auth, id=self._core.now, **times),)

    def _business(self, spot: Spot, node: Node) -> Children:
        return (Node("business_profile", {"v": "116"}),)
