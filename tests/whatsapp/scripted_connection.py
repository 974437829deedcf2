"""What a scripted server says on one connection: the handshake, the login, the answers to questions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tests.whatsapp.scripted_server import WALL_S, Device, Server
from whatsapp import wire_pb2 as wire
from whatsapp.channel import ServerChannel
from whatsapp.errors import LocalProtocolError
from whatsapp.jid import SERVER, Jid
from whatsapp.nodes import Node
from whatsapp.prekey_nodes import parse_upload


class Unwritable(Exception):
    """The server itself has no encoding for a node that a test wanted it to send."""


class Connection:
    """One client connection at the server."""

    def __init__(self, server: Server, to_client: Callable[[bytes], None]) -> None:
        self.server = server
        self.channel = ServerChannel(server.static, server.chain, server.rng)
        self._to_client = to_client
        self.device: Device | None = None
        self.ready = False
        self.pairing: Device | None = None
        self.closed = False
        self.payload: wire.ClientPayload | None = None
        self.answers: dict[str, Callable[[Node], Node | None]] = {}

    def send(self, node: Node) -> None:
        try:
            data = self.channel.send(node)
        except LocalProtocolError as error:
            raise Unwritable(str(error)) from None
        self.server.pending.append(lambda: None if self.closed else self._to_client(data))

    def send_raw(self, plaintext: bytes) -> None:
        data = self.channel.send_plaintext(plaintext)
        self.server.pending.append(lambda: None if self.closed else self._to_client(data))

    def receive(self, data: bytes) -> None:
        received = self.channel.receive(data)
        if received.reply:
            self.server.pending.append(lambda: None if self.closed else self._to_client(received.reply))
        if received.established:
            self._admit()
        for node in received.nodes:
            self._take(node)

    def close(self) -> None:
        self.closed = True
        if self.device is not None and self.device.connection is self:
            self.device.connection = None

    def _admit(self) -> None:
        client = self.channel.client
        assert client is not None
        self.payload = wire.ClientPayload.FromString(client.payload)
        if self.payload.HasField("device_pairing_data"):
            self.server.links[client.client_static.hex()] = self
            refs = tuple(Node("ref", {}, b"ref%d" % number) for number in range(6))
            offer = Node("pair-device", {}, refs)
            self.send(Node("iq", {"type": "set", "id": "pair1", "from": SERVER}, (offer,)))
            return
        jid = Jid(str(self.payload.username), "s.whatsapp.net", self.payload.device)
        device = self.server.devices.get(jid)
        if device is None or device.noise != client.client_static:
            self.send(Node("failure", {"reason": "401"}))
            return
        self.device, device.connection, self.ready = device, self, True
        attrs = (
            {"t": str(int(WALL_S)), "lid": device.lid.without_device} if self.server.use_lid else {"t": "1"}
        )
        self.send(Node("success", attrs))
        queued, device.queue = device.queue, []
        for node in queued:
            self.send(Node(node.tag, {**node.attrs, "offline": "1"}, node.content))
        self.send(Node("ib", {}, (Node.make("offline", count=len(queued)),)))

    def pair(self, phone: str, number: int, identity: bytes) -> None:
        jid, lid = self.server.addresses(phone, number)
        self.pairing = Device(jid, lid, self.channel.client.client_static)
        children = (
            Node("device-identity", {}, identity),
            Node("device", {"jid": jid, "lid": lid}),
            Node.make("platform", name="android"),
        )
        success = Node("pair-success", {}, children)
        self.send(Node("iq", {"type": "set", "id": "pair2", "from": SERVER, "t": "1"}, (success,)))

    def _take(self, node: Node) -> None:
        if self.device is not None:
            self.server.heard.append((self.device.jid, node))
        match node.tag:
            case "iq":
                self._iq(node)
            case "message" if self.device is not None:
                self.server.message(self.device, node)
            case "receipt" if self.device is not None:
                self.server.receipt(self.device, node)

    def _iq(self, node: Node) -> None:
        if node.optional("type") == "result" and node.find("pair-device-sign") is not None:
            self.server.devices[self.pairing.jid] = self.pairing
            self.send(Node("stream:error", {"code": "515"}))
            return
        if node.optional("type") not in ("get", "set"):
            return
        answer = self._answer(node)
        if answer is not None:
            attrs = {"type": "result", "from": node.attrs["to"], **answer.attrs, "id": node.attrs["id"]}
            self.send(Node("iq", attrs, answer.content))

    def _answer(self, node: Node) -> Node | None:
        xmlns = node.optional("xmlns") or ""
        if xmlns in self.answers:
            return self.answers[xmlns](node)
        match xmlns:
            case "encrypt":
                return self._keys(node)
            case "usync":
                return self._usync(node)
            case "w:g2":
                return self._group(node)
            case _:
                return Node("iq")

    def _keys(self, node: Node) -> Node:
        if node.find("count") is not None:
            left = 0 if self.device.upload is None else len(self.device.upload.pre_keys)
            return Node("iq", {}, (Node.make("count", value=left),))
        if node.find("list") is not None:
            fresh = parse_upload(node)
            before = () if self.device.upload is None else self.device.upload.pre_keys
            self.device.upload = replace(fresh, pre_keys=before + fresh.pre_keys)
        if (asked := node.find("key")) is not None:
            users = []
            for user in asked.children:
                device = self.server.device(user.jid_attr("jid"))
                if device is None or device.upload is None:
                    error = Node.make("error", code=404, text="item-not-found")
                    users.append(Node("user", {"jid": user.attrs["jid"]}, (error,)))
                else:
                    users.append(Node("user", {"jid": user.attrs["jid"]}, device.next_bundle()))
            return Node("iq", {}, (Node("list", {}, tuple(users)),))
        return Node("iq")

    def _usync(self, node: Node) -> Node:
        users = []
        for user in node.need("usync", "list").children:
            contact = user.find("contact")
            jid = Jid(contact.text[1:], "s.whatsapp.net") if contact is not None else user.jid_attr("jid")
            devices = self.server.of_user(jid)
            children = []
            if contact is not None:
                children.append(Node.make("contact", type="in" if devices else "out"))
            elif devices:
                listed = tuple(usync_device(one.jid.device, one.jid.is_hosted) for one in devices)
                children.append(Node("devices", {}, (Node("device-list", {}, listed),)))
            if devices and self.server.use_lid:
                children.append(Node("lid", {"val": devices[0].lid.without_device}))
            users.append(Node("user", {"jid": jid.without_device}, tuple(children)))
        return Node("iq", {}, (Node("usync", {}, (Node("list", {}, tuple(users)),)),))

    def _group(self, node: Node) -> Node:
        group = self.server.groups.get(node.jid_attr("to"))
        if group is None:
            return Node("iq", {"type": "error"}, (Node.make("error", code=404, text="item-not-found"),))
        members = []
        for member in group.members:
            pn, lid = self.server.addresses(member, 0)
            attrs = {"jid": lid, "phone_number": pn} if group.lid_addressing else {"jid": pn, "lid": lid}
            members.append(Node("participant", attrs))
        attrs = {"id": group.jid.user, "subject": group.subject, "creation": "1700000000"}
        attrs["addressing_mode"] = "lid" if group.lid_addressing else "pn"
        return Node("iq", {}, (Node("group", attrs, tuple(members)),))


def usync_device(number: int, hosted: bool = False) -> Node:
    """A device in a device list; companions have a key index."""
    attrs = {"id": str(number)} | ({"key-index": str(number)} if number else {})
    attrs |= {"is_hosted": "true"} if hosted else {}
    return Node("device", attrs)
