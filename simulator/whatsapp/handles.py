"""What the client holds of a phone. Every method raises SimulatorError when refused."""

from collections.abc import Callable
from typing import Any

from simulator.call import call
from simulator.waiting import wait_for


class Phone:
    """One account and its phone. `jid`, `lid`: its addresses."""

    def __init__(self, control_url: str, number: str, jid: str, lid: str) -> None:
        self.number = number
        self.jid = jid
        self.lid = lid
        self._control_url = control_url

    def scan(self, qr_text: str, flaw: str | None = None) -> int:
        """Scan a QR code; the number of the device that is being linked. `flaw`: hmac or signature."""
        device: int = self._call("POST", "/scan", {"qr": qr_text, "flaw": flaw})["device"]
        return device

    def type_code(self, code: str) -> None:
        """Type the 8 characters that a device shows."""
        self._call("POST", "/code", {"code": code})

    def unlink(self, device: int) -> None:
        """Log a linked device out."""
        self._call("DELETE", f"/devices/{device}")

    def send_text(self, to: str, text: str, *, by_lid: bool = True) -> str:
        """Write to a number, an address or a group; the message's id. `by_lid`: a number is addressed by LID."""
        sent: str = self._call("POST", "/texts", {"to": to, "text": text, "by_lid": by_lid})["id"]
        return sent

    def view(self) -> dict[str, Any]:
        """The account and its devices: number, jid, lid, online, waiting, one_time_keys, …"""
        told: dict[str, Any] = self._call("GET", "")
        return told

    def device(self, number: int) -> dict[str, Any] | None:
        """One device, None when it is not linked."""
        return next((one for one in self.view()["devices"] if one["number"] == number), None)

    def inbox(self) -> list[dict[str, Any]]:
        """What came to the phone, oldest first: messages (kind, chat, sender, from_me, text, …) and receipts."""
        told: list[dict[str, Any]] = self._call("GET", "/inbox")
        return told

    def texts(self) -> list[str]:
        """The texts in the inbox that others wrote."""
        return [one["text"] for one in self.inbox() if one.get("text") is not None and not one["from_me"]]

    def wait_inbox(
        self, predicate: Callable[[dict[str, Any]], object], deadline_s: float = 30.0
    ) -> dict[str, Any]:
        """The first entry for which `predicate` holds. TimeoutError."""
        found = wait_for(lambda: [one for one in self.inbox() if predicate(one)], bool, deadline_s)
        return found[0]

    def wait_device(self, number: int, online: bool = True, deadline_s: float = 30.0) -> dict[str, Any]:
        """Until a device is linked, and logged in or not. TimeoutError."""
        found = wait_for(
            lambda: self.device(number),
            lambda device: device is not None and device["online"] is online,
            deadline_s,
        )
        assert found is not None
        return found

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        return call(self._control_url, method, f"/accounts/{self.number}{path}", body)
