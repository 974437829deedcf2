"""A small WhatsApp server in memory for tests of the session: accounts, devices, fan-out, an offline queue.

Devices are either `Session`s, driven by a `Client`, or phones that are only a Signal party. Nothing here has I/O or
a clock of its own. Deliveries wait in `Server.pending` until `run()`, so that tests may look at them, drop or change
them first.
"""

from __future__ import annotations

import random
from base64 import b64decode
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from core.effects import (
    Authenticated,
    Change,
    Disconnected,
    Emit,
    Persist,
    ProtocolEffect,
    Reply,
    Send,
    WakeAt,
)
from core.failures import Failure
from core.protocol import Invoke, SendContent
from whatsapp import wire_pb2 as wire
from whatsapp.adv import issue_identity
from whatsapp.certificates import Validity, issue_chain
from whatsapp.channel import ServerChannel
from whatsapp.errors import LocalProtocolError
from whatsapp.jid import SERVER, Jid
from whatsapp.keys import KeyPair
from whatsapp.nodes import Node
from whatsapp.prekey_nodes import Upload, bundle_children, parse_upload
from whatsapp.session import Session
from whatsapp.session_settings import SessionSettings
from whatsapp.state import MemoryState

WALL_S = 1_800_000_000.0
QR_START = "https://wa.me/settings/linked_devices#"


class Unwritable(Exception):
    """The server itself has no encoding for a node that a test wanted it to send."""


@dataclass
class Device:
    """One device as the server knows it. `queue`: stanzas while it is away; `take`: of a phone."""

    jid: Jid
    lid: Jid
    noise: bytes = b""
    upload: Upload | None = None
    connection: Connection | None = None
    queue: list[Node] = field(default_factory=list)
    take: Callable[[Node], None] | None = None

    def next_bundle(self) -> tuple[Node, ...]:
        assert self.upload is not None
        bundle = self.upload.bundle
        if self.upload.pre_keys:
            first, *rest = self.upload.pre_keys
            self.upload = replace(self.upload, pre_keys=tuple(rest))
            bundle = replace(bundle, pre_key_id=first.id, pre_key=first.public)
        return bundle_children(bundle)


@dataclass
class Group:
    jid: Jid
    members: list[str]
    lid_addressing: bool = True
    subject: str = "Test group"


