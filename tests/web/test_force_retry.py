"""force-retry: the exact answers of the contract (§1), and what those carry who cannot start."""

import pytest

from core.config import HttpSettings
from core.messages import ForceRetry
from tests.web.conftest import World
from tests.web.fakes import refusal, snapshot


def test_force_retry_answers_the_exact_bytes(world: World) -> None:
    world.put(snapshot("a"))
    reply = world.ask("POST", "/force-retry/a")
    assert reply.status == 200
    assert reply.raw == (
        b'{"status":"success","message":"Retry initiated successfully",'
        b'"data":{"success":true,"session_created":true}}'
    )
    assert [one.instance_id for one in world.root.commands(ForceRetry)] == ["a"]


@pytest.mark.parametrize(
    ("code", "text", "data", "message", "shown"),
    [
        ("session_exists", "x", {}, "Session already exists", {"success": False, "session_exists": True}),
        ("in_progress", "x", {}, "Connection already in progress", {"success": False, "connecting": True}),
        (
            "parked",
            "logged out",
            {"reason": "logged out", "next_step": "link it"},
            "logged out",
            {"success": False, "reason": "logged out", "next_step": "link it"},
        ),
        (
            "quarantined",
            "gave up",
            {"next_step": "restart"},
            "gave up",
            {"success": False, "next_step": "restart"},
        ),
    ],
    ids=["open", "connecting", "parked", "quarantined"],
)
def test_force_retry_conflicts(
    world: World, code: str, text: str, data: dict[str, str], message: str, shown: dict[str, object]
) -> None:
    world.root.hooks[ForceRetry] = lambda command: refusal(command, code, text, **data)
    reply = world.ask("POST", "/force-retry/a")
    assert (reply.status, reply.code) == (409, code)
    assert (reply.body["message"], reply.body["data"]) == (message, shown)


def test_force_retry_of_a_quarantined_instance_says_why_and_what_to_do(world: World) -> None:
    world.root.hooks[ForceRetry] = lambda command: refusal(
        command, "quarantined", "6 exits in 60 s. Restart."
    )
    reply = world.ask("POST", "/force-retry/a")
    assert (reply.status, reply.code) == (409, "quarantined")
    assert reply.body["data"] == {"success": False, "next_step": "Restart the instance."}
    world.put(snapshot("a", link_state="quarantined", reason="6 exits in 60 s"))
    data = world.ask("POST", "/force-retry/a").body["data"]
    assert data == {"success": False, "reason": "6 exits in 60 s", "next_step": "Restart the instance."}


def test_force_retry_too_soon_is_429_and_says_when(world: World) -> None:
    world.root.hooks[ForceRetry] = lambda command: refusal(
        command, "too_soon", "wait 3.2 s", retry_after_s=3.2
    )
    reply = world.ask("POST", "/force-retry/a")
    assert (reply.status, reply.code, reply.headers["Retry-After"]) == (429, "too_soon", "4")
    assert reply.body["data"] == {"success": False, "retry_after_s": 3.2}


def test_force_retry_without_an_answer_in_time_is_503(world: World) -> None:
    world.settings(http=HttpSettings(command_timeout_s=0.1))
    world.root.hooks[ForceRetry] = lambda _command: None
    reply = world.ask("POST", "/force-retry/a")
    assert (reply.status, reply.code) == (503, "timeout")
    assert reply.body["message"] == "the actor does not answer in time"
