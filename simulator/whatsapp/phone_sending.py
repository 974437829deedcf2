"""What a phone sends: messages to users and groups, and messages that somebody could not read, again."""

import json
import zlib
from collections.abc import Callable, Iterable

from simulator.whatsapp.accounts import Spot
from simulator.whatsapp.groups import Group
from simulator.whatsapp.phone import Phone
from whatsapp import message_pb2 as wa
from whatsapp import prekey_nodes, sender_key_readers, sender_keys, signal_cipher
from whatsapp.errors import ProtocolError
from whatsapp.jid import LID_SERVER, USER_SERVER, Jid
from whatsapp.nodes import Attribute, Node
from whatsapp.padding import pad
from whatsapp.phash import participant_hash
from whatsapp.state import Recent, Transaction

SENT = Recent("sent", 500)
INITIAL_BOOTSTRAP = 0  # the kind of history that a phone gives right after linking


class PhoneSending:
    """Phones know every device list: they live where the server does."""

    def __init__(self, phone: Phone) -> None:
        self._phone = phone

    def text(self, to: Jid, text: str) -> str:
        """Send a text to a user (by the kind of address given) or to a group; returns the message's id."""
        return self.message(to, wa.Message(conversation=text))

    def message(self, to: Jid, message: wa.Message, type_: str = "text", peer: bool = False) -> str:
        """Send anything. `peer`: for our own devices only, as history and keys are."""
        message_id = f"3A{self._phone.core.rng(9).hex().upper()}"
        with self._phone.turn() as tx:
            SENT.put(tx, message_id, _pack(to, message, type_, peer))
            stanza = self._to_group if to.is_group else self._to_user
            node = stanza(tx, message_id, to, message, type_) if not peer else None
            nodes = [node] if node is not None else self._to_own(tx, message_id, message)
        for one in nodes:
            self._phone.outside.send(self._phone.spot, one)
        return message_id

    def history(self, pairs: Iterable[tuple[str, str]], salt: bytes) -> str:
        """Tell our companions what a phone tells after linking: who is who (numbers and LIDs), and the salt."""
        history = wa.HistorySync(
            sync_type=INITIAL_BOOTSTRAP,
            nct_salt=salt,
            phone_number_to_lid_mappings=[
                wa.HistorySync.PhoneNumberToLidMapping(
                    pn_jid=f"{number}@{USER_SERVER}", lid_jid=f"{lid}@{LID_SERVER}"
                )
                for number, lid in pairs
            ],
        )
        notice = wa.HistorySyncNotification(
            sync_type=INITIAL_BOOTSTRAP,
            chunk_order=1,
            progress=100,
            initial_hist_bootstrap_inline_payload=zlib.compress(history.SerializeToString()),
        )
        protocol = wa.ProtocolMessage(
            type=wa.ProtocolMessage.HISTORY_SYNC_NOTIFICATION, history_sync_notification=notice
        )
        return self.message(self._phone.account.pn_jid(), wa.Message(protocol_message=protocol), peer=True)

    def app_state_key(self) -> str:
        """Give our companions a key for the app state (protocol §17)."""
        device_indexes = [device.key_index for device in self._phone.account.devices.values()]
        key = wa.AppStateSyncKeyShare.Key(
            key_id=wa.AppStateSyncKeyShare.KeyId(key_id=b"\0\0" + self._phone.core.rng(4)),
            key_data=wa.AppStateSyncKeyShare.KeyData(
                key_data=self._phone.core.rng(32),
                timestamp=self._phone.core.now * 1000,
                fingerprint=wa.AppStateSyncKeyShare.Fingerprint(
                    raw_id=1, current_index=max(device_indexes), device_indexes=device_indexes
                ),
            ),
        )
        protocol = wa.ProtocolMessage(
            type=wa.ProtocolMessage.APP_STATE_SYNC_KEY_SHARE,
            app_state_sync_key_share=wa.AppStateSyncKeyShare(keys=[key]),
        )
        return self.message(self._phone.account.pn_jid(), wa.Message(protocol_message=protocol), peer=True)

    def again(self, node: Node) -> None:
        """A retry receipt: the same message for that device alone."""
        device = node.optional_jid("participant") or node.jid_attr("from")
        spot = self._phone.core.accounts.spot(device)
        with self._phone.turn() as tx:
            stored = SENT.get(tx, node.text_attr("id"))
            if stored is None or spot is None:
                return
            to, message, type_, peer = _unpack(stored)
            self._renew(tx, spot, node)
            if to.is_group:
                message.MergeFrom(self._distribution(tx, to))
            elif spot.account is self._phone.account and not peer:
                message = _device_sent(to, message)
            enc = self._encrypt(tx, spot, message, {"count": node.need("retry").text_attr("count", "1")})
        attrs: dict[str, Attribute] = {"id": node.text_attr("id"), "to": node.attrs["from"], "type": type_}
        attrs |= {name: node.attrs[name] for name in ("participant", "recipient") if name in node.attrs}
        if peer:
            attrs["category"] = "peer"
        self._phone.outside.send(self._phone.spot, Node("message", attrs, (enc,)))

    # ── stanzas ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _to_user(self, tx: Transaction, message_id: str, to: Jid, message: wa.Message, type_: str) -> Node:
        copy = _device_sent(to, message)
        accounts, own = self._phone.core.accounts, self._phone.account
        theirs = accounts.of(to)
        spots = [] if theirs is None or theirs is own else accounts.spots(theirs)
        spots += accounts.spots(own, but=own.devices[0])

        def message_for(spot: Spot) -> wa.Message:
            return copy if spot.account is own and theirs is not own else message

        listed = self._listed(tx, spots, message_for, to.is_lid)
        return Node("message", {"id": message_id, "to": to, "type": type_}, listed)

    def _to_own(self, tx: Transaction, message_id: str, message: wa.Message) -> list[Node]:
        """One stanza per companion, as a phone gives them history and keys (protocol §17)."""
        nodes = []
        for device in self._phone.account.companions:
            enc = self._encrypt(tx, Spot(self._phone.account, device), message, {})
            to = self._phone.account.pn_jid(device.number)
            attrs: dict[str, Attribute] = {"id": message_id, "to": to, "type": "text", "category": "peer"}
            nodes.append(Node("message", attrs, (enc,)))
        return nodes

    def _to_group(self, tx: Transaction, message_id: str, to: Jid, message: wa.Message, type_: str) -> Node:
        group = self._phone.core.groups[to]
        spots = self._readers(group)
        known = sender_key_readers.known(tx, to)
        addresses = {self._phone.address(spot.jid(True)): spot for spot in spots}
        if known - addresses.keys():
            sender_key_readers.rotate(tx, to, self._own_address)
            known = frozenset()
        distribution = self._distribution(tx, to)
        new = {address: spot for address, spot in addresses.items() if address not in known}
        listed = self._listed(tx, new.values(), lambda spot: distribution, group.by_lid)
        sender_key_readers.add(tx, to, new)
        plaintext = pad(message.SerializeToString(), self._phone.core.rng)
        data = sender_keys.encrypt(tx, str(to), self._own_address, plaintext, self._phone.core.rng)
        everyone = [*spots, self._phone.spot]
        attrs: dict[str, Attribute] = {
            "id": message_id,
            "to": to,
            "type": type_,
            "phash": participant_hash(spot.jid(group.by_lid) for spot in everyone),
            "addressing_mode": group.addressing_mode,
        }
        return Node("message", attrs, (*listed, Node("enc", {"v": "2", "type": "skmsg"}, data)))

    def _readers(self, group: Group) -> list[Spot]:
        accounts = self._phone.core.accounts
        members = [accounts.by_number(number) for number in group.members]
        return [
            spot
            for member in members
            if member is not None
            for spot in accounts.spots(member)
            if spot.device is not self._phone.spot.device
        ]

    # ── encryption ───────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def _own_address(self) -> str:
        return self._phone.address(self._phone.lid)

    def _listed(
        self, tx: Transaction, spots: Iterable[Spot], message_for: Callable[[Spot], wa.Message], by_lid: bool
    ) -> tuple[Node, ...]:
        listed = []
        for spot in spots:
            try:
                enc = self._encrypt(tx, spot, message_for(spot), {})
            except ProtocolError as error:  # a device that published nonsense does not get it
                self._phone.core.observed.complain(spot.key, f"cannot be encrypted to: {error}")
            else:
                listed.append(Node("to", {"jid": spot.jid(by_lid)}, (enc,)))
        return (Node("participants", {}, tuple(listed)),) if listed else ()

    def _encrypt(self, tx: Transaction, spot: Spot, message: wa.Message, attrs: dict[str, Attribute]) -> Node:
        address = self._phone.address(spot.jid(True))
        if not signal_cipher.can_send(tx, address):
            self._phone.cipher.start_session(tx, address, self._phone.outside.bundle(spot))
        plaintext = pad(message.SerializeToString(), self._phone.core.rng)
        encrypted = self._phone.cipher.encrypt(tx, address, plaintext)
        return Node("enc", {"v": "2", "type": encrypted.type, **attrs}, encrypted.data)

    def _renew(self, tx: Transaction, spot: Spot, node: Node) -> None:
        """A session from the keys that came along, or from a fresh bundle."""
        address = self._phone.address(spot.jid(True))
        keys = node.find("keys")
        bundle = None
        if keys is not None:
            try:
                bundle = prekey_nodes.parse_bundle(keys, prekey_nodes.parse_registration(node))
            except ProtocolError as error:
                self._phone.core.observed.complain(spot.key, f"keys of a retry receipt: {error}")
        self._phone.cipher.start_session(tx, address, bundle or self._phone.outside.bundle(spot))

    def _distribution(self, tx: Transaction, group: Jid) -> wa.Message:
        given = sender_keys.distribution(tx, str(group), self._own_address, self._phone.core.rng)
        return wa.Message(
            sender_key_distribution_message=wa.SenderKeyDistribution(
                group_id=str(group), axolotl_sender_key_distribution_message=given
            )
        )


def _device_sent(to: Jid, message: wa.Message) -> wa.Message:
    return wa.Message(device_sent_message=wa.DeviceSentMessage(destination_jid=str(to), message=message))


def _pack(to: Jid, message: wa.Message, type_: str, peer: bool) -> bytes:
    header = json.dumps([str(to), type_, peer]).encode()
    return len(header).to_bytes(2, "big") + header + message.SerializeToString()


def _unpack(stored: bytes) -> tuple[Jid, wa.Message, str, bool]:
    end = 2 + int.from_bytes(stored[:2], "big")
    to, type_, peer = json.loads(stored[2:end])
    return Jid.parse(to), wa.Message.FromString(stored[end:]), type_, peer
