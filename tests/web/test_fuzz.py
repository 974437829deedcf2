"""Whatever comes in: never a 5xx but 503, never a 200 for an error, always JSON."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.config import AuthSettings
from tests.web.conftest import World
from tests.web.fakes import snapshot
from web.api.models import CreateBody, ImportBody, MessageBody
from web.errors import STATUS_OF
from web.routes import ROUTES

FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
FIELDS = sorted(
    {*CreateBody.model_fields, *MessageBody.model_fields, *ImportBody.model_fields, "x", "http", "retry"}
)
WORDS = [
    "a",
    "",
    "websocket",
    "ws://h/",
    "http://p:1",
    "json",
    "text",
    "connected",
    "read",
    "***",
    "\ud800",
    "\x00",
]

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(WORDS)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(FIELDS) | st.text(), inner, max_size=5)
    ),
    max_leaves=25,
)
bodies = st.binary(max_size=60) | values.map(lambda value: json.dumps(value).encode())
right = {"id": "b", "link": "websocket", "url": "ws://h/", "content": 1, "name": "x", "scopes": ["read"]}
almost = st.dictionaries(st.sampled_from(FIELDS), values, max_size=4).map(
    lambda odd: json.dumps(right | odd).encode()
)
paths = st.sampled_from([route.path for route in ROUTES]) | st.text(max_size=40).map(lambda text: f"/{text}")
queries = st.text(max_size=40) | st.sampled_from(
    ["limit=1", "after=x", "q=%", "kind=,", "access_token=", "=", "&&"]
)


@pytest.fixture
def started(world: World) -> World:
    world.put(snapshot("a"))
    return world


def check(reply: Any) -> None:
    if reply.stream is not None:
        reply.stream.close()
        return
    body = reply.body
    assert reply.status < 500 or reply.status == 503, body
    assert reply.status in set(STATUS_OF.values()) | {201, 202}
    if reply.status < 300:
        assert body["status"] == "success"
    else:
        assert list(body)[:4] == ["status", "code", "message", "details"]
        assert body["status"] == "error"
        assert STATUS_OF[body["code"]] == reply.status


def concrete(path: str, part: str) -> str:
    for name in ("{instance_id}", "{message_id}", "{token_id}", "{session}"):
        path = path.replace(name, part)
    return path


@FUZZ
@given(
    st.sampled_from(["GET", "HEAD", "POST", "PATCH", "DELETE", "PUT"]),
    paths,
    st.sampled_from(["a", "b", "..", "é", "a%2Fb"]) | st.text(max_size=20),
    queries,
    bodies,
    st.dictionaries(
        st.sampled_from(["accept", "last-event-id", "content-type", "x-api-key"]), st.text(max_size=30)
    ),
)
def test_any_request(
    started: World, method: str, path: str, part: str, query: str, body: bytes, headers: dict[str, str]
) -> None:
    target = concrete(path, part).replace("?", "")
    check(started.ask(method, f"{target}?{query}", body, headers=headers))


@FUZZ
@given(
    st.sampled_from([route for route in ROUTES if route.method in ("POST", "PATCH")]).map(
        lambda one: (one.method, one.path)
    ),
    almost | bodies,
)
def test_any_body(started: World, route: tuple[str, str], body: bytes) -> None:
    method, path = route
    check(started.ask(method, concrete(path, "a"), body))
    check(started.ask("GET", "/api/v1/instances"))
    check(started.ask("GET", "/api/v1/tokens"))


@FUZZ
@given(st.binary(max_size=40) | st.text(max_size=40).map(lambda text: text.encode(errors="surrogatepass")))
def test_any_token(started: World, token: bytes) -> None:
    started.settings(auth=AuthSettings(failures_per_minute=0))
    text = token.decode("latin-1")
    for headers in ({"authorization": text}, {"authorization": f"Bearer {text}"}, {"x-api-key": text}):
        reply = started.ask("GET", "/api/v1/server", token=None, headers=headers)
        assert reply.status in (400, 401)
