"""Baileys in a process of its own (driver.mjs), seen from Python."""

import itertools
import json
import subprocess
import threading
from base64 import b64encode
from pathlib import Path
from typing import Any

from tests.interop.told import PATIENCE_S, Told

DRIVER = Path(__file__).with_name("driver.mjs")
# WebMessageInfo.Status, which comes as a number or as a name.
STATUS = {"delivered": 3, "read": 4}
STATUS_NAMES = ("ERROR", "PENDING", "SERVER_ACK", "DELIVERY_ACK", "READ", "PLAYED")


class BaileysError(Exception):
    """What Baileys said of a call."""


class Driver:
    """The node process. A context manager."""

    def __init__(self, node: str, folder: Path) -> None:
        self._process = subprocess.Popen(
            [node, str(DRIVER), str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._numbers = itertools.count(1)
        self._writing = threading.Lock()
        self._answers: Told[dict[str, Any]] = Told("driver")
        self._clients: dict[str, Baileys] = {}
        self.unhandled: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._answers.wait("start of the driver", lambda line: line.get("event") == "ready")

    def __enter__(self) -> "Driver":
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(10)

    def client(self, name: str) -> "Baileys":
        """A client that has not been there before, under a name of its own."""
        made = Baileys(self, f"{name}-{next(self._numbers)}")
        self._clients[made.name] = made
        return made

    def call(self, client: str, what: str, arguments: dict[str, Any], for_s: float) -> Any:
        number = next(self._numbers)
        line = json.dumps({"id": number, "client": client, "do": what, **arguments}, default=_bytes)
        with self._writing:
            assert self._process.stdin is not None
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        answer = self._answers.wait(f"answer to {what}", lambda one: one.get("id") == number, for_s=for_s)
        if "error" in answer:
            raise BaileysError(answer["error"])
        return answer["result"]

    def _read(self) -> None:
        assert self._process.stdout is not None
        for text in self._process.stdout:
            line = json.loads(text)
            if "client" in line:
                self._clients[line["client"]].told.add((line["event"], line["data"]))
            elif line.get("event") == "unhandled":
                self.unhandled.append(line["data"])
            else:
                self._answers.add(line)


class Baileys:
    """One client. `told`: its events as (name, data)."""

    def __init__(self, driver: Driver, name: str) -> None:
        self._driver = driver
        self.name = name
        self.told: Told[tuple[str, Any]] = Told(name)
        self.url = ""

    def do(self, what: str, for_s: float = PATIENCE_S, **arguments: Any) -> Any:
        """A call of the driver. BaileysError when it fails."""
        return self._driver.call(self.name, what, arguments, for_s)

    def start(self, url: str, **options: Any) -> int:
        """Connect; returns the number of its first event."""
        begun = len(self.told.all())
        self.url = url
        self.do("start", url=url, options=options)
        return begun

    def event(self, name: str, wanted: Any = lambda data: True, after: int = 0) -> Any:
        """The data of the first such event."""
        found = self.told.wait(name, lambda one: one[0] == name and bool(wanted(one[1])), after)
        return found[1]

    def events(self, name: str) -> list[Any]:
        return [data for event, data in self.told.all() if event == name]

    def opened(self, after: int = 0) -> None:
        self.event("connection.update", lambda update: update.get("connection") == "open", after)

    def caught_up(self, after: int = 0) -> None:
        """What waited while it was away has been given to it."""
        self.event("connection.update", lambda update: update.get("receivedPendingNotifications"), after)

    def receipt(self, message_id: str, status: str) -> None:
        """Somebody's receipt for a message that it sent: "delivered" or "read", in a chat or a group.

        Baileys tells it in an event of its own, or with the message when both came close together.
        """
        field = "receiptTimestamp" if status == "delivered" else "readTimestamp"

        def says(one: dict[str, Any]) -> bool:
            receipts = [one.get("receipt") or {}, *(one.get("userReceipt") or [])]
            known = max(_status(one), _status(one.get("update") or {}))
            return known >= STATUS[status] or any(each.get(field) for each in receipts)

        def tells(event: tuple[str, Any]) -> bool:
            name, data = event
            told = data["messages"] if name == "messages.upsert" else data
            kinds = ("messages.upsert", "messages.update", "message-receipt.update")
            return name in kinds and any(one["key"]["id"] == message_id and says(one) for one in told)

        self.told.wait(f"{status} receipt for {message_id}", tells)

    def closed(self, after: int = 0) -> int | None:
        """The status that it reports for the end of its connection (protocol §20)."""
        update = self.event("connection.update", lambda update: update.get("connection") == "close", after)
        status: int | None = (update.get("lastDisconnect") or {}).get("error", {}).get("status")
        return status

    def messages(self) -> list[dict[str, Any]]:
        """Every message that it told of, its own included."""
        return [one for told in self.events("messages.upsert") for one in told["messages"]]

    def texts(self) -> list[str]:
        """Of what others wrote to it."""
        return [text_of(one) for one in self.messages() if not one["key"].get("fromMe") and text_of(one)]

    def message(self, text: str) -> dict[str, Any]:
        """The message with this text, once it is there."""
        return self.message_with(lambda one: text_of(one) == text, f"message {text!r}")

    def message_with(self, wanted: Any, what: str = "message") -> dict[str, Any]:
        found = self.told.wait(
            what,
            lambda one: one[0] == "messages.upsert" and any(wanted(each) for each in one[1]["messages"]),
        )
        return next(each for each in found[1]["messages"] if wanted(each))

    def update(self, message_id: str, wanted: Any) -> Any:
        """What it says changed about a message."""

        def about(updates: Any) -> bool:
            return any(one["key"]["id"] == message_id and wanted(one["update"]) for one in updates)

        updates = self.event("messages.update", about)
        return next(
            one["update"] for one in updates if one["key"]["id"] == message_id and wanted(one["update"])
        )

    def send(self, to: str, text: str, **more: Any) -> str:
        """Send a text; its id."""
        return self.send_content(to, {"text": text}, **more)

    def send_content(self, to: str, content: dict[str, Any], **more: Any) -> str:
        key: dict[str, str] = self.do("send", to=to, content=content, **more)
        return key["id"]


def text_of(message: dict[str, Any]) -> str:
    """The text of a message, "" when it has none."""
    content = message.get("message") or {}
    found: str = content.get("conversation") or (content.get("extendedTextMessage") or {}).get("text") or ""
    return found


def _status(message: dict[str, Any]) -> int:
    status = message.get("status") or 0
    return STATUS_NAMES.index(status) if isinstance(status, str) else status


def _bytes(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"base64": b64encode(value).decode()}
    raise TypeError(f"{type(value).__name__} in a call of the driver")
