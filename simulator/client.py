"""The simulator for tests, benchmarks and `demo`: a process of its own, used synchronously.

with Simulator.spawn() as simulator:
    upstream = simulator.listener()
    …connect an instance to f"{upstream.url}/ws/shop1"…
    upstream.wait_instance("shop1", lambda shop: shop.sessions_now == 1, deadline_s=10)
    upstream.set_fault("close", code=1001)
"""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from simulator import spawning
from simulator.call import SimulatorError, call
from simulator.handles import Listener, Proxy

__all__ = ["Listener", "Proxy", "Simulator", "SimulatorError"]


class Simulator:
    """A running simulator process; a context manager that stops it."""

    def __init__(self, process: subprocess.Popen[bytes], control_url: str) -> None:
        self.process = process
        self.control_url = control_url

    @classmethod
    def spawn(
        cls,
        *,
        host: str = "127.0.0.1",
        control_host: str = "127.0.0.1",
        within: Sequence[str] = (),
        deadline_s: float = 30.0,
    ) -> Self:
        """Start a process that ends with this one. `host`: where listeners and proxies are bound; `control_host`:
        where the control API is; `within`: a command that runs it elsewhere, such as `ip netns exec NAME`.

        Raises SimulatorError when it does not get ready within `deadline_s`.
        """
        arguments = ["--host", host, "--control-host", control_host]
        process, ready = spawning.spawn("simulator", arguments, within=within, deadline_s=deadline_s)
        return cls(process, ready["control"])

    @property
    def pid(self) -> int:
        return self.process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the process and wait for it. Harmless when it is gone."""
        spawning.end(self.process)

    def errors(self) -> list[str]:
        """The simulator's own mistakes; tests expect none."""
        errors: list[str] = call(self.control_url, "GET", "/")["errors"]
        return errors

    def listener(
        self,
        fault: str = "none",
        *,
        port: int = 0,
        tls: tuple[Path | str, Path | str] | None = None,
        behaviour: Mapping[str, Any] | None = None,
        max_message_bytes: int = 16 * 2**20,
        **parameters: Any,
    ) -> Listener:
        """A new upstream. `parameters`: the fault's (`simulator.faults`); `behaviour`: see `simulator.behaviour`;
        `tls`: certificate chain and key, PEM files.
        """
        body = {
            "port": port,
            "fault": {"kind": fault, **parameters},
            "behaviour": dict(behaviour or {}),
            "tls": None if tls is None else {"cert": str(tls[0]), "key": str(tls[1])},
            "max_message_bytes": max_message_bytes,
        }
        made = call(self.control_url, "POST", "/listeners", body)
        return Listener(self.control_url, made["port"], made["url"])

    def proxy(self, target_port: int | None = None, *, port: int = 0, **settings: Any) -> Proxy:
        """A new fault proxy in front of `target_port`; without one, `mode="connect"` is meant.

        `settings`: see `simulator.proxy_spec.ProxySettings`.
        """
        mode = {"mode": "connect"} if target_port is None else {"target_port": target_port}
        made = call(self.control_url, "POST", "/proxies", {"port": port, **mode, **settings})
        return Proxy(self.control_url, made["port"])
