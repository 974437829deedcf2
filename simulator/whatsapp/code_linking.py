"""Linking by a code that a person types on the phone (protocol §7.2), the server's and the phone's side."""

from dataclasses import dataclass

from simulator.whatsapp.accounts import Account
from simulator.whatsapp.link import Link
from simulator.whatsapp.linking import Candidate, CannotLink, Linking
from simulator.whatsapp.phones import Phones
from simulator.whatsapp.server_core import ServerCore
from whatsapp import pairing_code
from whatsapp.errors import ProtocolError
from whatsapp.jid import SERVER
from whatsapp.keys import KeyPair
from whatsapp.nodes import Node

DISPLAY_PARTS = (" (", ")")


@dataclass(slots=True)
class _Exchange:
    """`ephemeral`: the phone's, once the code was typed."""

    candidate: Candidate
    account: Account
    ref: bytes
    wrapped: bytes
    ephemeral: KeyPair | None = None
    companion_ephemeral: bytes = b""


class CodeLinking:
    """One exchange per account: a newer one makes the older worthless."""

    def __init__(self, core: ServerCore, phones: Phones, linking: Linking) -> None:
        self._core = core
        self._phones = phones
        self._linking = linking
        self._exchanges: dict[str, _Exchange] = {}

    def asked(self, link: Link, reg: Node) -> Node:
        """One stage, by a device that is not linked. Returns the answer's type and content."""
        candidate = self._linking.candidates.get(link.number)
        account = self._core.accounts.of(reg.jid_attr("jid"))
        if candidate is None or account is None:
            return _error(404, "item-not-found")
        match reg.text_attr("stage"):
            case "companion_hello":
                return self._hello(candidate, account, reg)
            case "companion_finish":
                return self._finish(candidate, account, reg)
            case _:
                return _error(400, "bad-request")

    def _hello(self, candidate: Candidate, account: Account, reg: Node) -> Node:
        display = reg.need("companion_platform_display").text
        noise = reg.need("companion_server_auth_key_pub").fixed(32)
        if not all(part in display for part in DISPLAY_PARTS) or noise != candidate.link.noise:
            return _error(400, "bad-request")
        wrapped = reg.need("link_code_pairing_wrapped_companion_ephemeral_pub").fixed(
            pairing_code.WRAPPED_BYTES
        )
        ref = f"2@{self._core.rng(20).hex()}".encode()
        self._exchanges[account.number] = _Exchange(candidate, account, ref, wrapped)
        children = (Node("link_code_pairing_ref", {}, ref),)
        return Node("iq", {"type": "result"}, (Node("link_code_companion_reg", {}, children),))

    def typed(self, account: Account, code: str) -> None:
        """A person types the code on the phone. Raises CannotLink; a wrong code is noticed only at the end."""
        exchange = self._exchanges.get(account.number)
        if exchange is None or not exchange.candidate.link.writable:
            raise CannotLink("no device waits for a code of this account")
        if self._core.wall_s() > max(exchange.candidate.ref_ends.values()):
            raise CannotLink("the code is too old: the device must ask for a new one")
        code = code.replace("-", "").upper()
        try:
            exchange.companion_ephemeral = pairing_code.unwrap_ephemeral(code, exchange.wrapped)
            ephemeral = exchange.ephemeral = KeyPair.generate(self._core.rng)
            wrapped = pairing_code.wrap_ephemeral(code, ephemeral.public, self._core.rng)
        except ProtocolError as error:
            raise CannotLink(str(error)) from None
        identity = self._phones.of(account).phone.identity.keys.public
        children = (
            Node("link_code_pairing_wrapped_primary_ephemeral_pub", {}, wrapped),
            Node("primary_identity_pub", {}, identity),
            Node("link_code_pairing_ref", {}, exchange.ref),
        )
        reg = Node("link_code_companion_reg", {"stage": "primary_hello"}, children)
        exchange.candidate.link.send(
            Node.make(
                "notification",
                (reg,),
                from_=SERVER,
                type="link_code_companion_reg",
                id=self._core.next_id(),
                t=self._core.now,
            )
        )

    def _finish(self, candidate: Candidate, account: Account, reg: Node) -> Node:
        exchange = self._exchanges.get(account.number)
        ref = reg.need("link_code_pairing_ref").data
        if exchange is None or exchange.ephemeral is None or exchange.candidate is not candidate:
            return _error(404, "item-not-found")
        if exchange.ref != ref:
            return _error(400, "bad-request")
        del self._exchanges[account.number]
        bundle = reg.need("link_code_pairing_wrapped_key_bundle").data
        identity = self._phones.of(account).phone.identity.keys
        try:
            companion, secret = pairing_code.phone_finish(
                exchange.ephemeral, identity, exchange.companion_ephemeral, bundle
            )
        except ProtocolError as error:
            self._core.observed.counts["codes that were wrong"] += 1
            return _error(400, str(error))
        if companion != candidate.bundle.identity_key:
            return _error(400, "another identity than registered")
        self._core.later(lambda: self._approve(candidate, account, secret))
        return Node("iq", {"type": "result"})

    def _approve(self, candidate: Candidate, account: Account, secret: bytes) -> None:
        self._linking.approve(candidate, account, secret)


def _error(code: int, text: str) -> Node:
    return Node("iq", {"type": "error"}, (Node.make("error", code=code, text=text),))
