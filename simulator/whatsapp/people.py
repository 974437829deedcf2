"""People with phones: what a person can do, for tests and the control API."""

from typing import Any

from simulator.whatsapp.accounts import Account, Spot
from simulator.whatsapp.phones import Handset
from simulator.whatsapp.server_core import ServerCore
from simulator.whatsapp.server_parts import Parts
from whatsapp.jid import Jid, user_jid


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
