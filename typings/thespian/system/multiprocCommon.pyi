# ruff: noqa: N801, N803, N815
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from typing import Any

from thespian.actors import Actor, ActorAddress
from thespian.system.transport.TCPTransport import TCPTransport

def detach_child(childref: BaseProcess) -> None: ...
def set_signal_handler(number: int, handler: Any) -> Any: ...
def setProcName(name: str, actorAddr: ActorAddress) -> None: ...
def _startLogger(
    transportClass: type[TCPTransport],
    transport: TCPTransport,
    admin: MultiProcAdmin,
    capabilities: dict[str, Any],
    logDefs: dict[str, Any] | None,
    concurrency_context: BaseContext | None,
) -> None: ...

class ChildInfo:
    childAddr: ActorAddress
    childRealAddr: ActorAddress
    childProc: BaseProcess

class MultiProcReplicator:
    _checkChildLiveness: Any
    def childDied(self) -> bool: ...
    def _childExited(self, childAddr: ActorAddress) -> None: ...

class MultiProcAdmin(MultiProcReplicator):
    addrOfStarter: ActorAddress
    def __init__(
        self,
        transport: TCPTransport,
        address: ActorAddress,
        capabilities: dict[str, Any],
        logdefs: dict[str, Any] | None,
        concurrency_context: BaseContext | None,
    ) -> None: ...
    def signalChildDied(self, _signum: int, _frame: Any) -> None: ...
    def run(self) -> None: ...

class multiprocessCommon:
    transport: Any
    mpcontext: Any
    adminAddr: ActorAddress
    def __init__(self, system: Any, logDefs: dict[str, Any] | None = None) -> None: ...
    def _startAdmin(
        self,
        adminAddr: ActorAddress,
        addrOfStarter: ActorAddress,
        capabilities: dict[str, Any],
        logDefs: dict[str, Any] | None,
    ) -> None: ...
    def newPrimaryActor(
        self,
        actorClass: type[Actor],
        targetActorRequirements: Any,
        globalName: str | None,
        sourceHash: str | None = None,
    ) -> ActorAddress: ...

def startChild(*arguments: Any) -> None: ...
