"""The simulated WhatsApp server for tests and `demo`: a process of its own, used synchronously.

with WhatsApp.spawn() as whatsapp:
    budi = whatsapp.phone("6281234567801", name="Budi")
    …a client dials whatsapp.url, trusts whatsapp.root_key, and shows a QR code…
    budi.scan(qr_text)
    budi.wait_device(1)
    budi.send_text("6281234567802", "halo")
"""

import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from simulator import spawning
from simulator.call import SimulatorError, call
from simulator.whatsapp.handles import Phone

__all__ = ["Phone", "SimulatorError", "WhatsApp"]


class WhatsApp:
    """A running server process; a context manager that stops it. `url`: what clients dial; `root_key`: what they
    must trust, 32 bytes.
    """

    def __init__(self, process: subprocess.Popen[bytes], control_url: str, url: str, root_key: bytes) -> None:
        self.process = process
        self.control_url = control_url
        self.url = url
        self.root_key = root_key

    @classmethod
    def spawn(
        cls,
        *,
        folder: Path | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        deadline_s: float = 30.0,
    ) -> Self:
        """Start a process that ends with this one. `folder`: everything is kept there, so that a later process
        goes on where this one stopped; on the same `port`, clients notice no more than a lost connection.

        Raises SimulatorError when it does not get ready within `deadline_s`.
        """
        arguments = ["--host", host, "--port", str(port)]
        if folder is not None:
            arguments += ["--folder", str(folder)]
        process, ready = spawning.spawn("simulator.whatsapp", arguments, deadline_s=deadline_s)
        return cls(process, ready["control"], ready["url"], bytes.fromhex(ready["root_key"]))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the process and wait for it. Harmless when it is gone."""
        spawning.end(self.process)

    def about(self) -> dict[str, Any]:
        """Counts of what was seen, accounts, groups, mistakes of the server itself."""
        told: dict[str, Any] = call(self.control_url, "GET", "/")
        return told

    def errors(self) -> list[str]:
        """The server's own mistakes; tests expect none."""
        errors: list[str] = self.about()["errors"]
        return errors

    def complaints(self) -> list[str]:
        """What clients did that no client that keeps to the protocol does."""
        told: list[str] = call(self.control_url, "GET", "/complaints")
        return told

    def stanzas(self) -> list[dict[str, Any]]:
        """What was seen lately, as outlines: who, outward, stanza."""
        told: list[dict[str, Any]] = call(self.control_url, "GET", "/stanzas")
        return told

    def phone(self, number: str, name: str = "", lid: str = "") -> Phone:
        """The phone of the account with this number, which is made when there is none."""
        made = call(self.control_url, "PUT", f"/accounts/{number}", {"name": name, "lid": lid})
        return Phone(self.control_url, made["number"], made["jid"], made["lid"])

    # ── what goes wrong for everybody ────────────────────────────────────────────────────────────────────────────

    def settings(self, **settings: Any) -> None:
        """Change some of `settings.ServerSettings`, such as `minimum_revision`."""
        call(self.control_url, "PATCH", "/settings", settings)

    def certificates(self, flaw: str | None = None) -> None:
        """What is wrong with the certificates of new connections (`authority.FLAWS`); None: nothing."""
        call(self.control_url, "PUT", "/certificates", {"flaw": flaw})

    def upgrade(self, status: int | None = None) -> None:
        """Answer dials with this HTTP status; None: with a WebSocket again."""
        call(self.control_url, "PUT", "/upgrade", {"status": status})

    def refuse_all(self, reason: int, **more: Any) -> None:
        """Refuse everybody with `<failure>`: code, expire_s, header, times."""
        call(self.control_url, "PUT", "/refusals/*", {"reason": reason, **more})

    def welcome_all(self) -> None:
        call(self.control_url, "DELETE", "/refusals/*")

    def set_faults(self, **faults: float | str) -> None:
        """Spoil what anybody sends or gets (`knobs.Faults`)."""
        call(self.control_url, "PUT", "/faults/*", faults)

    def clear_faults(self) -> None:
        call(self.control_url, "DELETE", "/faults/*")

    def links(self) -> list[dict[str, Any]]:
        """Every connection: number, stage, who, revision."""
        told: list[dict[str, Any]] = call(self.control_url, "GET", "/links")
        return told

    def end(self, link: int, how: str) -> None:
        """End any connection in one of the ways of `ends.ENDS`."""
        call(self.control_url, "POST", f"/links/{link}/end", {"how": how})
