"""Every private Thespian name used here, so that a new Thespian version fails here first and by name."""

import inspect
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import pytest
from thespian.system import actorManager, logdirector, multiprocCommon, systemBase, transport, utilis
from thespian.system.admin import convention
from thespian.system.transport import (
    IPBase,
    TCPTransport,
    asyncTransportBase,
    wakeupTransportBase,
)

Transport = TCPTransport.TCPTransport
Incoming = TCPTransport.TCPIncoming_Common
Intent = transport.TransmitIntent

SIGNATURES: dict[Callable[..., Any], list[str]] = {
    Transport.__init__: ["self", "initType", "*args"],
    Transport.close: ["self"],
    Transport.prepEndpoint: ["self", "assignedLocalAddr", "capabilities"],
    Transport.connectEndpoint: ["self", "endPoint"],
    Transport.childResetFileNumList: ["self"],
    Transport.external_transport_clone: ["self"],
    Transport.getAdminAddr: ["capabilities"],
    Transport.probeAdmin: ["addr"],
    Transport.serializer: ["self", "intent"],
    Transport.set_watch: ["self", "watchlist"],
    Transport.new_socket: ["self", "op", "*args", "**kw"],
    Transport._acceptNewIncoming: ["self"],
    Transport._handlePossibleIncoming: ["self", "incomingSocket", "fileno", "closed", "has_exclusive_flag"],
    Transport._handleReadableIncoming: ["self", "inc", "has_exclusive_flag"],
    Transport._addedDataToIncoming: ["self", "inc", "skipFinish", "has_exclusive_flag"],
    Transport._processReceivedEnvelope: ["self", "envelope", "has_exclusive_flag"],
    Transport._scheduleTransmitActual: ["self", "intent", "has_exclusive_flag"],
    Transport._finishIntent: ["self", "intent", "status"],
    Transport._nextTransmitStep: ["self", "intent"],
    Transport._next_XMIT_1: ["self", "intent"],
    Transport._next_XMIT_2: ["self", "intent"],
    Transport._next_XMIT_3: ["self", "intent"],
    Transport._next_XMIT_4: ["self", "intent"],
    Transport._next_XMIT_5: ["self", "intent"],
    Transport._next_XMIT_6: ["self", "intent"],
    Transport._check_XMIT_4_done: ["self", "intent", "rcv"],
    TCPTransport.opsKey: ["addr"],
    TCPTransport.exclusive_processing: ["transport"],
    TCPTransport.TCPEndpoint.__init__: ["self", "*args"],
    Incoming.__init__: ["self", "rmtAddr", "baseSock", "rcvBuf"],
    Incoming.addData: ["self", "newData"],
    Incoming.remainingSize: ["self"],
    Incoming.receivedAllData: ["self"],
    Incoming.delay: ["self", "current_time"],
    Incoming.close: ["self"],
    asyncTransportBase.asyncTransportBase._exclusively_processing: ["self"],
    asyncTransportBase.asyncTransportBase._not_processing: ["self"],
    asyncTransportBase.asyncTransportBase.enableRXPauseFlowControl: ["self", "enable"],
    asyncTransportBase.asyncTransportBase.scheduleTransmit: [
        "self",
        "addressManager",
        "transmitIntent",
        "has_exclusive_flag",
    ],
    wakeupTransportBase.wakeupTransportBase.run: ["self", "incomingHandler", "maximumDuration"],
    Intent.__init__: ["self", "targetAddr", "msg", "onSuccess", "onError", "maxPeriod", "retryPeriod"],
    Intent.identify: ["self"],
    Intent.tx_done: ["self", "status"],
    transport.ReceiveEnvelope.identify: ["self"],
    IPBase.ThisSystem.add_local_addr: ["self", "newaddr"],
    multiprocCommon.multiprocessCommon.__init__: ["self", "system", "logDefs"],
    multiprocCommon.multiprocessCommon._startAdmin: [
        "self",
        "adminAddr",
        "addrOfStarter",
        "capabilities",
        "logDefs",
    ],
    multiprocCommon._startLogger: [
        "transportClass",
        "transport",
        "admin",
        "capabilities",
        "logDefs",
        "concurrency_context",
    ],
    multiprocCommon.detach_child: ["childref"],
    multiprocCommon.MultiProcReplicator.childDied: ["self"],
    multiprocCommon.MultiProcReplicator.signalChildDied: ["self", "_signum", "_frame"],
    systemBase.ExternalOpsToActors.newPrimaryActor: [
        "self",
        "actorClass",
        "targetActorRequirements",
        "globalName",
        "sourceHash",
    ],
    utilis.thesplog: ["msg", "*args", "**kw"],
}

