"""Canary secrets are put wherever a secret may stand, everything is made to fail, then every file is searched."""

import json
import secrets
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from server import QUICK, TOKEN, Server, running
from watching import wait_equal, wait_events

from simulator.client import Simulator


def canary() -> str:
    """Looks like nothing that a pattern could know."""
    return "kenari" + secrets.token_hex(12)


@dataclass(frozen=True)
class Seeds:
    """`config`: in the configuration of instances; `tokens`: API tokens, right and wrong; `content`: of messages."""

    config: dict[str, str] = field(
        default_factory=lambda: {
            name: canary()
            for name in ("query", "user", "header", "bearer", "cookie", "hello", "login", "proxy", "fragment")
        }
    )
    tokens: dict[str, str] = field(
        default_factory=lambda: {name: canary() for name in ("query", "bearer", "key", "path", "form")}
    )
    content: str = field(default_factory=canary)


@pytest.fixture(scope="module")
def seeds() -> Seeds:
    return Seeds()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, simulator: Simulator, seeds: Seeds) -> Iterator[Server]:
    """A server with which everything went wrong that can, at debug level."""
    with running(tmp_path_factory.mktemp("data"), log__level="DEBUG", **QUICK) as one:
        fail_everywhere(one, simulator, seeds)
        ask_wrongly(one, seeds)
        die_in_every_way(one)
        yield one


def config(seeds: Seeds, url: str, **more: Any) -> dict[str, Any]:
    """A configuration with a secret in every field that may hold one."""
    own = seeds.config
    return {
        "url": f"{url}?key={own['query']}&plain={own['query']}",
        "headers": {
            "X-Shop-Key": own["header"],
            "Authorization": f"Bearer {own['bearer']}",
            "Cookie": f"sid={own['cookie']}",
        },
        "hello": [{"type": "login", "password": own["hello"]}],
        "login": {"accept": {"type": "welcome", "for": own["login"]}},
        **more,
    }


def fail_everywhere(server: Server, simulator: Simulator, seeds: Seeds) -> None:
    """Each instance meets another failure; one works."""
    welcome = {
        "match": {"type": "login"},
        "reply": {"type": "welcome", "for": seeds.config["login"]},
        "login": True,
    }
    healthy = simulator.listener(behaviour={"replies": [welcome]})
    server.add("works", **config(seeds, healthy.url_of("works")))
    server.wait_open("works")
    answer = server.call("POST", "/api/v1/instances/works/messages", {"content": {"text": seeds.content}})
    assert answer.status == 202
    faults: list[tuple[str, dict[str, Any]]] = [
        ("refuse", {}),
        ("http", {"status": 401}),
        ("http", {"status": 302, "headers": {"Location": f"/x?key={seeds.config['query']}"}}),
        ("bad_handshake", {"variant": "garbage"}),
        ("malformed", {"variant": "invalid_utf8"}),
        ("close", {"code": 1008}),
        ("login_reject", {}),
    ]
    for number, (kind, parameters) in enumerate(faults):
        upstream = simulator.listener(fault=kind, **parameters)
        server.add(f"fails{number}", **config(seeds, upstream.url_of(f"fails{number}")))
        wait_events(server, f"fails{number}", "socket.error")
    with_user = healthy.url_of("user").replace("ws://", f"ws://user:{seeds.config['user']}@")
    refused = {"id": "user", **config(seeds, with_user), "link": "websocket"}
    assert server.call("POST", "/api/v1/instances", refused).status == 422
    proxy = simulator.proxy(mode="connect", username="toko", password=canary())
    url = f"http://toko:{seeds.config['proxy']}@127.0.0.1:{proxy.port}"
    server.add("proxied", **config(seeds, healthy.url_of("proxied"), proxy=url))
    wait_events(server, "proxied", "socket.error")


def ask_wrongly(server: Server, seeds: Seeds) -> None:
    """Requests whose secrets must not reach a log, and bodies that are refused."""
    own = seeds.tokens
    for path, headers in [
        (f"/api/v1/instances?access_token={own['query']}", {}),
        ("/api/v1/instances", {"Authorization": f"Bearer {own['bearer']}"}),
        ("/api/v1/instances", {"X-Api-Key": own["key"]}),
        (f"/api/v1/instances?token={own['query']}&limit=x", {"apikey": own["key"]}),
    ]:
        assert server.call("GET", path, token=None, headers=headers).status in (400, 401)
    assert server.call("GET", f"/api/v1/instances?access_token={TOKEN}", token=None).status == 200
    bad = {"id": "x", **config(seeds, "ws://h/"), "link": "websocket", "secret": own["form"]}
    assert server.call("POST", "/api/v1/instances", bad).status == 422
    worse = {
        "id": "x",
        **config(seeds, "ws://h/"),
        "link": "websocket",
        "url": f"ws://h/#{seeds.config['fragment']}",
    }
    assert server.call("POST", "/api/v1/instances", worse).status == 422
    assert server.call("POST", "/api/v1/instances", f'{{"broken": "{own["form"]}'.encode()).status == 400
    made = server.call("POST", "/api/v1/tokens", {"name": "reader", "scopes": ["read"]})
    own["made"] = made.data["value"]
    assert server.call("GET", "/api/v1/instances", token=own["made"]).status == 200


