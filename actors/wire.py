"""The authenticated transport between actors: Thespian's TCP transport on the hooks of `wire_hooks`.

Settings travel inside the endpoint that a parent prepares for its child, and the transport's `__init__` installs them
first of all: it runs in every process of the tree (admin, logger, actors), whether forked or spawned.
"""

import logging
import os
import socket
import time
from collections import deque
from datetime import timedelta
from typing import Any

from thespian.actors import ActorAddress
from thespian.system.transport import SendStatus, TransmitIntent
from thespian.system.transport import TCPTransport as tcp  # noqa: N813
from thespian.system.utilis import thesplog

from actors import process, wire_classes
from actors.refusals import report_refusal
from actors.wire_buffers import ReceiptBuffer
from actors.wire_codec import STREAM_BYTES, FrameRefused, Stamp, header_tag
from actors.wire_hooks import WireOptions, install, installed
from actors.wire_incoming import EXHAUSTED, ReceivingTransport
from actors.wire_replay import ReplayWindow

__all__ = ["SecureEndpoint", "SecureTCPTransport", "WireOptions", "install", "installed"]

RETRY_PERIOD = timedelta(seconds=0.25)
_NOT_SENT = b"-"


class SecureEndpoint(tcp.TCPEndpoint):
    """What a child needs to make its transport, prepared by its parent just before the fork.

    `inherited`: (descriptor, inode) of what a forked child must not keep open: the parent's sockets, else a port stays
    taken by the child after its owner died, and the pipes to its elder siblings, two for each.
    """

    def __init__(
        self, plain: tcp.TCPEndpoint, options: WireOptions, inherited: tuple[tuple[int, int], ...]
    ) -> None:
        super().__init__(*plain.args)
        self.options = options
        self.parent_pid = os.getpid()
        self.inherited = inherited

    def prepare_process(self) -> None:
        """Runs first in the child."""
        process.die_with_parent(self.parent_pid)
        process.leave_crashes_to_the_kernel()
        process.spare_what_is_shared()
        if self.options.crash_folder is not None:
            process.record_crashes(self.options.crash_folder)
        for descriptor, inode in self.inherited:
            if _inode(descriptor) == inode:
                os.close(descriptor)


def _inode(descriptor: int) -> int | None:
    try:
        return os.fstat(descriptor).st_ino
    except OSError:
        return None


