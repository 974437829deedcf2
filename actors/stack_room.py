"""Room on CPython's stack for the loop of a process.

CPython keeps frames in chunks of 16 KiB and gives a chunk back to the kernel when its first frame returns. A loop
whose frames happen to end just below a chunk's end then maps and unmaps memory at almost every call: measured on 3.11,
up to 80 times for one heartbeat. Processes that are forked from each other's handlers start as deep as their parents
were, so chance decides who is hit.
"""

from collections.abc import Callable
from types import FunctionType
from typing import Any, TypeVar, cast

Function = TypeVar("Function", bound=Callable[..., Any])

# A frame of 33 KiB gets a chunk of 64 KiB: 31 KiB are left for the frames that it calls, its own are never touched.
ROOM_SLOTS = 4200


def roomy(function: Function) -> Function:
    """Decorator: what the function calls has a chunk of its own. For a function that runs a loop."""
    plain = cast(FunctionType, function)
    plain.__code__ = plain.__code__.replace(co_stacksize=plain.__code__.co_stacksize + ROOM_SLOTS)
    return function
