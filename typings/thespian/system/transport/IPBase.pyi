# ruff: noqa: N803, N816
class ThisSystem:
    def add_local_addr(self, newaddr: str) -> None: ...

thisSystem: ThisSystem

class IPActorAddress:
    sockname: tuple[str, int]
    bindname: tuple[str, int]
    @property
    def bindArgs(self) -> tuple[tuple[str, int]]: ...

class TCPv4ActorAddress(IPActorAddress):
    def __init__(
        self, initialIPAddr: str | None = None, initialIPPort: int = 0, external: object = False
    ) -> None: ...
