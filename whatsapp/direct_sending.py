"""Messages to one user (protocol §12): to the LID where there is one, to the number otherwise."""

from collections.abc import Callable
from dataclasses import replace

from whatsapp import contact_tokens, lid_map
from whatsapp.bundles import Bundles
from whatsapp.directory import Devices, Directory, known_as
from whatsapp.fanout import Composed, Outgoing, device_sent, participants
from whatsapp.jid import Jid
from whatsapp.nodes import Attribute, Node
from whatsapp.phash import participant_hash
from whatsapp.queries import Answer, QueryFailure
from whatsapp.session_core import SessionCore
from whatsapp.turn import Turn

Done = Callable[[Turn, Composed | QueryFailure], None]


class DirectSending:
    """Composes stanzas for users; everything that it must ask for first it asks for."""

    def __init__(self, core: SessionCore, directory: Directory, bundles: Bundles) -> None:
        self._core = core
        self._directory = directory
        self._bundles = bundles

    def compose(self, turn: Turn, outgoing: Outgoing, done: Done) -> None:
        """`done` gets the stanza, or why there is none."""
        own = self._core.account.main.without_device

        def with_devices(turn: Turn, found: Devices | QueryFailure) -> None:
            if isinstance(found, QueryFailure):
                done(turn, found)
                return
            to = known_as(turn.tx, outgoing.to)
            theirs, ours = found.get(to, ()), found.get(known_as(turn.tx, own), ())
            if not theirs:
                done(turn, QueryFailure(f"{outgoing.to} is not on WhatsApp", retry=False))
                return
            everyone = list(dict.fromkeys([*theirs, *ours]))
            others = [device for device in everyone if not self._core.account.is_this_device(device)]
            addressed = replace(outgoing, to=to)

            def with_sessions(turn: Turn, ready: list[Jid]) -> None:
                self._finish(turn, addressed, everyone, others, ready, done)

            self._bundles.ensure(turn, others, with_sessions)

        self._directory.devices(turn, [outgoing.to, own], with_devices)

    def _finish(
        self,
        turn: Turn,
        outgoing: Outgoing,
        everyone: list[Jid],
        others: list[Jid],
        ready: list[Jid],
        done: Done,
    ) -> None:
        to_self = self._core.account.is_own(outgoing.to)
        if not any(to_self or not self._core.account.is_own(device) for device in ready):
            done(turn, QueryFailure("no device of the recipient can be encrypted to"))
            return
        stanza = self._stanza(turn, outgoing, ready, to_self)
        if not to_self:
            self._issue_token(turn, outgoing.to)
        users = tuple(dict.fromkeys(device.without_device for device in everyone))
        named = [lid_map.addressed_as(turn.tx, device, outgoing.to.is_lid) for device in everyone]
        done(turn, Composed(stanza, users, participant_hash(named)))

    def _stanza(self, turn: Turn, outgoing: Outgoing, ready: list[Jid], to_self: bool) -> Node:
        account, copy = self._core.account, device_sent(outgoing)
        listed = participants(
            turn,
            self._core,
            ready,
            lambda device: copy if account.is_own(device) else outgoing.message,
            outgoing,
            outgoing.to.is_lid,
        )
        tokens = () if to_self else contact_tokens.token_nodes(turn.tx, outgoing.to, self._core.wall_s())
        return Node("message", self._attrs(turn, outgoing), (*listed, *tokens))

    def _issue_token(self, turn: Turn, user: Jid) -> None:
        def send(content: tuple[Node, ...]) -> None:
            self._core.ask(turn, "privacy", "set", content, _ignore)

        contact_tokens.issue(turn.tx, user, self._core.wall_s(), send)

    def _attrs(self, turn: Turn, outgoing: Outgoing) -> dict[str, Attribute]:
        attrs: dict[str, Attribute] = {"id": outgoing.id, "to": outgoing.to, "type": outgoing.type}
        if outgoing.edit is not None:
            attrs["edit"] = outgoing.edit
        if outgoing.to.is_lid and (pn := lid_map.pn_of(turn.tx, outgoing.to)) is not None:
            attrs["peer_recipient_pn"] = pn
        return attrs


def _ignore(turn: Turn, answer: Answer) -> None:
    """A token that could not be given is given another time."""
