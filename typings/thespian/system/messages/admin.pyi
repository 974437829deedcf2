# ruff: noqa: N801, N803, N815, N816
from thespian.actors import ActorSystemMessage

class QueryExists(ActorSystemMessage): ...

class QueryAck(ActorSystemMessage):
    inShutdown: bool

class SystemShutdown(ActorSystemMessage): ...
class SystemShutdownCompleted(ActorSystemMessage): ...
