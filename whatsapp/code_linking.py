"""Linking this device by a code that people type on the phone (protocol §7.2)."""

from dataclasses import dataclass, field

from whatsapp import pairing_code
from whatsapp.errors import NodeError, RemoteProtocolError
from whatsapp.jid import Jid, user_jid
from whatsapp.keys import KeyPair
from whatsapp.linking import Linking
from whatsapp.nodes import Node
from whatsapp.queries import Answer, QueryFailure
from whatsapp.session_core import SessionCore
from whatsapp.turn import Turn


@dataclass(frozen=True, slots=True)
class _Offer:
    """A code that was shown. `ref`: the server's name for it, None until it answered."""

    code: str = field(repr=False)
    ephemeral: KeyPair
    phone: Node
    ref: bytes | None = None


class CodeLinking:
    """One code at a time; a new one makes the earlier one worthless."""

    def __init__(self, core: SessionCore, linking: Linking) -> None:
        self._core = core
        self._linking = linking
        self._offer: _Offer | None = None

    def restart(self) -> None:
        """A new connection."""
        self._offer = None

    def request(self, turn: Turn, ref: str, phone: str) -> None:
        """The command: the reply's data holds the code. LocalProtocolError for a number that is none."""
        if not self._linking.offered:
            turn.reply(ref, "the server does not wait for a phone (yet)", retry=True)
            return
        jid = user_jid(phone)
        code, ephemeral = pairing_code.new_code(self._core.rng), KeyPair.generate(self._core.rng)
        hello = self._hello(jid, code, ephemeral)
        self._offer = offer = _Offer(code, ephemeral, Node.make("link_code_companion_reg", jid=jid))

        def answered(turn: Turn, answer: Answer) -> None:
            if isinstance(answer, QueryFailure):
                self._offer = None
                turn.reply(ref, f"no pairing code: {answer.text}", retry=answer.retry)
                return
            link_ref = answer.need("link_code_companion_reg", "link_code_pairing_ref").data
            if self._offer is offer:
                self._offer = _Offer(code, ephemeral, offer.phone, link_ref)
            turn.emit("pairing.code", code=pairing_code.show_code(code))
            turn.reply(ref, code=pairing_code.show_code(code))

        self._core.ask(turn, "md", "set", (hello,), answered)

    def _hello(self, phone: Jid, code: str, ephemeral: KeyPair) -> Node:
        settings, noise = self._core.settings, self._core.account.noise
        wrapped = pairing_code.wrap_ephemeral(code, ephemeral.public, self._core.rng)
        children = (
            Node("link_code_pairing_wrapped_companion_ephemeral_pub", {}, wrapped),
            Node("companion_server_auth_key_pub", {}, noise.public),
            Node("companion_platform_id", {}, settings.client_type.encode()),
            Node("companion_platform_display", {}, settings.client_display.encode()),
            Node("link_code_pairing_nonce", {}, b"0"),
        )
        attrs = {"stage": "companion_hello", "should_show_push_notification": "true"}
        return Node("link_code_companion_reg", {"jid": phone, **attrs}, children)

    def answered(self, turn: Turn, notification: Node) -> None:
        """The phone's part arrived: make ours, and the secret that the link will be verified with."""
        offer, account = self._offer, self._core.account
        if offer is None or offer.ref is None or account.linked:
            return
        try:
            reg = notification.need("link_code_companion_reg")
            if reg.need("link_code_pairing_ref").data != offer.ref:
                raise NodeError("the phone answers another code")
            wrapped = reg.need("link_code_pairing_wrapped_primary_ephemeral_pub").data
            phone_identity = reg.need("primary_identity_pub").fixed(32)
            phone_ephemeral = pairing_code.unwrap_ephemeral(offer.code, wrapped)
            finish = pairing_code.companion_finish(
                offer.ephemeral, account.identity, phone_ephemeral, phone_identity, self._core.rng
            )
        except RemoteProtocolError as error:
            turn.emit("pairing.failed", reason=str(error))
            return
        self._offer = None
        account.with_(adv_secret=finish.adv_secret).save(turn.tx)
        children = (
            Node("link_code_pairing_wrapped_key_bundle", {}, finish.wrapped_bundle),
            Node("companion_identity_public", {}, account.identity.public),
            Node("link_code_pairing_ref", {}, offer.ref),
        )
        attrs = {"jid": offer.phone.attrs["jid"], "stage": "companion_finish"}
        self._core.ask(turn, "md", "set", (Node("link_code_companion_reg", attrs, children),), self._finished)

    def _finished(self, turn: Turn, answer: Answer) -> None:
        if isinstance(answer, QueryFailure):
            turn.emit("pairing.failed", reason=answer.text)
