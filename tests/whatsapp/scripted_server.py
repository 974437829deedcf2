"""A small WhatsApp server in memory for tests of the session: accounts, devices, fan-out, an offline queue.

Devices are either `Session`s, driven by a `scripted_client.Client`, or phones that are only a Signal party. Nothing
here has I/O or a clock of its own. Deliveries wait in `Server.pending` until `run()`, so that tests may look at them,
drop or change them first.
"""

from __future__ import annotations

import random
from base64 import b64decode
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from whatsapp.adv import issue_identity
from whatsapp.certificates import Validity, issue_chain
from whatsapp.jid import Jid
from whatsapp.keys import KeyPair
from whatsapp.nodes import Node
from whatsapp.prekey_nodes import Upload, bundle_children

if TYPE_CHECKING:
    from tests.whatsapp.scripted_connection import Connection

WALL_S = 1_800_000_000.0
QR_START = "https://wa.me/settings/linked_devices#"


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
        self.links: dict[str, Connection] = {}

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
        data = issue_identity(
            account,
            b64decode(identity),
            secret or b64decode(adv_secret),
            key_index=device,
            now_s=WALL_S,
            rng=self.rng,
        )
        connection.pair(phone, device, data)
