"""People with phones: what a person can do, for tests and the control API."""

from typing import Any

from simulator.whatsapp.accounts import Account, Spot
from simulator.whatsapp.phones import Handset
from simulator.whatsapp.server_core import ServerCore
from simulator.whatsapp.server_parts import Parts
from whatsapp.jid import Jid, user_jid
from whatsapp.nodes import Attribute, Node


class Person:
    """One account, by the hands of its owner. Every act is settled when its method returns."""

    def __init__(self, core: ServerCore, parts: Parts, account: Account) -> None:
        self._core = core
        self._parts = parts
        self.account = account

    @property
    def handset(self) -> Handset:
        return self._parts.phones.of(self.account)

    # ── linked devices ───────────────────────────────────────────────────────────────────────────────────────────

    def scan(self, qr_text: str, flaw: str | None = None) -> int:
        """Scan a QR code; returns the number of the device to be. Raises CannotLink."""
        spot = self._parts.linking.scan(self.account, qr_text, flaw)
        self._core.settle()
        return spot.device.number

    def type_code(self, code: str) -> None:
        """Type the code that a device shows. Raises CannotLink."""
        self._parts.codes.typed(self.account, code)
        self._core.settle()

    def unlink(self, device: int) -> None:
        """Log a device out in the phone's settings. KeyError when there is none."""
        self._parts.removals.unlink(Spot(self.account, self.account.devices[device]))
        self._core.settle()

    # ── messages ─────────────────────────────────────────────────────────────────────────────────────────────────

    def send_text(self, to: str, text: str, by_lid: bool = True) -> str:
        """Write to a number, an address or a group; returns the message's id. `by_lid`: numbers are addressed so."""
        message_id = self.handset.sending.text(self.address(to, by_lid), text)
        self._core.settle()
        return message_id

    def address(self, to: str, by_lid: bool = True) -> Jid:
        """The address that a person means. ValueError for a number that is none."""
        if "@" in to:
            return Jid.parse(to)
        account = self._core.accounts.of(user_jid(to))
        return user_jid(to) if account is None else account.jid(by_lid)

    def send_history(self) -> str:
        """Tell the companions what a phone tells after linking: LIDs of everybody here, and a salt."""
        pairs = [(account.number, account.lid) for account in self._core.accounts]
        message_id = self.handset.sending.history(pairs, self._core.rng(32))
        self._core.settle()
        return message_id

    def share_app_state_key(self) -> str:
        """Give the companions a key for the app state: from then on they can change it."""
        message_id = self.handset.sending.app_state_key()
        self._core.settle()
        return message_id

    def typing(self, to: str, state: str = "composing") -> None:
        """Begin to type, or stop ("paused")."""
        chatstate = Node("chatstate", {"to": self.address(to)}, (Node(state),))
        self._parts.outside.send(self.handset.phone.spot, chatstate)
        self._core.settle()

    def call(self, to: str) -> str:
        """Ring somebody's devices; returns the call's id."""
        called, call_id = self._core.accounts.of(self.address(to)), self._core.next_id()
        offer = Node("offer", {"call-id": call_id, "call-creator": self.account.lid_jid()})
        for spot in [] if called is None else self._core.accounts.spots(called):
            attrs: dict[str, Attribute] = {"from": self.account.lid_jid(), "id": self._core.next_id()}
            call = Node("call", {**attrs, "t": str(self._core.now)}, (offer,))
            self._parts.delivery.deliver(spot, call)
        self._core.settle()
        return call_id

    # ── groups ───────────────────────────────────────────────────────────────────────────────────────────────────

    def create_group(self, subject: str, members: list[str], by_lid: bool = True) -> str:
        """A group of this person's; returns its address. KeyError for somebody who has no account."""
        group = self._parts.groups.create(
            self.account, subject, [self._account(number) for number in members], by_lid
        )
        self._core.settle()
        return str(group.jid)

    def change_group(self, group: str, what: str, members: list[str]) -> None:
        """add, remove, promote or demote members. KeyError for a group or a person that there is not."""
        found = self._core.groups[Jid.parse(group)]
        accounts = [self._account(number) for number in members]
        self._parts.groups.change_members(found, self.handset.phone.spot, what, accounts)
        self._core.settle()

    def _account(self, number: str) -> Account:
        account = self._core.accounts.by_number(number)
        if account is None:
            raise KeyError(f"no account {number}")
        return account

    # ── the phone itself ─────────────────────────────────────────────────────────────────────────────────────────

    def reinstall(self) -> None:
        """A new phone under the old number: all companions are logged out, and peers learn of a new identity."""
        for device in list(self.account.companions):
            self._parts.removals.unlink(Spot(self.account, device))
        self._parts.renew_phone(self.account)
        self._core.settle()

    def forget_sessions(self) -> None:
        """The phone loses its Signal sessions and sender keys, as after a damaged backup."""
        self.handset.phone.forget_sessions()

    def switch(self, on: bool) -> None:
        """Switch the phone on or off."""
        self.handset.phone.switched_on = on
        self._parts.delivery.give_phone(self.handset.phone.spot)
        self._core.settle()

    def inbox(self) -> list[dict[str, Any]]:
        """What came to the phone, oldest first: entries have a `kind` as events of the library have."""
        return self.handset.phone.inbox()

    def texts(self) -> list[str]:
        """The texts of others in the inbox."""
        return [
            entry["text"] for entry in self.inbox() if entry.get("text") is not None and not entry["from_me"]
        ]
