"""Row 49: a token that is limited to some instances never reaches another one; and the cap on event streams."""

import http.client
import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from server import QUICK, TOKEN, Server, running, wait_for
from watching import wait_equal

from simulator.client import Listener, Simulator
from web.routes import ROUTES
from web.routing import Access, Route

MINE, OTHER = "mine", "other"
SCOPES = ["read", "operate", "send", "admin"]
ABOUT_ONE = [route for route in ROUTES if "{instance_id}" in route.path and route.access is Access.NOBODY]
ABOUT_ALL = [route for route in ROUTES if route.fleet_wide]
BODIES: dict[tuple[str, str], Any] = {
    ("PATCH", "{instance_id}"): {"desired": "disconnected"},
    ("POST", "messages"): {"id": "intruder", "content": {"from": "an intruder"}},
    ("POST", "tokens"): {"name": "more", "scopes": SCOPES},
}


@pytest.fixture(scope="module")
def upstream(simulator: Simulator) -> Listener:
    return simulator.listener()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, upstream: Listener) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("data"), http__threads="9", **QUICK) as one:
        for name in (MINE, OTHER):
            one.add(name, upstream.url_of(name), ack_field="id")
            one.wait_open(name)
            wait_equal(
                lambda name=name: (
                    one.call(  # type: ignore[misc]
                        "POST", f"/api/v1/instances/{name}/messages", {"id": "m1", "content": {"to": name}}
                    ).status
                ),
                202,
            )
        yield one


NUMBERS = itertools.count()


def token(server: Server, scopes: list[str], *instances: str) -> str:
    body = {"name": f"t{next(NUMBERS)}", "scopes": scopes, "instances": list(instances)}
    made = server.call("POST", "/api/v1/tokens", body)
    assert made.status == 201, made.raw
    return str(made.data["value"])


@pytest.fixture(scope="module")
def limited(server: Server) -> str:
    """May do everything, with `mine` only."""
    return token(server, SCOPES, MINE)


def path_of(route: Route, instance_id: str) -> str:
    return route.path.format(instance_id=instance_id, message_id="m1", token_id="none", session="gone")


def body_of(route: Route) -> Any:
    return BODIES.get((route.method, route.path.rpartition("/")[2]))


def name_of(route: Route) -> str:
    return f"{route.method} {route.path}"


@pytest.mark.parametrize("route", ABOUT_ONE, ids=name_of)
def test_row_49_another_instance_does_not_exist_for_a_limited_token(
    server: Server, upstream: Listener, limited: str, route: Route
) -> None:
    before, seen = server.instance(OTHER), upstream.instance(OTHER)
    unknown = server.call(route.method, path_of(route, "nobody"), body_of(route), token=limited)
    found = server.call(route.method, path_of(route, OTHER), body_of(route), token=limited)
    assert (found.status, found.body["code"]) == (404, "instance_not_found")
    # Not even the answer tells that there is such an instance.
    assert found.raw.replace(OTHER.encode(), b"nobody") == unknown.raw
    after = server.instance(OTHER)
    same = ("pid", "link_state", "desired", "attempts", "config", "restarts")
    assert {key: after[key] for key in same} == {key: before[key] for key in same}
    again = upstream.instance(OTHER)
    assert (again.received, again.dials) == (seen.received, seen.dials)


@pytest.mark.parametrize("route", ABOUT_ALL, ids=name_of)
def test_row_49_what_concerns_all_is_forbidden_for_a_limited_token(
    server: Server, limited: str, route: Route
) -> None:
    answer = server.call(route.method, path_of(route, OTHER), body_of(route), token=limited)
    assert (answer.status, answer.body["code"]) == (403, "forbidden")


def test_row_49_making_another_instance_is_refused(server: Server, upstream: Listener, limited: str) -> None:
    for name in (OTHER, "third"):
        body = {"id": name, "link": "websocket", "url": upstream.url_of(name)}
        answer = server.call("POST", "/api/v1/instances", body, token=limited)
        assert answer.status in (403, 404), (name, answer.raw)
    assert server.call("GET", "/api/v1/instances/third").status == 404


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/instances",
        f"/api/v1/instances?id={OTHER}",
        "/api/v1/events?limit=500",
        f"/api/v1/events?instance={OTHER}&limit=500",
    ],
)
def test_row_49_lists_hold_only_what_the_token_may_see(server: Server, limited: str, path: str) -> None:
    answer = server.call("GET", path, token=limited)
    # A filter that does not exist is an error; whatever the answer is, the other instance is not in it.
    assert answer.status in (200, 422)
    if answer.status == 200:
        seen = {one.get("instance_id", one.get("id")) for one in answer.data}
        assert seen <= {MINE}
        assert answer.body["page"]["total"] == len(answer.data)