class Server:
    """Accounts are named by their number; the LID of 62811 is 900062811."""

    def __init__(self, seed: int = 1) -> None:
        self.rng = random.Random(seed).randbytes
        self.root, self.intermediate = KeyPair.generate(self.rng), KeyPair.generate(self.rng)
        self.static = KeyPair.generate(self.rng)
        validity = Validity(int(WALL_S) - 10**6, int(WALL_S) + 10**8)
        self.chain = issue_chain(self.root, self.intermediate, self.static.public, validity, self.rng)
        self.devices: dict[Jid, Device] = {}
        self.groups: dict[Jid, Group] = {}
        self.heard: list[tuple[Jid, Node]] = []
        self.pending: deque[Callable[[], None]] = deque()
        self.ack_errors: dict[str, int] = {}
        self.ack_hash: str | None = None
        self.silent: set[str] = set()
        self.use_lid = True
        self.ack_receipts = True
        self.spoil: Callable[[Jid, Node], Node | None] = lambda to, node: node
        self.links: dict[str, object] = {}

    # ── accounts ─────────────────────────────────────────────────────────────────────────────────────────────────

    def addresses(self, phone: str, device: int) -> tuple[Jid, Jid]:
        return Jid(phone, "s.whatsapp.net", device), Jid(f"9000{phone}", "lid", device)

    def add(self, phone: str, device: int) -> Device:
        made = Device(*self.addresses(phone, device))
        self.devices[made.jid] = made
        return made

    def device(self, jid: Jid) -> Device | None:
        return next((one for one in self.devices.values() if jid in (one.jid, one.lid)), None)

    def of_user(self, jid: Jid) -> list[Device]:
        user = jid.without_device
        return [
            one for one in self.devices.values() if user in (one.jid.without_device, one.lid.without_device)
        ]

    # ── deliveries ───────────────────────────────────────────────────────────────────────────────────────────────

    def run(self) -> None:
        """Deliver until nothing is on its way."""
        for _ in range(100_000):
            if not self.pending:
                return
            self.pending.popleft()()
        raise AssertionError("the stanzas never come to an end")

    def deliver(self, device: Device, node: Node) -> None:
        if device.take is not None:
            self.pending.append(lambda: device.take(node))
        elif device.connection is not None and device.connection.ready:
            device.connection.send(node)
        else:
            device.queue.append(node)

    def named(self, jid: Jid, lid: bool) -> Jid:
        device = self.device(jid)
        if device is None:
            return jid
        return device.lid if lid else device.jid

    def message(self, sender: Device, node: Node) -> None:
        """Fan out what a device sent, and acknowledge it."""
        to, message_id = node.jid_attr("to"), node.text_attr("id")
        if message_id in self.silent:
            return
        error = self.ack_errors.pop(message_id, None) or self.ack_errors.pop("next", None)
        attrs = {"class": "message", "id": message_id, "from": to, "t": str(int(WALL_S))}
        if error is not None:
            attrs["error"] = str(error)
        if self.ack_hash is not None:
            attrs["phash"] = self.ack_hash
        if sender.connection is not None:
            sender.connection.send(Node("ack", attrs))
        if error is not None:
            return
        if to.is_group:
            self._to_group(sender, to, node)
        else:
            self._to_user(sender, to, node)

    def _to_user(self, sender: Device, to: Jid, node: Node) -> None:
        listed = node.find("participants")
        entries = [(one.jid_attr("jid"), one.children) for one in listed.children] if listed else []
        if not entries:  # a retry for one device
            entries = [(to, node.children)]
        identity = [one for one in node.children if one.tag == "device-identity"]
        for target, encs in entries:
            device = self.device(target)
            if device is None:
                continue
            lid = target.is_lid
            attrs = self._attrs(sender, node, sender.lid if lid else sender.jid)
            if self.use_lid:
                attrs["sender_pn" if lid else "sender_lid"] = sender.jid if lid else sender.lid
            if sender.jid.user == device.jid.user:
                attrs["recipient"] = to.without_device if listed else node.attrs.get("recipient", to)
            content = tuple(one for one in encs if one.tag == "enc") + tuple(identity)
            self._spoiled(device, Node("message", attrs, content))

    def _to_group(self, sender: Device, to: Jid, node: Node) -> None:
        group = self.groups[to]
        listed = node.find("participants")
        given = {one.jid_attr("jid"): one.children for one in listed.children} if listed else {}
        retry_for = node.optional_jid("participant")
        identity = [one for one in node.children if one.tag == "device-identity"]
        common = [one for one in node.children if one.tag == "enc"]
        for member in group.members:
            for device in self.of_user(Jid(member, "s.whatsapp.net")):
                if device is sender or (retry_for is not None and retry_for not in (device.jid, device.lid)):
                    continue
                own = given.get(device.lid) or given.get(device.jid) or ()
                attrs = self._attrs(sender, node, to)
                attrs["participant"] = sender.lid if group.lid_addressing else sender.jid
                attrs["addressing_mode"] = "lid" if group.lid_addressing else "pn"
                attrs["participant_pn" if group.lid_addressing else "participant_lid"] = (
                    sender.jid if group.lid_addressing else sender.lid
                )
                self._spoiled(device, Node("message", attrs, (*own, *common, *identity)))

    def _attrs(self, sender: Device, node: Node, from_: Jid) -> dict[str, object]:
        kept = {name: node.attrs[name] for name in ("id", "type", "edit") if name in node.attrs}
        return {"from": from_, "t": str(int(WALL_S)), "notify": f"name of {sender.jid.user}", **kept}

    def _spoiled(self, device: Device, node: Node) -> None:
        changed = self.spoil(device.jid, node)
        if changed is not None:
            self.deliver(device, changed)

    def receipt(self, sender: Device, node: Node) -> None:
        """Acknowledge a receipt, and pass it on to whom it is about."""
        if sender.connection is not None and self.ack_receipts:
            sender.connection.send(Node.make("ack", class_="receipt", id=node.text_attr("id")))
        if node.optional("type") in ("sender", "hist_sync", "peer_msg"):
            return
        to = node.jid_attr("to")
        about = node.optional_jid("participant") if to.is_group else to
        if about is None:
            return
        for device in self.of_user(about):
            if node.optional("type") == "retry" and device is not self.device(about):
                continue
            attrs = dict(node.attrs) | {"t": str(int(WALL_S))}
            attrs.pop("to")
            attrs["from"] = to if to.is_group else (sender.lid if to.is_lid else sender.jid)
            if to.is_group:
                attrs["participant"] = sender.lid if self.groups[to].lid_addressing else sender.jid
            self.deliver(device, Node("receipt", attrs, node.content))

    # ── linking ──────────────────────────────────────────────────────────────────────────────────────────────────

    def scan(self, phone: str, qr_text: str, account: KeyPair, device: int = 1, secret: bytes = b"") -> None:
        """The phone scans: pair-success to the connection whose noise key the code names."""
        assert qr_text.startswith(QR_START)
        _, noise, identity, adv_secret, _ = qr_text.removeprefix(QR_START).split(",")
        connection = self.links[b64decode(noise).hex()]
        assert isinstance(connection, Connection)
        data = issue_identity(
            account,
            b64decode(identity),
            secret or b64decode(adv_secret),
            key_index=device,
            now_s=WALL_S,
            rng=self.rng,
        )
        connection.pair(phone, device, data)


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


