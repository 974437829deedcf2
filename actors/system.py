"""Start, reach and stop the actor system. One process starts it (`start_system`), others attach (`attach`)."""

import ipaddress
import os
import socket
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from thespian.actors import Actor, ActorAddress, ActorSystemException
from thespian.system.messages.admin import SystemShutdown, SystemShutdownCompleted
from thespian.system.transport import ExternalInterfaceTransportInit, ReceiveEnvelope, TransmitIntent

from actors import process, process_tree
from actors.instance_file import InstanceRecord, SystemUnavailable, read_instance_file, write_instance_file
from actors.limits import LimitTooLow, needed_files, open_files, raise_file_limit
from actors.mailbox import Mailbox
from actors.memory_layout import lay_out_memory
from actors.process_tree import StopReport
from actors.system_base import SecureSystemBase
from actors.tuning import logger_definitions, tune
from actors.wire import SecureTCPTransport, WireOptions, install
from actors.wire_key import WireKeyError, load_or_create_wire_key, wire_key_id
from core.address import Undelivered

__all__ = [
    "InstanceRecord",
    "LimitTooLow",
    "Mailbox",
    "StopReport",
    "SystemHandle",
    "SystemOptions",
    "SystemUnavailable",
    "Undelivered",
    "WireKeyError",
    "attach",
    "load_or_create_wire_key",
    "read_instance_file",
    "start_system",
    "wire_key_id",
    "write_instance_file",
]

ROOT_NAME = "sambung.root"
_PORT_TRIES = 5


@dataclass(frozen=True, slots=True)
class SystemOptions:
    """How to start or reach an actor system.

    `wire_key`: 32 bytes. `log_dir`: existing folder for Thespian's own log. `bind`: IPv4 address that everything
    listens on. `port`: the admin's; 0 picks a free one. `max_frame_bytes`: longest message. `max_instances`,
    `group_size`: for the limit of open files. `crash_dir`: for crash stacks, default a folder in `log_dir`.
    """

    wire_key: bytes = field(repr=False)
    log_dir: Path
    bind: str = "127.0.0.1"
    port: int = 0
    max_frame_bytes: int = 16 * 1024 * 1024
    max_instances: int = 200
    group_size: int = 32
    crash_dir: Path | None = None
    start_method: str = "fork"

    def __post_init__(self) -> None:
        try:
            address = ipaddress.IPv4Address(self.bind)
        except ValueError:
            raise ValueError(f"actors.bind: {self.bind!r} is not an IPv4 address") from None
        if address.is_unspecified or address.is_multicast:
            raise ValueError(f"actors.bind: {self.bind} can't be sent to; name one address of this host")
        if not 0 <= self.port <= 65_535:
            raise ValueError(f"actors.port: {self.port} is not between 0 and 65535")
        if self.start_method not in ("fork", "spawn"):
            raise ValueError(f"start method {self.start_method!r}: Thespian works with fork and spawn only")

    @property
    def crash_folder(self) -> Path:
        return self.crash_dir or self.log_dir / "crashes"

    @property
    def thespian_log(self) -> Path:
        return self.log_dir / "thespian.log"

    def install(self) -> None:
        tune(self.thespian_log)
        install(WireOptions(self.wire_key, self.bind, self.max_frame_bytes, self.crash_folder))

    def capabilities(self, port: int) -> dict[str, Any]:
        return {"Admin Port": port, "Process Startup Method": self.start_method}