def test_row_49_a_stream_holds_only_what_the_token_may_see(
    server: Server, upstream: Listener, limited: str
) -> None:
    with open_stream(server, limited) as stream:
        upstream.push(instances=[OTHER, MINE], count=3, rate_per_s=50)
        assert [event["instance_id"] for event in read_events(stream, 3)] == [MINE] * 3


def test_row_49_rights_do_not_add_up_over_instances(server: Server, upstream: Listener) -> None:
    """A token for reading one instance and a token for operating another do not make one for both."""
    reader = token(server, ["read"], OTHER)
    sender = token(server, ["send"], MINE)
    assert server.call("POST", f"/force-retry/{OTHER}", token=reader).status == 403
    assert server.call("GET", f"/api/v1/instances/{MINE}", token=reader).status == 404
    assert server.call("GET", f"/api/v1/instances/{MINE}", token=sender).status == 403
    assert server.call("GET", f"/api/v1/instances/{OTHER}/messages", token=sender).status == 404
    content = {"content": {"n": 1}}
    assert server.call("POST", f"/api/v1/instances/{MINE}/messages", content, token=sender).status == 202
    assert server.call("POST", f"/api/v1/instances/{OTHER}/messages", content, token=sender).status == 404
    assert server.call("POST", f"/api/v1/instances/{OTHER}/messages", content, token=reader).status == 403


@pytest.mark.parametrize(
    "odd", ["OTHER", "other%00", "other/", "./other", "%6fther", "mine/../other", "mine%2f..%2fother"]
)
def test_row_49_no_spelling_leads_around_the_limit(server: Server, limited: str, odd: str) -> None:
    answer = server.call("GET", f"/api/v1/instances/{odd}", token=limited)
    assert answer.status == 404, answer.raw
    assert b"ws://" not in answer.raw


def test_a_revoked_token_is_401_at_once(server: Server) -> None:
    value = token(server, ["read"], MINE)
    assert server.call("GET", f"/api/v1/instances/{MINE}", token=value).status == 200
    listed = server.call("GET", "/api/v1/tokens?limit=100").data
    mine = max(listed, key=lambda one: one["created_at"])
    assert server.call("DELETE", f"/api/v1/tokens/{mine['id']}").status in (200, 204)
    assert server.call("GET", f"/api/v1/instances/{MINE}", token=value).status == 401


# ── streams ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class Stream:
    """An open event stream. `answer`: its response; leaves the socket closed."""

    def __init__(self, server: Server, value: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {value}"}
        self.connection.request("GET", "/api/v1/events", headers=headers)
        self.answer = self.connection.getresponse()

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.answer.close()
        self.connection.close()


def open_stream(server: Server, value: str) -> Stream:
    stream = Stream(server, value)
    assert stream.answer.status == 200
    # The first line comes with the start position taken: what happens from here on is in the stream.
    assert stream.answer.readline().startswith(b"retry:")
    return stream


def read_events(stream: Stream, count: int) -> list[Any]:
    """The next events."""
    found: list[Any] = []
    while len(found) < count:
        line = stream.answer.readline().decode()
        assert line, "the stream ended"
        if line.startswith("data:"):
            found.append(json.loads(line[5:]))
    return found


def test_a_third_of_the_workers_may_stream_and_one_more_is_told_to_poll(
    server: Server, upstream: Listener
) -> None:
    """Nine workers: three streams, and six that go on answering. A stream that was closed makes room."""
    streams: list[Stream] = []
    try:
        wait_for(lambda: filled(server, upstream, streams), 30, lambda: f"only {len(streams)} streams")
        with Stream(server, TOKEN) as refused:
            body = json.loads(refused.answer.read())
            assert (refused.answer.status, body["code"]) == (503, "streams_full")
            assert refused.answer.getheader("Retry-After") == "10"
        for _ in range(20):
            assert server.call("GET", "/health", timeout_s=5).status == 200
        assert server.call("GET", "/api/v1/events").status == 200, "polling goes on"
        streams.pop().close()
        wait_for(lambda: filled(server, upstream, streams), 30, lambda: "the place did not come back")
    finally:
        for stream in streams:
            stream.close()


def filled(server: Server, upstream: Listener, streams: list[Stream]) -> bool:
    """Open one more stream, if there is room; True with three. A client that has gone is noticed at a write."""
    upstream.send({"id": 0}, instances=[MINE])
    more = Stream(server, TOKEN)
    if more.answer.status == 200:
        streams.append(more)
    else:
        more.close()
    return len(streams) == 3
