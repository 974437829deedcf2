"""Thespian's system base on the authenticated wire, and the start of its admin as a child of the starting process.

Thespian starts its admin as a daemon that outlives its creator. Here the admin is a plain child, in a session of its
own: it dies with its creator, and all processes of the system are found by their session.
"""

import os
import resource
import signal
from datetime import timedelta
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from typing import Any

from thespian.actors import ActorAddress, ActorSystemException
from thespian.system import multiprocCommon as multiproc  # noqa: N813
from thespian.system.messages.multiproc import EndpointConnected
from thespian.system.transport import ReceiveEnvelope

from actors import process_tree
from actors.instance_file import SystemUnavailable
from actors.stack_room import roomy
from actors.wire import SecureEndpoint, SecureTCPTransport

ADMIN_START_TIMEOUT = timedelta(seconds=20)
CLEAN_UP_S = 2.0


class SecureSystemBase(multiproc.multiprocessCommon):
    """The starting process's side of an actor system that it has just created.

    SystemUnavailable when something listens on the port already, or when the admin does not start.
    """

    transportType = SecureTCPTransport  # noqa: N815
    transport: SecureTCPTransport
    mpcontext: BaseContext

    def __init__(self, system: Any, log_definitions: dict[str, Any]) -> None:
        self.admin_pid: int | None = None
        system.capabilities["Thespian ActorSystem Name"] = "sambung"
        system.capabilities["Thespian ActorSystem Version"] = 1
        system.capabilities["Thespian Watch Supported"] = True
        try:
            super().__init__(system, log_definitions)
            if self.admin_pid is None:
                raise SystemUnavailable(f"something else listens on {self.adminAddr} already")
        except ActorSystemException as problem:
            self._clean_up()
            raise SystemUnavailable(f"the actor system did not start: {problem}") from None
        except Exception:
            self._clean_up()
            raise

    def _clean_up(self) -> None:
        if self.admin_pid is not None:
            process_tree.end_session(self.admin_pid, lambda _timeout_s: None, CLEAN_UP_S)

    def _startAdmin(
        self,
        address: ActorAddress,
        starter: ActorAddress,
        capabilities: dict[str, Any],
        log_definitions: dict[str, Any] | None,
    ) -> None:
        if self.admin_pid is not None:
            raise SystemUnavailable(f"the admin of the actor system at {address} started and ended at once")
        endpoint = self.transport.prepEndpoint(address, capabilities)
        arguments = (
            starter,
            endpoint,
            type(self.transport),
            address,
            capabilities,
            log_definitions,
            self.mpcontext,
        )
        admin: BaseProcess = self.mpcontext.Process(target=run_admin, args=arguments, name="admin")  # type: ignore[attr-defined]
        admin.start()
        multiproc.detach_child(admin)
        self.admin_pid = admin.pid
        self.transport.connectEndpoint(endpoint)
        self._wait_for(admin, address)

    def _wait_for(self, admin: BaseProcess, address: ActorAddress) -> None:
        self.transport.set_watch([admin.sentinel])
        answer = self.transport.run(None, ADMIN_START_TIMEOUT)
        self.transport.set_watch([])
        if not isinstance(answer, ReceiveEnvelope) or not isinstance(answer.message, EndpointConnected):
            raise SystemUnavailable(f"the admin of the actor system did not start at {address}")


@roomy
def run_admin(
    starter: ActorAddress,
    endpoint: SecureEndpoint,
    transport_class: type[SecureTCPTransport],
    address: ActorAddress,
    capabilities: dict[str, Any],
    log_definitions: dict[str, Any] | None,
    context: BaseContext,
) -> None:
    """The admin's process, from its first statement to its last."""
    os.setsid()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold keys and messages
    transport = transport_class(endpoint)
    admin = multiproc.MultiProcAdmin(transport, address, capabilities, log_definitions, context)
    admin.addrOfStarter = starter
    multiproc.setProcName("admin", transport.myAddress)
    signal.signal(signal.SIGCHLD, admin.signalChildDied)
    multiproc._startLogger(transport_class, transport, admin, capabilities, log_definitions, context)
    # Pausing its receives could deadlock an admin that everybody waits for.
    transport.enableRXPauseFlowControl(False)
    admin.run()
