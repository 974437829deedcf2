# ruff: noqa: N801, N803, N815, N816
from thespian.actors import ActorSystemMessage

class EndpointConnected(ActorSystemMessage):
    def __init__(self, childInstance: int) -> None: ...
    childInstance: int
