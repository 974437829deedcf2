import json
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from core.config import HttpSettings, Settings
from core.records import Scope
from store.tokens import digest_of
from tests.web.fakes import FakeHistory, FakeRoot
from web import binding
from web.call import Call
from web.pipeline import Pipeline
from web.routes import ROUTES
from web.routing import Router
from web.server import WebServer, build_site
from web.site import Site

DEADLINE_S = 20.0
CLI_TOKEN = "sbg_cli_" + "c" * 43


def eventually(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds; fail at the deadline."""
    deadline_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline_s, "not in time"
        time.sleep(0.01)


@dataclass
class Reply:
    """An answer, parsed."""

    status: int
    raw: bytes
    headers: dict[str, str]
    stream: Any = None

    @property
    def body(self) -> Any:
        return json.loads(self.raw)

    @property
    def code(self) -> str:
        return str(self.body["code"])


class World:
    """A site over a fake root: requests go through the pipeline as calls, without HTTP."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.root = FakeRoot()
        self.history = FakeHistory(self.root)
        self.reloaded: Callable[[], Settings] = Settings
        self.site: Site = build_site(
            settings or Settings(http=HttpSettings(command_timeout_s=DEADLINE_S)),
            connect=lambda: self.root,
            reload_settings=self.reload,
            history=self.history,
            cli_digest=digest_of(CLI_TOKEN),
            version="1.2.3",
            data_root="/srv/my data",
        )
        self.pipeline = Pipeline(self.site, Router(ROUTES))
        self.admin = self.history.add_token(Scope.ADMIN)

    def reload(self) -> Settings:
        return self.reloaded()

    def start(self) -> None:
        self.site.bridge.start()
        assert self.site.model.wait_for(lambda model: model.fleet is not None, DEADLINE_S)
        assert self.site.model.wait_for(lambda model: model.root_ready is not None, DEADLINE_S)

    def close(self) -> None:
        self.site.model.close()
        self.site.bridge.close()

    def put(self, *changed: Any) -> None:
        """Push instances and wait until the read model has them."""
        self.root.put(*changed)
        ids = [one.instance_id for one in changed]
        assert self.site.model.wait_for(
            lambda model: all(model.instance(name) == self.root.instances[name] for name in ids), DEADLINE_S
        )

    def settings(self, **sections: Any) -> None:
        self.site.settings.now = replace(self.site.settings.now, **sections)

    def ask(
        self,
        method: str,
        target: str,
        body: Any = None,
        *,
        token: str | None = "admin",
        headers: dict[str, str] | None = None,
        peer: str = "127.0.0.1",
    ) -> Reply:
        """`body`: bytes as they are, anything else as JSON. `token`: a value, `admin`, or None for none."""
        path, _, query = target.partition("?")
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        sent = {"content-type": "application/json"} if raw else {}
        if token is not None:
            sent["authorization"] = f"Bearer {self.admin if token == 'admin' else token}"
        call = Call(method, path, query, sent | (headers or {}), peer, lambda _limit: raw)
        answer, _ = self.pipeline.answer(call)
        return Reply(answer.status, answer.body, dict(answer.headers), answer.stream)


@pytest.fixture
def world() -> Iterator[World]:
    one = World()
    one.start()
    yield one
    one.close()


@dataclass
class Secret:
    """A certificate for 127.0.0.1, and what its clients trust."""

    cert: Path
    key: Path
    client: ssl.SSLContext


def secret_in(folder: Path) -> Secret:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    one = Secret(folder / "cert.pem", folder / "key.pem", ssl.create_default_context())
    issued.cert_chain_pems[0].write_to_path(one.cert)
    issued.private_key_pem.write_to_path(one.key)
    authority.configure_trust(one.client)
    return one


class Live(World):
    """The same over real HTTP. CherryPy's tree is global, so one at a time."""

    def __init__(self, secret: Secret | None = None) -> None:
        http = HttpSettings(
            host="127.0.0.1", port=0, threads=6, socket_timeout_s=2.0, command_timeout_s=DEADLINE_S
        )
        if secret is not None:
            http = replace(http, tls_cert_file=str(secret.cert), tls_key_file=str(secret.key))
        super().__init__(Settings(http=http))
        self.server = WebServer(self.site, binding.bind(http))
        self.port = self.server.places[0].port
        self.tls = None if secret is None else secret.client
        self.http = httpx.Client(
            base_url=self.server.places[0].url, timeout=DEADLINE_S, verify=self.tls or True
        )

    def start(self) -> None:
        self.server.start()
        assert self.site.model.wait_for(lambda model: model.root_ready is not None, DEADLINE_S)

    def close(self) -> None:
        self.http.close()
        self.server.stop()

    def auth(self, token: str | None = None) -> dict[str, str]:
        return {"Authorization": f"Bearer {token or self.admin}"}


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    one = Live()
    one.start()
    yield one
    one.close()
