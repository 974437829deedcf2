# ruff: noqa: N801, N803
from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar

from thespian.actors import ActorAddress

DEFAULT_MAX_TRANSMIT_PERIOD: timedelta

class TransportInit__Base: ...
class ExternalInterfaceTransportInit(TransportInit__Base): ...

class ReceiveEnvelope:
    def __init__(self, sender: ActorAddress, msg: Any) -> None: ...
    @property
    def sender(self) -> ActorAddress: ...
    @property
    def message(self) -> Any: ...
    def identify(self) -> str: ...

class SendStatus:
    class BASE: ...
    Sent: ClassVar[BASE]
    Failed: ClassVar[BASE]
    DeadTarget: ClassVar[BASE]
    BadPacket: ClassVar[BASE]

class TransmitIntent:
    def __init__(
        self,
        targetAddr: ActorAddress,
        msg: Any,
        onSuccess: Callable[[Any, TransmitIntent], object] | None = None,
        onError: Callable[[Any, TransmitIntent], object] | None = None,
        maxPeriod: timedelta | None = None,
        retryPeriod: timedelta = ...,
    ) -> None: ...
    @property
    def targetAddr(self) -> ActorAddress: ...
    @property
    def message(self) -> Any: ...
    transmit_retry_period: timedelta
    stage: int
    socket: Any
    serMsg: bytes  # noqa: N815
    ackbuf: Any
    result: SendStatus.BASE | None
    def identify(self) -> str: ...
    def tx_done(self, status: SendStatus.BASE) -> None: ...
