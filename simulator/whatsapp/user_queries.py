"""Questions about users (protocol §12.3): device lists, LIDs, whether a number is here."""

from simulator.whatsapp.accounts import Account, Spot
from simulator.whatsapp.device_lists import DeviceLists
from simulator.whatsapp.queries import Children
from simulator.whatsapp.server_core import ServerCore
from whatsapp.jid import USER_SERVER, Jid
from whatsapp.nodes import Node
from whatsapp.usync import MAX_USERS


class UserQueries:
    """The namespace `usync`."""

    def __init__(self, core: ServerCore, lists: DeviceLists) -> None:
        self._core = core
        self._lists = lists

    def answer(self, spot: Spot, node: Node) -> Children:
        """One question about any number of users, each by address or by number."""
        usync = node.need("usync")
        asked = [child.tag for child in usync.need("query").children]
        users = [self._user(user, asked) for user in list(usync.need("list").all("user"))[:MAX_USERS]]
        results = Node("result", {}, tuple(Node(tag) for tag in asked))
        attrs = {name: usync.attrs[name] for name in ("sid", "mode", "context") if name in usync.attrs}
        attrs |= {"index": "0", "last": "true"}
        return (Node("usync", attrs, (results, Node("list", {}, tuple(users)))),)

    def _user(self, user: Node, asked: list[str]) -> Node:
        contact = user.find("contact")
        if contact is not None and contact.data:
            number = contact.text.lstrip("+")
            jid = Jid(number, USER_SERVER)
        else:
            jid = user.jid_attr("jid").without_device
        account = self._core.accounts.of(jid)
        children = [child for tag in asked for child in self._told(tag, account, contact)]
        attrs = {"jid": jid}
        if account is not None and jid.is_lid:
            attrs["pn_jid"] = account.pn_jid()
        return Node("user", attrs, tuple(children))

    def _told(self, tag: str, account: Account | None, contact: Node | None) -> list[Node]:
        """The answer to one of the things asked; nothing for what this server does not know."""
        match tag:
            case "contact":
                return [Node("contact", {"type": "out" if account is None else "in"}, _same(contact))]
            case "devices" if account is not None:
                return [self._lists.listed(account)]
            case "lid" if account is not None and self._core.settings.tells_lids:
                return [Node("lid", {"val": account.lid_jid()})]
            case "status" if account is not None:
                return [Node("status", {"t": str(self._core.now)}, account.about.encode())]
            case "disappearing_mode" if account is not None:
                return [Node("disappearing_mode", {"duration": "0", "t": str(self._core.now)})]
            case _:
                return []


def _same(contact: Node | None) -> bytes | None:
    """The number as it was asked for."""
    return None if contact is None or not contact.data else contact.data
