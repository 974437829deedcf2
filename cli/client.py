"""The running server's HTTP API, as the commands use it: address and token come from the data folder."""

import json
import ssl
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

from cli.failure import CommandFailed, NotRunning
from cli.folder import Place, launcher_of, read_listening

TIMEOUT_S = 30.0


class ApiError(CommandFailed):
    """The server refused: its own words, with `api_code` and HTTP `status`."""

    def __init__(self, status: int, api_code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.api_code = api_code

    @property
    def name(self) -> str:
        return self.api_code or super().name


class Client:
    """Requests to one server. `token`: None sends none."""

    def __init__(self, url: str, token: str | None, timeout_s: float = TIMEOUT_S) -> None:
        self.url = url
        self._parts = urlsplit(url)
        self._token = token
        self._timeout_s = timeout_s

    @classmethod
    def of(cls, place: Place, timeout_s: float = TIMEOUT_S) -> "Client":
        """A client of the server that runs on this data folder; raises NotRunning."""
        listening = read_listening(place)
        if listening is None and launcher_of(place) is None:
            raise NotRunning(place.data.root)
        if listening is None:
            raise CommandFailed(
                "the server is just starting, or its web process is: try again in a few seconds"
            )
        try:
            token = place.data.cli_token.read_text("ascii").strip()
        except OSError as error:
            raise CommandFailed(f"{place.data.cli_token}: cannot be read: {error.strerror}") from None
        return cls(listening.url, token, timeout_s)

    def call(
        self, method: str, path: str, body: Any = None, query: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """The JSON object of the answer; raises ApiError for a refusal, CommandFailed when nobody answers."""
        status, answer = self.answer(method, path, body, query)
        if status >= 400:
            raise ApiError(status, str(answer.get("code", "")), _refusal(status, answer))
        return answer

    def answer(
        self, method: str, path: str, body: Any = None, query: Mapping[str, Any] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """HTTP status and JSON object, whatever the status is."""
        connection, response = self._send(method, path, body, query, {})
        try:
            data = response.read()
        except (OSError, HTTPException) as error:
            raise self._unreachable(error) from None
        finally:
            connection.close()
        try:
            value = json.loads(data or b"{}")
        except ValueError:
            raise CommandFailed(
                f"{self._parts.geturl()}{path} did not answer with JSON (HTTP {response.status})"
            ) from None
        return response.status, value if isinstance(value, dict) else {"data": value}

    def all_pages(self, path: str, query: Mapping[str, Any] | None = None) -> list[Any]:
        """Every item of a list, page after page."""
        items: list[Any] = []
        more: dict[str, Any] = dict(query or {})
        while True:
            answer = self.call("GET", path, query=more)
            items += answer["data"]
            following = answer.get("page", {}).get("next")
            if following is None:
                return items
            more["after"] = following

    def stream(self, path: str, query: Mapping[str, Any], last_id: str | None) -> Iterator[tuple[str, str]]:
        """Server-sent events as (id, data) until the server ends the stream; comments are left out."""
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_id} if last_id else {})
        connection, response = self._send("GET", path, None, query, headers)
        try:
            if response.status >= 400:
                answer = json.loads(response.read() or b"{}")
                raise ApiError(
                    response.status, str(answer.get("code", "")), _refusal(response.status, answer)
                )
            yield from _events(response)
        except (OSError, HTTPException) as error:
            raise self._unreachable(error) from None
        finally:
            connection.close()

    def _send(
        self, method: str, path: str, body: Any, query: Mapping[str, Any] | None, headers: Mapping[str, str]
    ) -> tuple[HTTPConnection, HTTPResponse]:
        known = {name: value for name, value in (query or {}).items() if value is not None}
        target = path + (f"?{urlencode(known, doseq=True)}" if known else "")
        sent = {"Accept": "application/json", **headers}
        if self._token:
            sent["Authorization"] = f"Bearer {self._token}"
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            sent["Content-Type"] = "application/json"
        connection = self._connection()
        try:
            connection.request(method, target, body=data, headers=sent)
            return connection, connection.getresponse()
        except (OSError, HTTPException) as error:
            connection.close()
            raise self._unreachable(error) from None

    def _connection(self) -> HTTPConnection:
        host, port = self._parts.hostname or "localhost", self._parts.port
        if self._parts.scheme != "https":
            return HTTPConnection(host, port, timeout=self._timeout_s)
        # The certificate names the public host, while this is the way inside the machine.
        context = ssl._create_unverified_context()
        return HTTPSConnection(host, port, timeout=self._timeout_s, context=context)

    def _unreachable(self, error: Exception) -> CommandFailed:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return CommandFailed(f"{self._parts.geturl()} does not answer: {reason}")


def _refusal(status: int, answer: Mapping[str, Any]) -> str:
    message = str(answer.get("message") or f"HTTP {status}")
    lines = [message]
    for detail in answer.get("details") or []:
        text = str(detail.get("message", detail))
        if text not in message:  # most messages say what their details say
            lines.append(f"  {detail.get('field') or detail.get('check') or ''}: {text}")
    step = (answer.get("data") or {}).get("next_step")
    if step and step not in message:
        lines.append(f"  next step: {step}")
    return "\n".join(lines)


def _events(response: HTTPResponse) -> Iterator[tuple[str, str]]:
    """The event stream of a response (HTML living standard, 9.2.6)."""
    number, data = "", []
    for raw in response:
        line = raw.decode("utf-8", "replace").rstrip("\r\n")
        if line.startswith("id:"):
            number = line[3:].strip()
        elif line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
        elif not line and data:
            yield number, "\n".join(data)
            data = []
