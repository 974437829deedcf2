"""How the parts of a session are put together."""

from core.failures import FailureKind
from whatsapp.bundles import Bundles
from whatsapp.code_linking import CodeLinking
from whatsapp.direct_sending import DirectSending
from whatsapp.directory import Directory
from whatsapp.group_sending import GroupSending
from whatsapp.groups import Groups
from whatsapp.incoming_receipts import IncomingReceipts
from whatsapp.keepalive import Keepalive
from whatsapp.linking import Linking
from whatsapp.login import Login
from whatsapp.notifications import Notifications
from whatsapp.outbound import Outbound
from whatsapp.prekey_upkeep import PreKeyUpkeep
from whatsapp.receiving import Receiving
from whatsapp.requests import Requests
from whatsapp.resending import Resending
from whatsapp.session_core import SessionCore
from whatsapp.stanzas import Stanzas
from whatsapp.turn import Turn


class Parts:
    """One of each, made once per session."""

    def __init__(self, core: SessionCore) -> None:
        self._core = core
        self.keepalive = Keepalive(core)
        self.linking = Linking(core)
        self._code_linking = CodeLinking(core, self.linking)
        self._upkeep = PreKeyUpkeep(core)
        directory, bundles, groups = Directory(core), Bundles(core), Groups(core)
        login = Login(core, self.keepalive, self._upkeep)
        self.outbound = Outbound(
            core, DirectSending(core, directory, bundles), GroupSending(core, groups, directory, bundles)
        )
        self.requests = Requests(core, login, self._code_linking, directory, groups, self._log_out)
        self.stanzas = Stanzas(
            core,
            self.linking,
            login,
            Receiving(core),
            IncomingReceipts(core, Resending(core, bundles, groups)),
            Notifications(core, self._upkeep, self._code_linking),
        )

    def restart(self) -> None:
        """A new connection."""
        self._core.online = False
        self._core.queries.restart()
        self.linking.restart()
        self._code_linking.restart()
        self._upkeep.restart()

    def erase(self, turn: Turn, reason: str) -> None:
        """Forget everything: keys of an account that does not know us any more."""
        for space in tuple(self._core.state.spaces):
            for key in turn.tx.keys(space):
                turn.tx.delete(space, key)
        self._core.online = False
        turn.emit("session.logged_out", reason=reason)

    def _log_out(self, turn: Turn, reason: str) -> None:
        self.erase(turn, reason)
        turn.disconnect(FailureKind.LOGGED_OUT, reason)
