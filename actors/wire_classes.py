"""Which classes may travel between actors: a list of exact names, and an unpickler that knows nothing else.

Unpickling calls whatever the sender names, so names are looked up here and nowhere else. Prefixes such as `thespian.*`
would let through classes that open files or run code.
"""

import copyreg
import importlib
import io
import pickle
from collections.abc import Iterator
from dataclasses import is_dataclass
from enum import Enum
from typing import Any

from actors.wire_codec import FrameRefused, Refusal

# What a running system was seen to send, and the read-only status query (used to find an actor by its name).
PLATFORM_CLASSES: dict[str, tuple[str, ...]] = {
    "thespian.actors": (
        "ActorAddress",
        "ActorExitRequest",  # stop: parent to child, admin to root
        "ChildActorExited",  # child to parent when it stops by itself
        "DeadEnvelope",  # to the admin when the receiver is gone
        "PoisonMessage",  # back to the sender when a handler failed
    ),
    "thespian.system.transport.IPBase": ("TCPv4ActorAddress",),
    "thespian.system.messages.admin": (
        "QueryExists",
        "QueryAck",
        "PendingActor",  # createActor from outside, or with a global name
        "PendingActorResponse",
        "SystemShutdown",
        "SystemShutdownCompleted",
    ),
    "thespian.system.messages.multiproc": ("EndpointConnected", "LoggerConnected"),
    "thespian.system.messages.status": ("Thespian_StatusReq", "Thespian_SystemStatus"),
    "thespian.system.timing": ("ExpirationTimer",),  # inside Thespian_SystemStatus
    "thespian.system.logdirector": ("LoggerExitRequest",),
    "logging": ("LogRecord",),  # libraries' warnings, actor to logger process
    "socket": ("AddressFamily", "SocketKind"),  # inside TCPv4ActorAddress
    "datetime": ("timedelta",),  # inside ExpirationTimer
}

# Modules of `core` whose own dataclasses and enums may be messages or parts of messages.
CORE_MODULES: tuple[str, ...] = (
    "core.availability",
    "core.cleanup_messages",
    "core.command_messages",
    "core.config",
    "core.effects",
    "core.failures",
    "core.fleet_messages",
    "core.instance_messages",
    "core.instances",
    "core.journal_messages",
    "core.records",
    "core.registry_messages",
    "core.snapshot",
    "core.sweeps",
)


def message_classes(module_name: str) -> Iterator[type]:
    """The dataclasses and enums that a module defines itself."""
    module = importlib.import_module(module_name)
    for value in vars(module).values():
        if isinstance(value, type) and value.__module__ == module_name and _is_message(value):
            yield value


def _is_message(candidate: type) -> bool:
    return is_dataclass(candidate) or issubclass(candidate, Enum)


class AllowList:
    """Exact (module, class) names that may be unpickled. Filled at import time, the same in every process."""

    def __init__(self) -> None:
        self._classes: dict[tuple[str, str], type] = {}

    def allow(self, *classes: type) -> None:
        """Let these dataclasses and enums travel.

        ValueError for anything else: other classes may run code when they are unpickled.
        """
        for each in classes:
            if not _is_message(each):
                raise ValueError(
                    f"{each.__module__}.{each.__qualname__} may not travel: only dataclasses and enums may"
                )
            self._add(each)

    def allow_named(self, module_name: str, class_name: str) -> None:
        """Let one reviewed library class travel."""
        self._add(getattr(importlib.import_module(module_name), class_name))

    def _add(self, each: type) -> None:
        module = importlib.import_module(each.__module__)
        if getattr(module, each.__qualname__, None) is not each:
            raise ValueError(f"{each.__module__}.{each.__qualname__} can't be found by its name")
        self._classes[each.__module__, each.__qualname__] = each
        if issubclass(each, Enum):
            # Python 3.11.0 to 3.11.3 pickle an enum member as a call of getattr, which must never be allowed.
            copyreg.pickle(each, _reduce_member)

    def find(self, module_name: str, class_name: str) -> type:
        """The allowed class of that exact name. FrameRefused otherwise."""
        try:
            return self._classes[module_name, class_name]
        except KeyError:
            raise FrameRefused(Refusal.DISALLOWED, f"{module_name}.{class_name}") from None

    def names(self) -> frozenset[tuple[str, str]]:
        return frozenset(self._classes)

    def load(self, payload: bytes) -> Any:
        """The object in an authenticated payload. FrameRefused for a foreign class or broken bytes."""
        try:
            return _Unpickler(io.BytesIO(payload), self).load()
        except FrameRefused:
            raise
        except Exception as problem:
            raise FrameRefused(Refusal.MALFORMED, type(problem).__name__) from None


def _reduce_member(member: Enum) -> tuple[type[Enum], tuple[Any]]:
    return type(member), (member.value,)


class _Unpickler(pickle.Unpickler):
    def __init__(self, source: io.BytesIO, allowed: AllowList) -> None:
        super().__init__(source)
        self._allowed = allowed

    def find_class(self, module_name: str, global_name: str) -> type:
        return self._allowed.find(module_name, global_name)


def _project_list() -> AllowList:
    allowed = AllowList()
    for module_name, class_names in PLATFORM_CLASSES.items():
        for class_name in class_names:
            allowed.allow_named(module_name, class_name)
    for module_name in CORE_MODULES:
        allowed.allow(*message_classes(module_name))
    return allowed


ALLOWED = _project_list()
allow = ALLOWED.allow


def dump(value: Any) -> bytes:
    """The payload for a value. pickle.PicklingError, TypeError or AttributeError when it can't be pickled."""
    return pickle.dumps(value, protocol=5)
