"""What a request to a real server may be: method, token, instance and body, checked in this order."""

import json
import subprocess
from typing import Any

import pytest
from server import TOKEN, Server


@pytest.mark.parametrize(
    "path", ["/force-retry/steady", "/reset-circuit-breaker/steady", "/api/v1/instances"]
)
def test_checks_come_in_order_method_then_token_then_instance(server: Server, steady: str, path: str) -> None:
    wrong_method = "GET" if "instances" not in path else "PUT"
    refused = server.call(wrong_method, path, token=None)
    assert refused.status == 405
    assert "POST" in refused.headers["Allow"]
    assert server.call("POST", path, token=None).status == 401
    assert server.call("POST", path, token="sbg_wrong").status == 401


def test_a_token_without_the_right_is_403_before_404(server: Server, steady: str) -> None:
    made = server.call("POST", "/api/v1/tokens", {"name": "reader", "scopes": ["read"]})
    assert made.status == 201
    reader = made.data["value"]
    assert server.call("POST", "/force-retry/nobody", token=reader).status == 403
    assert server.call("GET", "/api/v1/instances/steady", token=reader).status == 200


@pytest.mark.parametrize(
    "headers",
    [{"Authorization": f"Bearer {TOKEN}"}, {"X-Api-Key": TOKEN}, {"apikey": TOKEN}],
    ids=["bearer", "x-api-key", "apikey"],
)
def test_every_header_form_of_a_token_works(server: Server, headers: dict[str, str]) -> None:
    assert server.call("GET", "/api/v1/instances", token=None, headers=headers).status == 200


def test_two_tokens_in_one_request_are_refused(server: Server) -> None:
    assert server.call("GET", f"/api/v1/instances?access_token={TOKEN}").status == 400


@pytest.mark.parametrize("arguments", [["-X", "POST"], ["-d", ""]], ids=["-X POST", "-d ''"])
def test_a_post_without_a_body_by_curl_works(server: Server, steady: str, arguments: list[str]) -> None:
    url = f"http://127.0.0.1:{server.port}/reset-circuit-breaker/steady?access_token={TOKEN}"
    done = subprocess.run(["curl", "-s", *arguments, url], capture_output=True, timeout=20, check=True)
    assert json.loads(done.stdout)["status"] == "success"


@pytest.mark.parametrize("path", ["/health", "/circuit-breaker-status/steady", "/api/v1/instances", "/"])
def test_head_works_wherever_get_does(server: Server, steady: str, path: str) -> None:
    answer = server.call("HEAD", path)
    assert (answer.status, answer.raw) == (200, b"")


def test_one_instance_too_many_is_refused_with_the_limit(server: Server) -> None:
    assert (
        server.call(
            "POST", "/api/v1/instances", {"id": "steady", "link": "websocket", "url": "ws://h/"}
        ).status
        == 409
    )


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"id": "x", "url": "ws://h/"}, 422, "link"),
        ({"id": "x", "link": "websocket"}, 422, "url"),
        ({"id": "../x", "link": "websocket", "url": "ws://h/"}, 422, "id"),
        ({"id": "x", "link": "websocket", "url": "http://h/"}, 422, "url"),
        ({"id": "x", "link": "websocket", "url": "ws://h/", "extra": 1}, 422, "extra"),
        (
            {"id": "x", "link": "websocket", "url": "ws://h/", "overrides": {"retry": {"delay_s": -1}}},
            422,
            "overrides",
        ),
    ],
    ids=["link", "url", "id", "scheme", "unknown", "override"],
)
def test_a_bad_body_names_the_field(server: Server, body: dict[str, Any], status: int, field: str) -> None:
    answer = server.call("POST", "/api/v1/instances", body)
    assert answer.status == status, answer.raw
    assert any(field in detail["field"] for detail in answer.body["details"]), answer.body
