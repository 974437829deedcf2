"""How a healthy connection behaves: greetings, replies, login, echo."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from simulator.checking import flag, json_object, list_of, nested, text


def anything(value: Any) -> Any:
    """Rule: any JSON value."""
    return value


def encoded(message: Any) -> str:
    """The text frame for a configured message: strings as they are, other JSON values compact."""
    return message if isinstance(message, str) else json.dumps(message, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class ReplyRule:
    """Answer `reply` to a JSON object that contains all of `match`; `copy` names keys taken over from it.

    `login`: the message is a login, and the answer begins the session.
    """

    match: Annotated[Mapping[str, Any], json_object] = field(default_factory=dict)
    reply: Annotated[object, anything] = None
    copy: Annotated[tuple[str, ...], list_of(text(100), 100)] = ()
    login: Annotated[bool, flag] = False

    def matches(self, message: Any) -> bool:
        return isinstance(message, Mapping) and all(
            key in message and message[key] == value for key, value in self.match.items()
        )

    def answer(self, message: Mapping[str, Any]) -> str | None:
        """The text to send back; None when the rule only matches."""
        if self.reply is None:
            return None
        if not isinstance(self.reply, Mapping):
            return encoded(self.reply)
        return encoded({**self.reply, **{key: message[key] for key in self.copy if key in message}})


LOGIN = ReplyRule(match={"type": "login"}, reply={"type": "welcome"}, login=True)
PING = ReplyRule(match={"type": "ping"}, reply={"type": "pong"})


@dataclass(frozen=True, slots=True)
class Behaviour:
    """`hello`: messages sent on opening. `login_required`: the session begins with a login, not with the opening.
    `echo`: messages that no rule answers come back as they are. `subprotocols`: accept the client's first choice.
    """

    hello: Annotated[tuple[Any, ...], list_of(anything, 100)] = ()
    replies: Annotated[tuple[ReplyRule, ...], list_of(nested(ReplyRule, "reply"), 100)] = (LOGIN, PING)
    login_required: Annotated[bool, flag] = False
    echo: Annotated[bool, flag] = False
    subprotocols: Annotated[bool, flag] = True

    def rule_for(self, message: Any) -> ReplyRule | None:
        return next((rule for rule in self.replies if rule.matches(message)), None)
