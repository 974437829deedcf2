"""What the client holds of a phone. Every method raises SimulatorError when refused."""

from collections.abc import Callable, Sequence
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

    def typing(self, to: str, state: str = "composing") -> None:
        """Begin to type, or stop ("paused")."""
        self._call("POST", "/typing", {"to": to, "state": state})

    def call(self, to: str) -> str:
        """Ring somebody; the call's id."""
        call_id: str = self._call("POST", "/calls", {"to": to})["id"]
        return call_id

    def send_history(self) -> None:
        """Tell the linked devices what a phone tells after linking."""
        self._call("POST", "/history", {})

    def share_app_state_key(self) -> None:
        """Give the linked devices a key for the app state."""
        self._call("POST", "/app-state-key", {})

    def create_group(self, subject: str, members: Sequence[str], *, by_lid: bool = True) -> str:
        """A group with these numbers; its address."""
        body = {"subject": subject, "members": list(members), "by_lid": by_lid}
        jid: str = self._call("POST", "/groups", body)["jid"]
        return jid

    def change_group(self, group: str, what: str, members: Sequence[str]) -> None:
        """add, remove, promote or demote members."""
        self._call("PATCH", "/groups", {"group": group, "what": what, "members": list(members)})

    def reinstall(self) -> None:
        """A new phone under the same number: a new identity, and all linked devices are logged out."""
        self._call("POST", "/reinstall", {})

    def forget_sessions(self) -> None:
        """The phone loses its Signal sessions."""
        self._call("POST", "/forget-sessions", {})

    def change(self, **habits: Any) -> None:
        """`on`: switched on; `reads`: tells that it read; `refuses`: claims not to decrypt the next so many."""
        self._call("PATCH", "/phone", habits)

    # ── linked devices ───────────────────────────────────────────────────────────────────────────────────────────

    def end(self, device: int, how: str) -> None:
        """End a device's connection in one of the ways of `ends.ENDS`."""
        self._call("POST", f"/devices/{device}/end", {"how": how})

    def notice(self, device: int, what: str) -> None:
        """Send a device one of `ends.NOTICES`."""
        self._call("POST", f"/devices/{device}/notice", {"what": what})

    def silence(self, device: int) -> None:
        """Keep a device's connection, and never write to it again."""
        self._call("POST", f"/devices/{device}/silence", {})

    def frames(self, device: int, way: str, count: int = 1) -> None:
        """Write the next frames to a device otherwise (`shaping.Shaping`)."""
        self._call("PUT", f"/devices/{device}/frames", {"way": way, "count": count})

    def hold(self, device: int) -> None:
        """What comes for a connected device waits."""
        self._call("PUT", f"/devices/{device}/hold", {})

    def release(self, device: int, *, backwards: bool = False) -> None:
        """A held device gets everything; `backwards`: the newest first."""
        self._call("DELETE", f"/devices/{device}/hold", {"backwards": backwards})

    def keys(self, device: int, *, withheld: bool = False, dropped: bool = False) -> None:
        """One-time keys are not given out (`withheld`), or are gone (`dropped`)."""
        self._call("PUT", f"/devices/{device}/keys", {"withheld": withheld, "dropped": dropped})

    def set_faults(self, device: int, **faults: float | str) -> None:
        """Spoil what a device sends or gets (`knobs.Faults`); what is not named is in order."""
        call(self._control_url, "PUT", f"/faults/{self.number}:{device}", faults)

    def clear_faults(self, device: int) -> None:
        call(self._control_url, "DELETE", f"/faults/{self.number}:{device}")

    def refuse(self, reason: int, **more: Any) -> None:
        """Refuse logins of this account with `<failure>`: code, expire_s, header, times."""
        call(self._control_url, "PUT", f"/refusals/{self.number}", {"reason": reason, **more})

    def welcome(self) -> None:
        """Refuse logins no more."""
        call(self._control_url, "DELETE", f"/refusals/{self.number}")

    # ── looking ──────────────────────────────────────────────────────────────────────────────────────────────────

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
