"""Messages to groups (protocol §16): encrypted once with our sender key, which new readers get beside it."""

from collections.abc import Callable

from whatsapp import lid_map, sender_key_readers, sender_keys
from whatsapp import message_pb2 as wa
from whatsapp.bundles import Bundles
from whatsapp.directory import Devices, Directory
from whatsapp.fanout import Composed, Outgoing, enc_node, participants
from whatsapp.groups import Group, Groups
from whatsapp.jid import Jid
from whatsapp.nodes import Attribute, Node
from whatsapp.padding import pad
from whatsapp.phash import participant_hash
from whatsapp.queries import QueryFailure
from whatsapp.session_core import SessionCore
from whatsapp.turn import Turn

Done = Callable[[Turn, Composed | QueryFailure], None]


class GroupSending:
    """Composes stanzas for groups; everything that it must ask for first it asks for."""

    def __init__(self, core: SessionCore, groups: Groups, directory: Directory, bundles: Bundles) -> None:
        self._core = core
        self._groups = groups
        self._directory = directory
        self._bundles = bundles

    def compose(self, turn: Turn, outgoing: Outgoing, done: Done) -> None:
        """`done` gets the stanza, or why there is none."""

        def with_group(turn: Turn, group: Group | QueryFailure) -> None:
            if isinstance(group, QueryFailure):
                done(turn, group)
                return
            members = [one.jid for one in group.participants]
            self._directory.devices(
                turn, members, lambda turn, found: self._with_devices(turn, outgoing, group, found, done)
            )

        self._groups.find(turn, outgoing.to, with_group)

    def _with_devices(
        self, turn: Turn, outgoing: Outgoing, group: Group, found: Devices | QueryFailure, done: Done
    ) -> None:
        if isinstance(found, QueryFailure):
            done(turn, found)
            return
        everyone = [device for devices in found.values() for device in devices if not device.is_hosted]
        others = [device for device in everyone if not self._core.account.is_this_device(device)]
        addresses = {lid_map.signal_address(turn.tx, device) for device in others}
        if sender_key_readers.known(turn.tx, outgoing.to) - addresses:
            sender_key_readers.rotate(turn.tx, outgoing.to, own_address(self._core))
        have = sender_key_readers.known(turn.tx, outgoing.to)
        new = [device for device in others if lid_map.signal_address(turn.tx, device) not in have]

        def with_sessions(turn: Turn, ready: list[Jid]) -> None:
            done(turn, self._stanza(turn, outgoing, group, everyone, ready))

        self._bundles.ensure(turn, new, with_sessions)

    def _stanza(
        self, turn: Turn, outgoing: Outgoing, group: Group, everyone: list[Jid], new: list[Jid]
    ) -> Composed:
        core = self._core
        distribution = distribution_message(turn, core, outgoing.to)
        listed = participants(turn, core, new, lambda device: distribution, outgoing, group.lid_addressing)
        sender_key_readers.add(
            turn.tx, outgoing.to, (lid_map.signal_address(turn.tx, device) for device in new)
        )
        plaintext = pad(outgoing.message.SerializeToString(), core.rng)
        data = sender_keys.encrypt(turn.tx, str(outgoing.to), own_address(core), plaintext, core.rng)
        named = [lid_map.addressed_as(turn.tx, device, group.lid_addressing) for device in everyone]
        attrs: dict[str, Attribute] = {
            "id": outgoing.id,
            "to": outgoing.to,
            "type": outgoing.type,
            "phash": participant_hash(named),
            "addressing_mode": "lid" if group.lid_addressing else "pn",
        }
        if outgoing.edit is not None:
            attrs["edit"] = outgoing.edit
        content = (*listed[:1], enc_node("skmsg", data, outgoing), *listed[1:])
        users = tuple(dict.fromkeys(device.without_device for device in everyone))
        return Composed(Node("message", attrs, content), users, str(attrs["phash"]))


def own_address(core: SessionCore) -> str:
    """What our own sender keys are stored under."""
    return core.account.main.signal_address


def distribution_message(turn: Turn, core: SessionCore, group: Jid) -> wa.Message:
    """What gives a device our sender key of the group."""
    given = sender_keys.distribution(turn.tx, str(group), own_address(core), core.rng)
    return wa.Message(
        sender_key_distribution_message=wa.SenderKeyDistribution(
            group_id=str(group), axolotl_sender_key_distribution_message=given
        )
    )
