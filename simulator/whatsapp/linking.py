"""Linking companions by a QR code, the server's and the phone's side (protocol §7.1)."""

from base64 import b64decode
from binascii import Error as Base64Error
from dataclasses import dataclass

from simulator.whatsapp.accounts import Account, Device, Spot
from simulator.whatsapp.device_lists import DeviceLists
from simulator.whatsapp.link import Link, Stage
from simulator.whatsapp.phones import Phones
from simulator.whatsapp.published_keys import check_bundle
from simulator.whatsapp.server_core import ServerCore
from whatsapp import wire_pb2 as wire
from whatsapp.adv import issue_identity, verify_device_signature
from whatsapp.errors import PairingError, ProtocolError
from whatsapp.jid import SERVER
from whatsapp.keys import KEY_BYTES
from whatsapp.nodes import Node
from whatsapp.protobufs import parse
from whatsapp.signal_session import PreKeyBundle

QR_PREFIX = "https://wa.me/settings/linked_devices#"
FLAWS = ("hmac", "signature", "passkey")


class CannotLink(ValueError):
    """A person would see it on the phone: the code is none, or too old."""


@dataclass(slots=True)
class Candidate:
    """A connection that wants to be linked. `ref_ends`: until when each ref can be scanned, in epoch seconds.
    `spot`: what it becomes when it signs.
    """

    link: Link
    bundle: PreKeyBundle
    ref_ends: dict[str, float]
    name: str
    kind: int
    spot: Spot | None = None
    waits_for: str = ""