# (owner, name, what the owner's source must show about its use)
USES: list[tuple[Any, str, str]] = [
    (TCPTransport, "serializer", "ReceiveBuffer(serializer.loads)"),
    (TCPTransport, "ReceiveBuffer", "intent.ackbuf = ReceiveBuffer("),
    (TCPTransport, "TCPIncomingPersistent", "(TCPIncomingPersistent"),
    (TCPTransport, "selectors", "sel = selectors.DefaultSelector()"),
    (TCPTransport, "exclusive_processing", "with exclusive_processing(self):"),
    (TCPTransport, "MAX_IDLE_SOCKET_PERIOD", "ExpirationTimer(MAX_IDLE_SOCKET_PERIOD)"),
    (IPBase.IPActorAddress, "bindArgs", "return self.bindname,"),
    (actorManager, "withPossibleInitArgs", "actorInst = withPossibleInitArgs(capabilities="),
    (actorManager.ActorManager, "actor_send_fail", "onError=self.actor_send_fail"),
    (multiprocCommon, "set_signal_handler", "set_signal_handler(each,"),
    (multiprocCommon, "setProcName", "setProcName(getattr(childClass"),
    (multiprocCommon, "startChild", "mp.Process(target=startChild,"),
    (
        multiprocCommon.MultiProcReplicator,
        "_childExited",
        "self._child_procs = list(filter(self._checkChildLiveness, children))",
    ),
    (logdirector, "setProcName", "setProcName('logger'"),
    (asyncTransportBase, "MAX_PENDING_TRANSMITS", "MAX_PENDING_TRANSMITS > self._aTB_numPendingTransmits"),
    (transport, "DEFAULT_MAX_TRANSMIT_PERIOD", "maxPeriod or DEFAULT_MAX_TRANSMIT_PERIOD"),
    (convention, "CONVENTION_REREGISTRATION_PERIOD", "ExpirationTimer(CONVENTION_REREGISTRATION_PERIOD"),
    (convention, "CONVENTION_RESTART_PERIOD", "CONVENTION_RESTART_PERIOD"),
    (utilis, "_thesplog_file", "if not _thesplog_file:"),
    (utilis, "_thesplog_old_file", "os.rename(_thesplog_file, _thesplog_old_file)"),
    (utilis, "_thesplog_control_settings", "_thesplog_control_settings[0]"),
]

# What the methods above read and write on their objects.
ATTRIBUTES: list[tuple[Any, str]] = [
    (Transport, "self._incomingSockets = {}"),
    (Transport, "self._incomingEnvelopes = []"),
    (Transport, "self._finished_intents = []"),
    (Transport, "self._openSockets = {}"),
    (Transport, "self._watches = []"),
    (Transport, "self._adminAddr"),
    (Transport, "self.txOnly"),
    (Transport, "self._addedDataToIncoming(inc, has_exclusive_flag=has_exclusive_flag)"),
    (Transport, "intent.ackbuf.remainingAmount()"),
    (Transport, "_XMITStepShutdownWrite"),
    (Transport, "_XMITStepWaitForAck"),
    (Transport, "_XMITStepFinishCleanup"),
    (Transport, "_XMITStepRetry"),
    (Transport, "'_next_XMIT_%s' % intent.stage"),
    (Incoming, "self._rData = rcvBuf or ReceiveBuffer("),
    (Incoming, "def delay(self, current_time = None):"),
    (Transport, "_handlePossibleIncoming(incoming, each,"),
    (Intent, "self.transmit_retry_period = retryPeriod"),
    (multiprocCommon.startAdmin, "admin.addrOfStarter = addrOfStarter"),
    (multiprocCommon.MultiProcReplicator, "TransmitIntent(self.addrOfStarter, EndpointConnected(0))"),
    (systemBase.systemBase.__init__, "self._startAdmin("),
]


def parameters(function: Callable[..., Any]) -> list[str]:
    stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    return [stars.get(each.kind, "") + name for name, each in inspect.signature(function).parameters.items()]


def test_the_pinned_version_is_installed() -> None:
    assert version("thespian") == "4.0.1"


@pytest.mark.parametrize("function", SIGNATURES, ids=lambda one: one.__qualname__)
def test_signatures(function: Callable[..., Any]) -> None:
    assert parameters(function) == SIGNATURES[function]


@pytest.mark.parametrize(("owner", "name", "use"), USES, ids=[name for _, name, _ in USES])
def test_replaced_names_exist_and_are_used_as_expected(owner: Any, name: str, use: str) -> None:
    assert hasattr(owner, name)
    assert use in inspect.getsource(owner)


@pytest.mark.parametrize(("owner", "text"), ATTRIBUTES, ids=[text for _, text in ATTRIBUTES])
def test_attributes_are_used_as_expected(owner: Any, text: str) -> None:
    assert text in inspect.getsource(owner)


def test_no_replacement_goes_untested() -> None:
    from pathlib import Path

    from actors.tuning import tunables
    from actors.wire_codec import FrameCodec
    from actors.wire_hooks import replacements

    replaced = {name for _, name, _ in replacements("127.0.0.1", FrameCodec(bytes(32), 1024))}
    replaced |= {name for _, name, _ in tunables(Path("thespian.log"))}
    tested = {name for _, name, _ in USES} | {function.__name__ for function in SIGNATURES}
    assert replaced <= tested