def die_in_every_way(server: Server) -> None:
    """Stacks are written by SIGABRT; a kill leaves a crash record; everything starts again."""
    for number in (signal.SIGABRT, signal.SIGSEGV, signal.SIGKILL):
        pid = server.wait_open("works")["pid"]
        server.kill(pid, number)
        server.wait_instance("works", lambda one, pid=pid: one["pid"] not in (pid, None))  # type: ignore[misc]
    server.wait_open("works")
    server.kill(server.pid_of("web"), signal.SIGABRT)
    server.kill(server.pid_of("group g1"), signal.SIGABRT)
    wait_equal(server.ready, True, 30)
    server.wait_open("works", 30)


def holders(folder: Path, secret: str) -> list[str]:
    """The files that hold the bytes."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return sorted(str(path.relative_to(folder)) for path in files if secret.encode() in path.read_bytes())


def test_no_secret_of_a_configuration_is_anywhere_but_in_the_registry(server: Server, seeds: Seeds) -> None:
    found = {name: holders(server.data, secret) for name, secret in seeds.config.items()}
    elsewhere = {
        name: [path for path in paths if not path.startswith("registry.db")] for name, paths in found.items()
    }
    assert elsewhere == {key: [] for key in seeds.config}


def test_the_search_finds_what_is_there(server: Server, seeds: Seeds) -> None:
    """The configuration has to be stored: a search that finds nothing even there would prove nothing."""
    stored = {name for name, secret in seeds.config.items() if holders(server.data, secret)}
    assert stored == set(seeds.config) - {"fragment", "user"}


def test_no_token_is_in_any_file(server: Server, seeds: Seeds) -> None:
    tokens = {**seeds.tokens, "admin": TOKEN}
    assert "made" in tokens
    assert {name: holders(server.data, value) for name, value in tokens.items()} == {
        key: [] for key in tokens
    }


def test_the_cli_token_is_only_in_its_own_private_file(server: Server) -> None:
    value = (server.data / "cli-token").read_text().strip()
    assert holders(server.data, value) == ["cli-token"]
    assert (server.data / "cli-token").stat().st_mode & 0o777 == 0o600


def test_the_content_of_a_message_is_in_no_log(server: Server, seeds: Seeds) -> None:
    assert holders(server.data / "logs", seeds.content) == []
    assert holders(server.data / "crash", seeds.content) == []
    assert seeds.content not in server.output()


def test_process_titles_hold_no_secret_and_no_data_folder(server: Server, seeds: Seeds) -> None:
    titles = list(server.processes().values())
    assert any(title.startswith("sambung: instance works") for title in titles)
    assert all(title.startswith("sambung: ") for title in titles), titles
    for secret in [*seeds.config.values(), *seeds.tokens.values(), seeds.content, TOKEN, str(server.data)]:
        assert all(secret not in title for title in titles)


@pytest.mark.parametrize(
    "path",
    [
        "/health",
        "/api/v1/instances?limit=100",
        "/api/v1/server",
        "/api/v1/tokens",
        "/api/v1/events?limit=500",
        "/circuit-breaker-status/works",
        "/api/v1/instances/works/timeline",
        "/api/v1/instances/works/crashes",
        "/api/v1/instances/fails1/timeline",
        "/api/v1/instances/proxied",
    ],
)
def test_no_answer_of_the_api_shows_a_secret(server: Server, seeds: Seeds, path: str) -> None:
    answer = server.call("GET", path)
    assert answer.status == 200, answer.raw
    shown = json.dumps(answer.body)
    # What the upstream says to a login is a pattern to match, and shown.
    hidden = {**seeds.config, **seeds.tokens, "login": TOKEN}
    assert [name for name, secret in hidden.items() if secret in shown] == []
    assert TOKEN not in shown


def test_every_file_and_folder_is_private(server: Server) -> None:
    open_to_others = [
        str(path.relative_to(server.data))
        for path in server.data.rglob("*")
        # The test's own capture of the output.
        if path.name != "serve.out" and not path.is_symlink() and path.stat().st_mode & 0o077
    ]
    assert open_to_others == []
