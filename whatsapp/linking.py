"""Linking this device to an account by a QR code (protocol §7.1)."""

from base64 import b64encode

from core.failures import FailureKind
from whatsapp import lid_map, signal_cipher
from whatsapp.adv import LinkedIdentity, accept_identity
from whatsapp.bounds import MAX_NAME_CHARS, MAX_REF_CHARS, word
from whatsapp.errors import NodeError, PairingError
from whatsapp.jid import SERVER
from whatsapp.nodes import Node
from whatsapp.session_core import SessionCore
from whatsapp.turn import Turn

TIMER = "qr"
FIRST_REF_S = 60.0
NEXT_REF_S = 20.0
MAX_REFS = 20
QR_PREFIX = "https://wa.me/settings/linked_devices#"


class Linking:
    """Shows one ref after the other until the phone scanned one or all are used up."""

    def __init__(self, core: SessionCore) -> None:
        self._core = core
        self._refs: list[str] = []
        self._shown = 0

    @property
    def offered(self) -> bool:
        """Whether the server waits for a phone: the time when a pairing code may be asked for."""
        return self._shown > 0

    def restart(self) -> None:
        """A new connection."""
        self._refs, self._shown = [], 0

    def offer(self, turn: Turn, iq: Node) -> None:
        """`pair-device`: refs to show. The link counts as open, or its deadline would end the wait for the phone."""
        refs = [ref.text for ref in iq.need("pair-device").all("ref")][:MAX_REFS]
        if any(len(ref) > MAX_REF_CHARS for ref in refs):
            raise NodeError(f"<pair-device> with a ref of more than {MAX_REF_CHARS} characters")
        turn.send(Node.make("iq", to=SERVER, type="result", id=iq.text_attr("id")))
        if self._core.account.linked:
            return
        first_offer = self._shown == 0
        self._refs = refs
        if first_offer:
            turn.authenticated()
        self.show_next(turn)

    def show_next(self, turn: Turn) -> None:
        """Show the next ref; after the last one the connection ends."""
        if self._core.account.linked or self._core.online:
            return
        if not self._refs:
            turn.emit("qr.expired")
            turn.disconnect(FailureKind.LOGGED_OUT, "nobody scanned the code in time", status=408)
            return
        valid_s = NEXT_REF_S if self._shown else FIRST_REF_S
        self._shown += 1
        turn.emit("qr", text=self._text(self._refs.pop(0)), number=self._shown, valid_s=valid_s)
        turn.wake(TIMER, turn.now_s + valid_s)

    def scanned(self, turn: Turn, iq: Node) -> None:
        """`pair-success`: verify, store, and only then answer."""
        success, iq_id = iq.need("pair-success"), iq.text_attr("id")
        account = self._core.account
        try:
            identity = success.need("device-identity").data
            linked = accept_identity(identity, account.adv_secret, account.identity, self._core.rng)
        except PairingError as error:
            refused = Node.make("error", code=401, text=error.wire_text)
            turn.send(Node.make("iq", (refused,), to=SERVER, type="error", id=iq_id))
            turn.emit("pairing.failed", reason=str(error))
            return
        self._store(turn, success, linked)
        identity_node = Node("device-identity", {"key-index": str(linked.key_index)}, linked.reply)
        sign = Node("pair-device-sign", {}, (identity_node,))
        turn.send(Node.make("iq", (sign,), to=SERVER, type="result", id=iq_id))

    def _store(self, turn: Turn, success: Node, linked: LinkedIdentity) -> None:
        device, platform, business = success.need("device"), success.find("platform"), success.find("biz")
        jid, lid = device.jid_attr("jid"), device.optional_jid("lid")
        if not jid.is_pn or not jid.user.isdigit() or not jid.device or (lid is not None and not lid.is_lid):
            raise PairingError("pair-success names no device of an account")
        account = self._core.account.with_(
            signed_identity=linked.stored,
            jid=jid,
            lid=lid,
            platform="" if platform is None else word(platform.text_attr("name", "")),
            business_name="" if business is None else business.text_attr("name", "")[:MAX_NAME_CHARS],
        )
        account.save(turn.tx)
        for own in filter(None, (jid, lid)):
            turn.tx.put(signal_cipher.IDENTITIES, own.with_device(0).signal_address, linked.account_key)
        if lid is not None:
            lid_map.learn(turn.tx, jid, lid)
        turn.emit(
            "session.linked",
            jid=str(jid),
            lid=None if lid is None else str(lid),
            platform=account.platform,
            business_name=account.business_name,
        )

    def _text(self, ref: str) -> str:
        account = self._core.account
        keys = (account.noise.public, account.identity.public, account.adv_secret)
        parts = [ref, *(b64encode(key).decode() for key in keys), self._core.settings.client_type]
        return QR_PREFIX + ",".join(parts)
