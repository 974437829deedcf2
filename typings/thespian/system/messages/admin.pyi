# ruff: noqa: N815
from thespian.actors import ActorSystemMessage

class QueryExists(ActorSystemMessage): ...

class QueryAck(ActorSystemMessage):
    inShutdown: bool

class SystemShutdown(ActorSystemMessage): ...
class SystemShutdownCompleted(ActorSystemMessage): ...