class SystemHandle:
    """The actor system in the hands of the process that started it; for that process's main thread only."""

    def __init__(self, base: SecureSystemBase, options: SystemOptions, port: int) -> None:
        assert base.admin_pid is not None
        self._base = base
        self._options = options
        self.bind = options.bind
        self.port = port
        self.admin_pid = base.admin_pid
        self.admin_pidfd = os.pidfd_open(base.admin_pid)

    def create_root(self, actor_class: type[Actor], global_name: str = ROOT_NAME) -> ActorAddress:
        """Create an actor below the admin, or find the one that has the name already. SystemUnavailable on failure."""
        try:
            return self._base.newPrimaryActor(actor_class, None, global_name)
        except (ActorSystemException, ImportError) as problem:
            raise SystemUnavailable(f"{actor_class.__name__} could not be created: {problem}") from None

    def mailbox(self, root_name: str = ROOT_NAME) -> Mailbox:
        """A mailbox of this process; close it before `stop`."""
        return Mailbox(self._base.transport.external_transport_clone(), self._base.adminAddr, root_name)

    def record(self, build: str) -> InstanceRecord:
        """What belongs into the instance file."""
        own = process.start_id(os.getpid())
        assert own is not None
        return InstanceRecord(
            os.getpid(), own, self.bind, self.port, build, wire_key_id(self._options.wire_key)
        )

    def running(self) -> bool:
        """Whether the admin lives. `admin_pidfd` becomes readable when it ends; nothing is left of the system then."""
        return process.start_id(self.admin_pid) is not None

    def reap(self) -> None:
        """Collect ended orphans of the tree; call it now and then."""
        process_tree.reap(self.admin_pid)

    def stop(self, deadline_s: float = 10.0) -> StopReport:
        """End every process of the system within `deadline_s`: ask, SIGTERM, SIGKILL. Can be called again."""
        report = process_tree.end_session(self.admin_pid, self._ask_to_stop, deadline_s)
        self._base.transport.close()
        if self.admin_pidfd >= 0:
            os.close(self.admin_pidfd)
            self.admin_pidfd = -1
        return report

    def _ask_to_stop(self, timeout_s: float) -> None:
        transport = self._base.transport
        if self.admin_pidfd < 0 or not self.running():
            return
        transport.set_watch([self.admin_pidfd])
        transport.scheduleTransmit(None, TransmitIntent(self._base.adminAddr, SystemShutdown()))
        end_s = time.monotonic() + timeout_s
        while (left_s := end_s - time.monotonic()) > 0 and self.running():
            answer = transport.run(None, left_s)
            if isinstance(answer, ReceiveEnvelope) and isinstance(answer.message, SystemShutdownCompleted):
                return


def start_system(options: SystemOptions) -> SystemHandle:
    """Create the actor system. Call it from the main thread, before any other thread and any listening socket.

    Raises SystemUnavailable when the port is taken or the admin does not start, LimitTooLow when too few files may be
    opened, RuntimeError when threads run already.
    """
    _require_single_thread()
    raise_file_limit(needed_files(options.max_instances, options.group_size, open_files()))
    process.clear_crashes(options.crash_folder)
    options.install()
    process.adopt_orphans()
    lay_out_memory()
    for attempt in range(1, _PORT_TRIES + 1):
        port = options.port or _free_port(options.bind)
        _require_free(options.bind, port)
        try:
            return _start_on(options, port)
        except SystemUnavailable:
            if options.port or attempt == _PORT_TRIES:
                raise
    raise AssertionError


def _start_on(options: SystemOptions, port: int) -> SystemHandle:
    system = SimpleNamespace(capabilities=options.capabilities(port))
    return SystemHandle(SecureSystemBase(system, logger_definitions(options.thespian_log)), options, port)


def attach(
    options: SystemOptions,
    instance_file: Path | None = None,
    *,
    build: str = "",
    root_name: str = ROOT_NAME,
    timeout_s: float = 5.0,
) -> Mailbox:
    """Reach a running actor system, never create one. For the thread that will use the mailbox.

    With `instance_file` the port is read from it, and process, build and wire key are compared. SystemUnavailable
    says why there is nothing to attach to.
    """
    port = options.port if instance_file is None else _recorded_port(options, instance_file, build)
    try:
        socket.create_connection((options.bind, port), timeout=timeout_s).close()
    except OSError as problem:
        raise SystemUnavailable(
            f"no actor system listens on {options.bind}:{port}: {problem.strerror}"
        ) from None
    options.install()
    capabilities = options.capabilities(port)
    transport = SecureTCPTransport(ExternalInterfaceTransportInit(), capabilities, None, None)
    mailbox = Mailbox(transport, transport.getAdminAddr(capabilities), root_name)
    try:
        mailbox.verify(timeout_s)
    except SystemUnavailable:
        mailbox.close()
        raise
    return mailbox


def _recorded_port(options: SystemOptions, instance_file: Path, build: str) -> int:
    record = read_instance_file(instance_file, build)
    if record.wire_key_id != wire_key_id(options.wire_key):
        raise SystemUnavailable(
            f"{instance_file}: the running actors have another wire key than this program"
        )
    return record.port


def _require_single_thread() -> None:
    if threading.current_thread() is not threading.main_thread() or len(os.listdir("/proc/self/task")) > 1:
        names = ", ".join(each.name for each in threading.enumerate())
        raise RuntimeError(f"the actor system must be started before any thread; running: {names}")


def _free_port(bind: str) -> int:
    with socket.socket() as probe:
        probe.bind((bind, 0))
        port: int = probe.getsockname()[1]
        return port


def _require_free(bind: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind, port))
        except OSError as problem:
            raise SystemUnavailable(
                f"{bind}:{port} can't be used for the actors: {problem.strerror}; "
                "stop what uses it, or set actors.port (0 = any free one)"
            ) from None
