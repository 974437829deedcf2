"""How a fault proxy treats connections, as values."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any

from simulator.checking import SpecError, build, choice, flag, number, optional, text, whole


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """How the proxy treats every connection, from now on; each can be changed while connections are open.

    `mode` "tcp": everything goes to the target; "connect": the client names it with an HTTP CONNECT request, and
    `username` with `password` asks for Basic credentials, `connect_status` answers every CONNECT with that status.
    `latency_ms`: added in each direction. `slice_bytes`: write in pieces of at most this. `bandwidth_bytes_per_s`:
    per connection and direction. `blackhole`: forward nothing either way, keep TCP (also for new connections).
    """

    mode: Annotated[str, choice("tcp", "connect")] = "tcp"
    target_host: Annotated[str, text(255)] = "127.0.0.1"
    target_port: Annotated[int | None, optional(whole(1, 65535))] = None
    latency_ms: Annotated[float, number(0, 60_000)] = 0.0
    slice_bytes: Annotated[int | None, optional(whole(1, 2**20))] = None
    bandwidth_bytes_per_s: Annotated[float | None, optional(number(1, 1e12))] = None
    blackhole: Annotated[bool, flag] = False
    username: Annotated[str | None, optional(text(255))] = None
    password: Annotated[str | None, optional(text(255))] = field(default=None, repr=False)
    connect_status: Annotated[int | None, optional(whole(300, 599))] = None

    def shown(self) -> dict[str, Any]:
        """All but the password."""
        return {name: value for name, value in asdict(self).items() if name != "password"}

    def changed(self, changes: Mapping[str, Any]) -> "ProxySettings":
        """These settings with some replaced. Raises SpecError."""
        settings = build(ProxySettings, {**asdict(self), **changes}, "proxy")
        if settings.mode == "tcp" and settings.target_port is None:
            raise SpecError("proxy.target_port: missing (mode tcp needs one)")
        return settings


@dataclass(frozen=True, slots=True)
class CutSpec:
    """Do to all connections now: reset (RST both ways), close (FIN both ways), half_close (EOF `toward` one side)."""

    how: Annotated[str, choice("reset", "close", "half_close")] = "reset"
    toward: Annotated[str, choice("client", "target")] = "client"