@dataclass
class Client:
    """Drives one session the way an instance does. `stored`: what a crash leaves."""

    server: Server
    seed: int
    settings: SessionSettings = field(default_factory=SessionSettings)
    stored: MemoryState = field(default_factory=MemoryState)
    now_s: float = 1000.0
    wall_s: float = WALL_S
    events: list[Emit] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    timers: dict[str, float] = field(default_factory=dict)
    failure: Failure | None = None
    authenticated: bool = False
    connection: Connection | None = None
    auto_restart: bool = True

    def __post_init__(self) -> None:
        self.settings = replace(self.settings, root_key=self.server.root.public, first_upload=20)
        self._restarts = 0
        self.start_process()

    def start_process(self) -> None:
        """A new process: everything but the stored state is gone."""
        self._restarts += 1
        state = MemoryState.load(self.stored.rows())
        rng = random.Random(self.seed * 1000 + self._restarts).randbytes
        self.session = Session(self.settings, state, rng, lambda: self.wall_s)

    def crash(self) -> None:
        if self.connection is not None:
            self.connection.close()
        self.connection = None
        self.timers.clear()
        self.start_process()

    def open(self) -> None:
        self.failure, self.authenticated = None, False
        self.connection = Connection(self.server, self.receive)
        self.act(self.session.on_open(self.now_s))
        self.server.run()

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
        self.connection = None
        self.timers.clear()
        self.act(self.session.on_closed(1006, "gone"))

    def receive(self, data: bytes | str) -> None:
        self.act(self.session.on_message(data, self.now_s))

    def send(self, ref: str, content: bytes) -> None:
        self.act(self.session.on_command(SendContent(ref, content), self.now_s))
        self.server.run()

    def invoke(self, name: str, **arguments: object) -> Reply:
        ref = f"{name}-{len(self.replies)}"
        self.act(self.session.on_command(Invoke(ref, name, arguments), self.now_s))
        self.server.run()
        return next(reply for reply in self.replies if reply.ref == ref)

    def pass_time(self, for_s: float) -> None:
        until_s = self.now_s + for_s
        while due := [(at_s, name) for name, at_s in self.timers.items() if at_s <= until_s]:
            at_s, name = min(due)
            del self.timers[name]
            self.wall_s += max(0.0, at_s - self.now_s)
            self.now_s = max(self.now_s, at_s)
            self.act(self.session.on_timer(name, self.now_s))
            self.server.run()
        self.wall_s += until_s - self.now_s
        self.now_s = until_s

    def told(self, kind: str) -> list[dict[str, object]]:
        return [dict(event.data) for event in self.events if event.kind == kind]

    def texts(self) -> list[str]:
        return [
            event["content"]["text"] for event in self.told("message.received") if event["type"] == "text"
        ]

    def act(self, effects: list[ProtocolEffect]) -> None:
        kinds = [type(effect) for effect in effects]
        assert Persist not in kinds[1:], "changes come first, and together"
        for effect in effects:
            match effect:
                case Persist():
                    changes: tuple[Change, ...] = effect.changes
                    self.stored.apply(changes)
                case Emit():
                    self.events.append(effect)
                case Reply():
                    self.replies.append(effect)
                case WakeAt():
                    self.timers[effect.name] = effect.at_s
                case Authenticated():
                    self.authenticated = True
                case Send():
                    connection = self.connection
                    if connection is not None:
                        self.server.pending.append(
                            lambda c=connection, d=effect.data: None if c.closed else c.receive(d)
                        )
                case Disconnected():
                    self.failure = effect.failure
        if self.failure is not None and self.connection is not None:
            restart = self.auto_restart and self.failure.kind.value == "restart"
            self.close()
            if restart:
                self.server.pending.append(self.open)


def linked(server: Server, phone: str, device: int = 1, settings: SessionSettings | None = None) -> Client:
    """A client that a phone scanned, logged in."""
    client = Client(server, int(phone) * 10 + device, settings or SessionSettings())
    client.open()
    server.scan(phone, client.told("qr")[0]["text"], account_key(phone), device)
    server.run()
    assert client.authenticated and client.session.online, client.failure
    return client


def account_key(phone: str) -> KeyPair:
    """What the phone of this account vouches with for its companions."""
    return KeyPair.generate(random.Random(int(phone)).randbytes)


def usync_device(number: int, hosted: bool = False) -> Node:
    """A device in a device list; companions have a key index."""
    attrs = {"id": str(number)} | ({"key-index": str(number)} if number else {})
    attrs |= {"is_hosted": "true"} if hosted else {}
    return Node("device", attrs)
