# ruff: noqa: N803, N815
from thespian.actors import ActorSystemMessage

class EndpointConnected(ActorSystemMessage):
    def __init__(self, childInstance: int) -> None: ...
    childInstance: int
