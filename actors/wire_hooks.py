"""Thespian's private names that the authenticated wire replaces, and the one function that replaces them.

Thespian offers no hook for serialisation, binding or signals, so a table of its module globals is replaced when the
first transport of a process is made. `tests/actors/test_wire_private_names.py` fails when a Thespian version changes
one of them.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from setproctitle import setproctitle
from thespian.actors import Actor, ActorAddress
from thespian.system import actorManager, logdirector
from thespian.system import multiprocCommon as multiproc  # noqa: N813
from thespian.system.messages.multiproc import EndpointConnected
from thespian.system.transport import ReceiveEnvelope, SendStatus, TransmitIntent
from thespian.system.transport import TCPTransport as tcp  # noqa: N813
from thespian.system.transport.IPBase import IPActorAddress, thisSystem

from actors import process, wire_classes
from actors.quick_select import selectors
from actors.stack_room import roomy
from actors.wire_buffers import FrameBuffer
from actors.wire_codec import FrameCodec
from actors.wire_incoming import SecureIncoming


@dataclass(frozen=True, slots=True)
class WireOptions:
    """What every process of one actor system must agree on.

    `bind`: the only address that is listened on. `max_frame_bytes`: longest frame, refused before it is read.
    `crash_folder`: where crash stacks are written, None = stderr.
    """

    key: bytes = field(repr=False)
    bind: str = "127.0.0.1"
    max_frame_bytes: int = 16 * 1024 * 1024
    crash_folder: Path | None = None


@dataclass(frozen=True, slots=True)
class Installed:
    options: WireOptions
    codec: FrameCodec


_installed: Installed | None = None


def installed() -> Installed:
    """The wire of this process. RuntimeError before `install`."""
    if _installed is None:
        raise RuntimeError("no wire is installed in this process: start or attach to an actor system first")
    return _installed


def install(options: WireOptions) -> None:
    """Make this process speak the authenticated wire. A process belongs to one actor system: RuntimeError else."""
    global _installed
    if _installed is not None:
        if _installed.options != options:
            raise RuntimeError("this process belongs to an actor system with other wire options")
        return
    codec = FrameCodec(options.key, options.max_frame_bytes, process.boot_id().encode())
    os.environ["THESPIAN_BASE_IPADDR"] = options.bind
    thisSystem.add_local_addr(options.bind)
    for owner, name, value in replacements(options.bind, codec):
        if not hasattr(owner, name):
            raise RuntimeError(f"this Thespian version has no {owner.__name__}.{name}; 4.0.1 is needed")
        setattr(owner, name, value)
    _installed = Installed(options, codec)


def replacements(bind: str, codec: FrameCodec) -> list[tuple[Any, str, Any]]:
    """Thespian's private names and what stands in their place."""

    def frame_buffer(load: Callable[[bytes], Any]) -> FrameBuffer:
        return FrameBuffer(codec, load)

    def bind_arguments(address: IPActorAddress) -> tuple[tuple[str, int]]:
        return ((bind, address.bindname[1]),)

    return [
        (tcp, "serializer", SimpleNamespace(loads=wire_classes.ALLOWED.load, dumps=wire_classes.dump)),
        (tcp, "ReceiveBuffer", frame_buffer),
        (tcp, "selectors", selectors),
        (tcp, "TCPIncomingPersistent", SecureIncoming),
        (tcp, "exclusive_processing", _exclusive_processing),
        (IPActorAddress, "bindArgs", property(bind_arguments)),
        (actorManager, "withPossibleInitArgs", _WithoutArguments),
        (actorManager.ActorManager, "actor_send_fail", _send_failed),
        (multiproc, "set_signal_handler", _set_signal_handler),
        (multiproc, "setProcName", _set_title),
        (multiproc, "startChild", _start_child),
        (multiproc.MultiProcReplicator, "_childExited", _child_exited),
        (logdirector, "setProcName", _set_title),
        (TransmitIntent, "identify", _describe_intent),
        (ReceiveEnvelope, "identify", _describe_envelope),
    ]


@contextmanager
def _exclusive_processing(transport: tcp.TCPTransport) -> Iterator[None]:
    # Thespian's own forgets to release after an exception and then spins for ever.
    while not transport._exclusively_processing():
        time.sleep(0.000001)
    try:
        yield
    finally:
        transport._not_processing()


def _set_signal_handler(number: int, handler: Any) -> None:
    if number not in process.CRASH_SIGNALS and number != signal.SIGINT:
        signal.signal(number, handler)


class _WithoutArguments:
    """Makes actors, which take no arguments here. To find that out, Thespian wakes all of `inspect` in each child."""

    def __init__(self, **_offered: Any) -> None: ...

    def create(self, actor_class: type[Actor]) -> Actor:
        return actor_class()


_thespians_send_failed = actorManager.ActorManager.actor_send_fail


def _send_failed(manager: actorManager.ActorManager, result: SendStatus, intent: TransmitIntent) -> Any:
    """A message met a receiver that is gone. Thespian tells its admin, which drops that: nobody handles dead letters
    here. All that came of it was a connection to the admin for every process that ever sent one, kept for 20 minutes.
    """
    if isinstance(intent.message, EndpointConnected):  # a child whose parent is gone ends
        return _thespians_send_failed(manager, result, intent)
    return None


_thespians_start_child = multiproc.startChild


@roomy
def _start_child(*arguments: Any) -> None:
    """The process of an actor, from its first statement to its last."""
    _thespians_start_child(*arguments)


def _child_exited(parent: multiproc.MultiProcReplicator, _address: ActorAddress) -> None:
    # Thespian's own looks for dead children while it handles the exit of one, and forgets the others untold.
    parent.childDied()


def _set_title(name: str, _address: object) -> None:
    setproctitle(f"sambung: {name}")


def _describe_intent(intent: TransmitIntent) -> str:
    # Thespian formats every message it moves, for a log that is off; and messages may hold secrets.
    return f"{type(intent.message).__name__} to {intent.targetAddr}"


def _describe_envelope(envelope: ReceiveEnvelope) -> str:
    return f"{type(envelope.message).__name__} from {envelope.sender}"
