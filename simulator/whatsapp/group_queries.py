"""Groups: questions and changes (namespace `w:g2`), and the notifications that changes cause (protocol §16)."""

from simulator.whatsapp.accounts import Account, Spot
from simulator.whatsapp.delivery import Delivery
from simulator.whatsapp.groups import ADMIN, MEMBER, SUPERADMIN, Group
from simulator.whatsapp.queries import BAD_REQUEST, FORBIDDEN, NOT_FOUND, Children
from simulator.whatsapp.server_core import ServerCore
from whatsapp.jid import Jid
from whatsapp.nodes import Attribute, Node


class GroupQueries:
    """Every member's devices are told of every change."""

    def __init__(self, core: ServerCore, delivery: Delivery) -> None:
        self._core = core
        self._delivery = delivery

    def answer(self, spot: Spot, node: Node) -> Children:
        """One question or change, about one group or about all."""
        to = node.jid_attr("to")
        if not to.user:
            if node.find("participating") is not None:
                return (Node("groups", {}, tuple(self._all_of(spot.account))),)
            if (leave := node.find("leave")) is not None:
                return (self._leave(spot, leave),)
            return (self.described(self._create(spot, node.need("create"))),)
        group = self._core.groups.get(to)
        if group is None:
            raise NOT_FOUND
        if spot.account.number not in group.members:
            raise FORBIDDEN
        if node.optional("type") == "get":
            return (self.described(group),)
        return tuple(self._change(spot, group, change) for change in node.children)

    def _all_of(self, account: Account) -> list[Node]:
        groups = self._core.groups.values()
        return [self.described(group) for group in groups if account.number in group.members]

    # ── how a group looks ────────────────────────────────────────────────────────────────────────────────────────

    def described(self, group: Group) -> Node:
        """`<group>`."""
        creator = self._core.accounts.by_number(group.creator)
        children = [self._participant(group, number) for number in group.members]
        if group.description:
            body = Node("body", {}, group.description.encode())
            children.append(Node("description", {"id": "D0"}, (body,)))
        children += [Node("announcement")] if group.announcement else []
        children += [Node("locked")] if group.locked else []
        return Node.make(
            "group",
            tuple(children),
            id=group.id,
            subject=group.subject,
            creation=group.created_at,
            creator=None if creator is None else creator.jid(group.by_lid),
            s_t=group.created_at,
            s_o=None if creator is None else creator.jid(group.by_lid),
            size=len(group.members),
            addressing_mode=group.addressing_mode,
        )

    def _participant(self, group: Group, number: str) -> Node:
        account = self._core.accounts.by_number(number)
        assert account is not None, "members are accounts"
        attrs: dict[str, Attribute] = {"jid": account.jid(group.by_lid)}
        attrs["phone_number" if group.by_lid else "lid"] = account.jid(not group.by_lid)
        if group.members[number]:
            attrs["type"] = group.members[number]
        return Node("participant", attrs)

    # ── changes ──────────────────────────────────────────────────────────────────────────────────────────────────

    def create(self, creator: Account, subject: str, members: list[Account], by_lid: bool = True) -> Group:
        """A new group; everybody is told."""
        number = str(120363 * 10**12 + int.from_bytes(self._core.rng(8), "big") % 10**12)
        group = Group(number, subject, creator.number, self._core.now, by_lid=by_lid)
        group.members[creator.number] = SUPERADMIN
        group.members.update({member.number: MEMBER for member in members if member is not creator})
        self._core.save_group(group)
        create = Node.make("create", (self.described(group),), type="new")
        self.notify(group, Spot(creator, creator.devices[0]), create)
        return group

    def _create(self, spot: Spot, create: Node) -> Group:
        found = [self._core.accounts.of(one.jid_attr("jid")) for one in create.all("participant")]
        members = [account for account in found if account is not None]
        return self.create(spot.account, create.text_attr("subject"), members)

    def _leave(self, spot: Spot, leave: Node) -> Node:
        """Any number of groups at once."""
        for one in leave.all("group"):
            group = self._core.groups.get(one.jid_attr("id"))
            if group is not None and spot.account.number in group.members:
                self.change_members(group, spot, "remove", [spot.account])
        return Node("leave", {}, leave.content)

    def _change(self, spot: Spot, group: Group, change: Node) -> Node:
        by = spot.account.number
        if change.tag != "leave" and change.tag != "subject" and not group.is_admin(by):
            raise FORBIDDEN
        match change.tag:
            case "add" | "remove" | "promote" | "demote":
                found = [self._core.accounts.of(one.jid_attr("jid")) for one in change.all("participant")]
                members = [account for account in found if account is not None]
                return self.change_members(group, spot, change.tag, members)
            case "leave":
                self.change_members(group, spot, "remove", [spot.account])
            case "subject":
                group.subject = change.text
                self._changed(group, spot, Node.make("subject", subject=group.subject, s_t=self._core.now))
            case "description":
                group.description = "" if (body := change.find("body")) is None else body.text
                self._changed(group, spot, change)
            case "announcement" | "not_announcement":
                group.announcement = change.tag == "announcement"
                self._changed(group, spot, change)
            case "locked" | "unlocked":
                group.locked = change.tag == "locked"
                self._changed(group, spot, change)
            case _:
                raise BAD_REQUEST
        return Node(change.tag)

    def change_members(self, group: Group, by: Spot, what: str, members: list[Account]) -> Node:
        """add, remove, promote or demote; returns what became of each."""
        told = self._told(group)
        listed = []
        for member in members:
            present = member.number in group.members
            listed.append(Node.make("participant", jid=member.jid(group.by_lid)))
            if what == "remove":
                group.members.pop(member.number, None)
            elif what == "add" and not present:
                group.members[member.number] = MEMBER
            elif what in ("promote", "demote") and present:
                group.members[member.number] = ADMIN if what == "promote" else MEMBER
        self._core.save_group(group)
        told |= self._told(group)
        self._notify(group, by, Node(what, {}, tuple(listed)), told)
        return Node(what, {}, tuple(listed))

    def _changed(self, group: Group, by: Spot, change: Node) -> None:
        self._core.save_group(group)
        self.notify(group, by, change)

    # ── notifications ────────────────────────────────────────────────────────────────────────────────────────────

    def notify(self, group: Group, by: Spot, change: Node) -> None:
        """Tell all members' devices but the one that did it."""
        self._notify(group, by, change, self._told(group))

    def _told(self, group: Group) -> set[Spot]:
        members = [self._core.accounts.by_number(number) for number in group.members]
        return {spot for one in members if one is not None for spot in self._core.accounts.spots(one)}

    def _notify(self, group: Group, by: Spot, change: Node, spots: set[Spot]) -> None:
        attrs: dict[str, Attribute] = {"from": Jid(group.id, "g.us"), "type": "w:gp2"}
        attrs |= {"participant": by.account.jid(group.by_lid), "addressing_mode": group.addressing_mode}
        attrs |= {"id": self._core.next_id(), "t": str(self._core.now), "notify": by.account.name or "-"}
        for spot in sorted(spots, key=lambda one: one.key):
            if spot != by:
                self._delivery.deliver(spot, Node("notification", attrs, (change,)))
