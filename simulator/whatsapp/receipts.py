"""Receipts on their way (protocol §13): acknowledged, and passed on to whom they are about."""

from simulator.whatsapp.accounts import Spot
from simulator.whatsapp.delivery import Delivery
from simulator.whatsapp.messages import Reply
from simulator.whatsapp.server_core import ServerCore
from whatsapp.jid import Jid
from whatsapp.nodes import Attribute, Node

# Of these nobody else hears.
KEPT_HERE = ("hist_sync", "peer_msg", "server-error")
# These do not answer the message. Who asks for it again acknowledges it, too, maybe after it was sent again.
NOT_ANSWERS = ("retry", "read", "read-self", "played", "played-self", "hist_sync", "server-error")
# Only the own other devices hear.
PRIVATE = ("read-self", "played-self")


class Receipts:
    """Delivered, read, played, retry."""

    def __init__(self, core: ServerCore, delivery: Delivery) -> None:
        self._core = core
        self._delivery = delivery

    def take(self, sender: Spot, node: Node, reply: Reply) -> None:
        """One receipt of a device."""
        kind = node.optional("type")
        if kind not in NOT_ANSWERS:
            self._delivery.answered(sender, node)
            for one in _others(node):
                self._delivery.answered(sender, Node("receipt", {**node.attrs, "id": one}))
        reply(self._ack(node))
        if kind in KEPT_HERE:
            return
        if kind in PRIVATE:
            self._to_own(sender, node)
            return
        to = node.jid_attr("to")
        about = node.optional_jid("participant") if to.is_group or to.is_broadcast else to
        if about is None or not about.is_user:
            return
        if kind in ("retry", "sender"):
            self._to_device(sender, about, node)
        else:
            self._to_account(sender, about, node)
        if kind in ("read", "played"):
            self._to_own(sender, node)

    def _ack(self, node: Node) -> Node:
        attrs: dict[str, Attribute] = {
            "class": "receipt",
            "id": node.text_attr("id"),
            "from": node.jid_attr("to"),
        }
        attrs |= {name: node.attrs[name] for name in ("type", "participant") if name in node.attrs}
        return Node("ack", attrs)

    def _to_device(self, sender: Spot, about: Jid, node: Node) -> None:
        spot = self._core.accounts.spot(about)
        if spot is not None:
            self._delivery.deliver(spot, self._passed_on(sender, node, about.is_lid))

    def _to_account(self, sender: Spot, about: Jid, node: Node) -> None:
        account = self._core.accounts.of(about)
        if account is not None and account is not sender.account:
            passed_on = self._passed_on(sender, node, about.is_lid)
            self._delivery.deliver_all(self._core.accounts.spots(account), passed_on)

    def _to_own(self, sender: Spot, node: Node) -> None:
        """Our other devices learn that we read it."""
        to = node.jid_attr("to")
        attrs = {name: value for name, value in node.attrs.items() if name not in ("to", "type")}
        attrs |= {"type": node.text_attr("type").removesuffix("-self") + "-self", "t": str(self._core.now)}
        attrs |= {"from": sender.jid(not to.is_pn), "recipient": to.without_device}
        for spot in self._core.accounts.spots(sender.account, but=sender.device):
            self._delivery.deliver(spot, Node("receipt", attrs, node.content))

    def _passed_on(self, sender: Spot, node: Node, by_lid: bool) -> Node:
        to = node.jid_attr("to")
        attrs = {name: value for name, value in node.attrs.items() if name not in ("to", "participant")}
        attrs["t"] = str(self._core.now)
        group = self._core.groups.get(to)
        if group is not None:
            attrs |= {"from": to, "participant": sender.jid(group.by_lid)}
        else:
            attrs["from"] = sender.jid(by_lid)
        return Node("receipt", attrs, node.content)


def _others(node: Node) -> list[str]:
    listed = node.find("list")
    return [] if listed is None else [item.text_attr("id") for item in listed.all("item")]
