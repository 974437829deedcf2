"""The address of an actor: Thespian's own value, opaque here."""

from typing import Any

Address = Any
