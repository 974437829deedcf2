from typing import Any

from thespian.actors import Actor
from thespian.system.transport import SendStatus, TransmitIntent

class ActorManager:
    def actor_send_fail(self, result: SendStatus, intent: TransmitIntent) -> Any: ...

class withPossibleInitArgs:  # noqa: N801
    def __init__(self, **kw: object) -> None: ...
    def create(self, klass: type[Actor]) -> Actor: ...
