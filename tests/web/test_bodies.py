"""Bodies that are refused: what they are, and all that is wrong with them in one answer."""

from typing import Any

import pytest

from core import messages as m
from tests.web.conftest import World
from tests.web.fakes import snapshot
from tests.web.test_instance_config import assert_wrong, create


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"id": "a/b", "nope": 1}, ["id", "nope"]),
        ({"id": "a/b", "url": "http://h/"}, ["id", "url"]),
        ({"link": "foo", "url": "http://h/", "nope": 1}, ["link", "nope", "url"]),
        ({"id": "", "link": "foo", "payload": "xml", "desired": "x"}, ["desired", "id", "link", "payload"]),
        ({"url": 5, "proxy": "socks5://h", "a.b": 1}, ["a.b", "proxy", "url"]),
        ({"headers": {"X-A": 5, "Host": "x"}, "ca_file": "x"}, ["ca_file", "headers.X-A"]),
        (
            {"ping": {"message": 1, "nope": 1}, "ack_field": "x", "payload": "text"},
            ["ack_field", "ping.nope"],
        ),
    ],
    ids=str,
)
def test_all_problems_of_a_body_come_in_one_answer(
    world: World, fields: dict[str, Any], named: list[str]
) -> None:
    reply = create(world, **fields)
    assert sorted(one["field"] for one in reply.body["details"]) == named
    for one in reply.body["details"]:
        assert f"{one['field']}: {one['message']}" in reply.body["message"]
    assert not world.root.commands(m.CreateInstance)


def test_a_message_says_ten_problems_and_counts_the_rest(world: World) -> None:
    reply = create(world, **{f"nope{number:02}": 1 for number in range(13)})
    assert len(reply.body["details"]) == 13
    assert "nope09: " in reply.body["message"]
    assert reply.body["message"].endswith("; and 3 more, see details")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v1/instances"),
        ("PATCH", "/api/v1/instances/a"),
        ("POST", "/api/v1/instances/a/messages"),
        ("POST", "/api/v1/tokens"),
        ("POST", "/api/v1/tokens/import"),
    ],
)
@pytest.mark.parametrize(
    ("body", "got"),
    [
        (b"[]", "an array"),
        (b"null", "null"),
        (b'"x"', "a string"),
        (b"5", "a number"),
        (b"0.5", "a number"),
        (b"true", "a boolean"),
    ],
)
def test_a_body_that_is_no_object_is_422(world: World, method: str, path: str, body: bytes, got: str) -> None:
    world.put(snapshot("a"))
    reply = world.ask(method, path, body)
    assert_wrong(reply, "body")
    assert reply.body["message"] == f"body: must be a JSON object (got {got})"
