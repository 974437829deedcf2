"""Notifications that tell something or change what is stored."""

import pytest

from tests.whatsapp.scripted import Client, Server, linked
from tests.whatsapp.test_session_messages import ANNA
from tests.whatsapp.test_session_news import notify
from whatsapp.nodes import Node


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def anna(server: Server) -> Client:
    return linked(server, ANNA)


TIMELOCK = b'{"data":{"xwa2_notify_account_reachout_timelock":{"is_active":true}}}'


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (TIMELOCK, TIMELOCK.decode()),
        (b"x" * 8192, "x" * 8192),
        (b"x" * 8193, None),
        (b"\xff", None),
        (None, ""),
    ],
    ids=["a limit on the account", "as long as may be", "too long", "no text", "nothing"],
)
def test_what_a_mex_notification_says_is_passed_on(anna, content, text):
    notify(anna, "mex", Node("update", {"op_name": "NotificationReachout"}, content))
    (event,) = anna.told("notification.received")
    assert event["updates"] == [{"op_name": "NotificationReachout", "json": text}]