class SecureTCPTransport(ReceivingTransport):
    """Thespian's TCP transport, speaking only signed frames on one configured address."""

    def __init__(self, purpose: Any, *args: Any) -> None:
        if isinstance(purpose, SecureEndpoint):
            purpose.prepare_process()
            install(purpose.options)
        self.wire = installed()
        self.codec = self.wire.codec
        self._held: dict[Any, deque[TransmitIntent]] = {}
        self._stream, self._counter = os.urandom(STREAM_BYTES), 0
        began_ns = time.monotonic_ns()
        super().__init__(purpose, *args)
        self.window = ReplayWindow(destination(self.socket.getsockname()), began_ns)

    def run(self, *arguments: Any) -> Any:
        try:
            return super().run(*arguments)
        except MemoryError as error:
            process.memory_failed(error)
            raise

    def close(self) -> None:
        # Thespian leaves the sockets to the garbage collector.
        held = [each for queue in self._held.values() for each in queue]
        self._held = {}
        sockets = [*getattr(self, "_openSockets", {}).values(), getattr(self, "socket", None)]
        super().close()
        for intent in held:
            intent.tx_done(SendStatus.Failed)
        for each in sockets:
            if each is not None:
                each.close()

    def serializer(self, intent: TransmitIntent) -> bytes:
        if intent.targetAddr == self.myAddress:
            # Never sent, so never pickled: the notice that a child died before it had an address can't be.
            return _NOT_SENT
        # Thespian waits 35 s after a lost connection, longer than a message may take.
        intent.transmit_retry_period = RETRY_PERIOD
        payload = wire_classes.dump((self.myAddress, intent.message))
        self.codec.check_length(payload)
        return payload

    def external_transport_clone(self) -> "SecureTCPTransport":
        return SecureTCPTransport(tcp.ExternalTransportCopy(), self._adminAddr, self.txOnly, False)

    def prepEndpoint(self, assigned: ActorAddress, capabilities: dict[str, Any]) -> SecureEndpoint:
        plain = super().prepEndpoint(assigned, capabilities)
        unwanted = [*self.childResetFileNumList(), *process.pipes_to_children()]
        known = ((each, _inode(each)) for each in unwanted)
        return SecureEndpoint(
            plain, self.wire.options, tuple((fd, ino) for fd, ino in known if ino is not None)
        )

    def _scheduleTransmitActual(self, intent: TransmitIntent, has_exclusive_flag: bool = False) -> None:
        # Thespian looks at every waiting message in every turn: 1,000 for one receiver cost seconds, and a retried one
        # is overtaken. Here a receiver's next message is held until the one before it is done.
        queue = self._held.get(tcp.opsKey(intent.targetAddr))
        if queue is not None:
            queue.append(intent)
            return
        if intent.targetAddr != self.myAddress:
            self._held[tcp.opsKey(intent.targetAddr)] = deque()
            self._seal(intent)
        super()._scheduleTransmitActual(intent, has_exclusive_flag)

    def _seal(self, intent: TransmitIntent) -> None:
        # Now and not when it was asked for: a held message must not grow old. Retries repeat the same bytes.
        self._counter += 1
        receiver = destination(intent.targetAddr.addressDetails.sockname)
        stamp = Stamp(receiver, self._stream, self._counter, time.monotonic_ns())
        intent.serMsg = self.codec.seal(intent.serMsg, stamp)

    def _finishIntent(self, intent: TransmitIntent, status: Any = SendStatus.Sent) -> bool:
        super()._finishIntent(intent, status)
        queue = self._held.pop(tcp.opsKey(intent.targetAddr), None)
        if queue and status is SendStatus.DeadTarget:
            self._finished_intents.extend((each, status) for each in queue)
        elif queue:
            following = queue.popleft()
            self._held[tcp.opsKey(intent.targetAddr)] = queue
            self._seal(following)
            super()._scheduleTransmitActual(following)
        return False

    def _next_XMIT_2(self, intent: TransmitIntent) -> bool:
        # Spares a turn of the loop between the last byte sent and the wait for the acknowledgement.
        again = super()._next_XMIT_2(intent)
        if again and intent.stage == self._XMITStepShutdownWrite:
            return self._next_XMIT_3(intent)
        return again

    def _next_XMIT_3(self, intent: TransmitIntent) -> bool:
        intent.ackbuf = ReceiptBuffer(self.codec, header_tag(intent.serMsg))
        intent.stage = self._XMITStepWaitForAck
        return True

    def _nextTransmitStep(self, intent: TransmitIntent) -> bool:
        try:
            return bool(getattr(self, f"_next_XMIT_{intent.stage}")(intent))
        except OSError as problem:
            if problem.errno not in EXHAUSTED or intent.stage != self._XMITStepSendConnect:
                return self._lost(intent, problem)
            # No descriptor for a connection: the message waits for one, as for a receiver that does not answer.
            intent.stage = self._XMITStepRetry
            return self._nextTransmitStep(intent)
        except Exception as problem:
            return self._lost(intent, problem)

    def _lost(self, intent: TransmitIntent, problem: Exception) -> bool:
        # Thespian would forget the intent, and with it everything held behind it.
        thesplog("send of %s failed: %r", intent.identify(), problem, level=logging.ERROR)
        return self._finishIntent(intent, SendStatus.Failed)

    def _check_XMIT_4_done(self, intent: TransmitIntent, rcv: bytes) -> bool:
        try:
            intent.ackbuf.addMore(rcv)
        except FrameRefused as refused:
            # Whoever answers on the receiver's port is not the receiver.
            report_refusal(intent.socket, refused)
            intent.stage = self._XMITStepRetry
            return self._nextTransmitStep(intent)
        if not intent.ackbuf.isDone():
            return True
        intent.result = SendStatus.Sent if intent.ackbuf.delivered else SendStatus.BadPacket
        intent.stage = self._XMITStepFinishCleanup
        return self._nextTransmitStep(intent)


def destination(address: tuple[Any, ...]) -> bytes:
    """An IPv4 socket address as stamps hold it."""
    return socket.inet_aton(address[0]) + int(address[1]).to_bytes(2, "big")
