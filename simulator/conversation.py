"""What a healthy connection answers to messages: acknowledgements, rules, echo."""

import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from simulator.account import Account
from simulator.faults import LoginReject

if TYPE_CHECKING:
    from simulator.connection import Connection


def received(connection: "Connection", data: bytes, is_text: bool) -> None:
    """Book one message and answer it."""
    account = connection.account
    assert account is not None
    try:
        text = data.decode() if is_text else None
    except UnicodeDecodeError:
        connection.ws.fail(1007, "a text message is not UTF-8")
        connection.entry.violation = "a text message is not UTF-8"
        account.tally.violations += 1
        return
    account.received(connection.entry, data, text, time.time())
    message = _json(data)
    if isinstance(message, Mapping) and "ack" in message:
        acknowledge(account, message["ack"])
    else:
        _answer(connection, message, data, is_text)


def acknowledge(account: Account, numbers: Any) -> None:
    """Book `{"ack": n}` or `{"ack": [n, …]}`; anything else counts as an unknown acknowledgement."""
    for number in numbers if isinstance(numbers, list) else [numbers]:
        account.acknowledged(number if isinstance(number, int) else 0)


def _answer(connection: "Connection", message: Any, data: bytes, is_text: bool) -> None:
    rule = connection.host.behaviour.rule_for(message)
    if rule is None:
        if connection.host.behaviour.echo:
            connection.send(data, is_text)
        return
    if not connection.is_open or (rule.login and isinstance(connection.fault, LoginReject)):
        return
    if rule.login and connection.entry.session_at is None and not connection.mute:
        assert connection.account is not None
        connection.account.logged_in(connection.entry, time.time())
    reply = rule.answer(message)
    if reply is not None:
        connection.send(reply.encode(), is_text)


def _json(data: bytes) -> Any:
    """The JSON value that the message is, None when it is none (or nested beyond reason)."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None
