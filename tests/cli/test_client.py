"""The commands' HTTP client against a server that answers badly, slowly, or not at all."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from cli.client import ApiError, Client, _refusal
from cli.event_feed import follow_events
from cli.failure import NOT_RUNNING, CommandFailed, NotRunning
from cli.folder import Place
from web.errors import invalid

ANSWERS: dict[str, tuple[int, str]] = {
    "/ok": (200, '{"status":"success","data":{"a":1}}'),
    "/refused": (
        409,
        '{"status":"error","code":"parked","message":"No","details":[{"field":"x","message":"y"}],'
        '"data":{"next_step":"pair again"}}',
    ),
    "/told": (
        409,
        '{"status":"error","code":"quarantined","message":"Gave up. Restart it.","details":[],'
        '"data":{"next_step":"Restart it."}}',
    ),
    "/html": (502, "<html>"),
    "/list": (200, '{"data":[1,2],"page":{"next":"c","total":3}}'),
    "/list?after=c": (200, '{"data":[3],"page":{"next":null,"total":3}}'),
}
STREAM = b': hello\n\nid: e1\ndata: {"n":1}\n\nid: e2\ndata: {"n":2}\ndata:  \n\nid: e3\ndata: {"n"'


class Handler(BaseHTTPRequestHandler):
    seen: ClassVar[list[tuple[str, str | None, str | None]]] = []

    def do_GET(self) -> None:
        self.seen.append((self.path, self.headers["Authorization"], self.headers["Last-Event-ID"]))
        if self.headers["Accept"] == "text/event-stream":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(STREAM)
            return
        status, body = ANSWERS[self.path]
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    do_POST = do_GET

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    Handler.seen.clear()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_an_answer_is_its_json_and_the_token_goes_into_a_header(url: str) -> None:
    assert Client(url, "secret").call("GET", "/ok")["data"] == {"a": 1}
    assert Handler.seen == [("/ok", "Bearer secret", None)]


def test_a_refusal_carries_the_servers_words(url: str) -> None:
    with pytest.raises(ApiError) as caught:
        Client(url, None).call("POST", "/refused", {})
    assert caught.value.message == "No\n  x: y\n  next step: pair again"
    assert (caught.value.status, caught.value.api_code, caught.value.code) == (409, "parked", 1)


def test_a_next_step_that_the_message_holds_is_not_said_again(url: str) -> None:
    with pytest.raises(ApiError) as caught:
        Client(url, None).call("POST", "/told", {})
    assert caught.value.message == "Gave up. Restart it."


INVALID = invalid(("id", "is required"), ("nope", "unknown field"))
MANY = invalid(*((f"nope{number:02}", f"unknown field {number:02}") for number in range(12)))


@pytest.mark.parametrize(
    ("message", "details", "said"),
    [
        (INVALID.message, INVALID.details, "id: is required; nope: unknown field"),
        (
            MANY.message,
            MANY.details,
            f"{MANY.message}\n  nope10: unknown field 10\n  nope11: unknown field 11",
        ),
        ("No", [{"check": "disk", "message": "is full"}], "No\n  disk: is full"),
        ("the disk is full", [{"check": "disk", "message": "the disk is full"}], "the disk is full"),
        ("No", [], "No"),
        (None, None, "HTTP 422"),
    ],
)
def test_every_problem_is_told_once(message: str | None, details: Any, said: str) -> None:
    assert _refusal(422, {"message": message, "details": details}) == said


def test_an_answer_that_is_not_json_is_named(url: str) -> None:
    with pytest.raises(CommandFailed) as caught:
        Client(url, None).call("GET", "/html")
    assert caught.value.message == f"{url}/html did not answer with JSON (HTTP 502)"


def test_lists_are_read_to_their_end(url: str) -> None:
    assert Client(url, None).all_pages("/list") == [1, 2, 3]


def test_nobody_listening_is_said_with_the_address() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(CommandFailed) as caught:
            Client(url, None).call("GET", "/ok")
    assert caught.value.message == f"{url} does not answer: Connection refused"


def test_a_server_that_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(CommandFailed, match="does not answer: timed out"):
            Client(url, None, timeout_s=0.2).call("GET", "/ok")


def test_without_a_server_the_exit_code_is_3(tmp_path: Path) -> None:
    with pytest.raises(NotRunning) as caught:
        Client.of(Place.choose(tmp_path))
    assert caught.value.code == NOT_RUNNING == 3


def test_a_stream_gives_whole_events_only(url: str) -> None:
    found = list(Client(url, None).stream("/events", {}, "e0"))
    assert found == [("e1", '{"n":1}'), ("e2", '{"n":2}\n ')]
    assert Handler.seen == [("/events", None, "e0")]


def test_a_broken_stream_is_taken_up_behind_the_last_event(url: str) -> None:
    feed = follow_events(lambda: Client(url, None), {}, None, retry_s=0.0)
    assert [next(feed)["n"] for _ in range(4)] == [1, 2, 1, 2]
    assert [last for _, _, last in Handler.seen] == [None, "e2"]