class Linking:
    """Who waits to be linked, by connection."""

    def __init__(self, core: ServerCore, phones: Phones, lists: DeviceLists) -> None:
        self._core = core
        self._phones = phones
        self._lists = lists
        self.candidates: dict[int, Candidate] = {}

    def register(self, link: Link) -> None:
        """A registration arrived: offer refs. Raises ProtocolError for a payload that cannot be."""
        data = link.payload.device_pairing_data
        props = parse(wire.DeviceProps, data.device_props)
        bundle = _bundle(data)
        check_bundle(self._core, link.who, bundle)
        ref_ends = self._new_refs()
        self.candidates[link.number] = Candidate(link, bundle, ref_ends, props.os, props.platform_type)
        link.stage = Stage.UNLINKED
        offer = Node("pair-device", {}, tuple(Node("ref", {}, ref.encode()) for ref in ref_ends))
        link.send(Node("iq", {"from": SERVER, "type": "set", "id": self._core.next_id()}, (offer,)))

    def _new_refs(self) -> dict[str, float]:
        settings = self._core.settings
        first_end_s = self._core.wall_s() + settings.first_ref_s
        return {
            f"2@{self._core.rng(30).hex()}": first_end_s + place * settings.next_ref_s
            for place in range(settings.refs)
        }

    def scan(self, account: Account, qr_text: str, flaw: str | None = None) -> Spot:
        """A person scans a code with the phone. Raises CannotLink. `flaw`: a name of FLAWS."""
        ref, noise, identity, secret = parse_qr(qr_text)
        candidate = next((one for one in self.candidates.values() if ref in one.ref_ends), None)
        if candidate is None or candidate.link.noise != noise:
            raise CannotLink("no connected device shows this code (any more)")
        if self._core.wall_s() > candidate.ref_ends[ref]:
            raise CannotLink("the code is too old: the device shows a newer one, or has shown its last")
        if candidate.bundle.identity_key != identity:
            raise CannotLink("the code names another identity key than the device registered")
        if flaw == "passkey":
            self._want_passkey(candidate)
            raise CannotLink("this account wants a passkey")
        return self.approve(candidate, account, secret, flaw)

    def _want_passkey(self, candidate: Candidate) -> None:
        """Instead of pair-success (protocol §7.3)."""
        attrs = {"type": "passkey_prologue_request", "id": self._core.next_id(), "t": str(self._core.now)}
        candidate.link.send(Node("notification", {"from": SERVER, **attrs}))

    def approve(self, candidate: Candidate, account: Account, secret: bytes, flaw: str | None = None) -> Spot:
        """The phone vouches for the device; it becomes one when it has signed."""
        number = account.next_device
        account.next_device += 1
        self._core.save_account(account)
        device = Device(
            number,
            candidate.link.noise,
            candidate.bundle,
            key_index=number,
            name=candidate.name,
            kind=candidate.kind,
        )
        spot = candidate.spot = Spot(account, device)
        identity = issue_identity(
            self._phones.of(account).phone.identity.keys,
            self._core.rng(KEY_BYTES) if flaw == "signature" else candidate.bundle.identity_key,
            self._core.rng(KEY_BYTES) if flaw == "hmac" else secret,
            key_index=number,
            now_s=self._core.wall_s(),
            rng=self._core.rng,
            raw_id=self._lists.raw_id(account),
        )
        children = (
            Node("device-identity", {}, identity),
            Node("device", {"jid": spot.jid(False), "lid": spot.jid(True)}),
            Node.make("platform", name="android"),
        )
        candidate.waits_for = self._core.next_id()
        attrs = {"type": "set", "id": candidate.waits_for, "t": str(self._core.now)}
        success = Node("pair-success", {}, children)
        candidate.link.send(Node("iq", {"from": SERVER, **attrs}, (success,)))
        return spot

    def answered(self, link: Link, iq: Node) -> None:
        """The device's answer to pair-success, or to pair-device, which needs nothing."""
        candidate = self.candidates.get(link.number)
        if candidate is None or candidate.spot is None or iq.optional("id") != candidate.waits_for:
            return
        sign = iq.find("pair-device-sign", "device-identity")
        if iq.optional("type") != "result" or sign is None:
            self._core.observed.counts["pairings refused"] += 1
            candidate.spot = None
            return
        account = candidate.spot.account
        key = self._phones.of(account).phone.identity.keys.public
        try:
            index = verify_device_signature(sign.data, candidate.bundle.identity_key, key)
        except ProtocolError as error:
            self._core.observed.complain(link.who, f"pair-device-sign: {error}")
            link.end(Node("stream:error", {"code": "401"}))
            return
        if sign.optional("key-index") != str(index):
            self._core.observed.complain(link.who, "pair-device-sign with another key index")
        self._linked(link, candidate.spot)

    def _linked(self, link: Link, spot: Spot) -> None:
        spot.account.devices[spot.device.number] = spot.device
        self._core.save_device(spot)
        del self.candidates[link.number]
        self._lists.changed(spot, "add")
        link.end(Node("stream:error", {"code": "515"}))


def parse_qr(text: str) -> tuple[str, bytes, bytes, bytes]:
    """Ref, noise key, identity key, ADV secret, from the link form or the older bare list. Raises CannotLink."""
    parts = text.removeprefix(QR_PREFIX).split(",")
    if len(parts) not in (4, 5):
        raise CannotLink(f"a code with {len(parts)} parts, must be 4 or 5")
    try:
        noise, identity, secret = (b64decode(part, validate=True) for part in parts[1:4])
    except Base64Error:
        raise CannotLink("a code whose keys are not base64") from None
    if not len(noise) == len(identity) == len(secret) == KEY_BYTES:
        raise CannotLink(f"a code whose keys do not have {KEY_BYTES} bytes")
    return parts[0], noise, identity, secret


def _bundle(data: wire.ClientPayload.DevicePairingData) -> PreKeyBundle:
    if not len(data.e_ident) == len(data.e_skey_val) == KEY_BYTES:
        raise PairingError("a registration without keys")
    return PreKeyBundle(
        int.from_bytes(data.e_regid, "big"),
        data.e_ident,
        int.from_bytes(data.e_skey_id, "big"),
        data.e_skey_val,
        data.e_skey_sig,
    )
