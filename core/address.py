"""The address of an actor: Thespian's own value, opaque here."""

from dataclasses import dataclass
from typing import Any

Address = Any


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A message that did not reach its receiver, or that the receiver could not handle. `reason`: for people.

    `gone`: nobody is there any more. Never sent itself; a mailbox hands it to its owner.
    """

    message: object
    reason: str
    gone: bool = False
