"""Signal sessions with other devices: made from their bundles where there are none (protocol §10, §12.4)."""

from collections.abc import Callable, Iterable

from whatsapp import lid_map, signal_cipher
from whatsapp.errors import NodeError, RemoteProtocolError
from whatsapp.jid import Jid
from whatsapp.nodes import Node
from whatsapp.prekey_nodes import parse_bundle
from whatsapp.queries import Answer, QueryFailure
from whatsapp.session_core import SessionCore
from whatsapp.signal_session import PreKeyBundle
from whatsapp.turn import Turn

Ready = Callable[[Turn, list[Jid]], None]


class Bundles:
    """Fetches bundles; a device whose bundle is missing, refused or forged is left out, not waited for."""

    def __init__(self, core: SessionCore) -> None:
        self._core = core

    def ensure(self, turn: Turn, devices: Iterable[Jid], then: Ready, renew: bool = False) -> None:
        """`then` gets the devices that can be written to. `renew`: fetch also where there is a session."""
        wanted = list(dict.fromkeys(devices))
        missing = [device for device in wanted if renew or not self._ready(turn, device)]

        def answered(turn: Turn, answer: Answer) -> None:
            if not isinstance(answer, QueryFailure):
                self._take_all(turn, answer, missing)
            then(turn, [device for device in wanted if self._ready(turn, device)])

        if missing:
            users = tuple(Node.make("user", jid=device) for device in missing)
            self._core.ask(turn, "encrypt", "get", (Node("key", {}, users),), answered)
        else:
            then(turn, wanted)

    def start(self, turn: Turn, device: Jid, bundle: PreKeyBundle) -> None:
        """A session from one bundle. Raises RemoteProtocolError for a forged one."""
        address = lid_map.signal_address(turn.tx, device)
        if self._core.cipher.start_session(turn.tx, address, bundle):
            turn.emit("identity.changed", user=str(device.without_device))

    def _ready(self, turn: Turn, device: Jid) -> bool:
        return signal_cipher.can_send(turn.tx, lid_map.signal_address(turn.tx, device))

    def _take_all(self, turn: Turn, answer: Node, asked: list[Jid]) -> None:
        addresses = {lid_map.signal_address(turn.tx, device) for device in asked}
        for user in answer.need("list").all("user"):
            try:
                device = user.jid_attr("jid")
                if lid_map.signal_address(turn.tx, device) not in addresses:
                    raise NodeError("bundle of a device that was not asked for")
                if user.find("error") is None:
                    with turn.attempt():
                        self.start(turn, device, parse_bundle(user))
            except RemoteProtocolError as error:
                turn.emit("bundle.refused", reason=str(error))
