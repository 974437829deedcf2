"""What the client holds of a listener and of a proxy. Every method raises SimulatorError when refused."""

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

from simulator.call import call
from simulator.views import InstanceView, ListenerStats, ProxyStats, PushView, from_json
from simulator.waiting import wait_for


class Listener:
    """One upstream. `url`: without a path; `url_of(instance)` is what an instance dials."""

    def __init__(self, control_url: str, port: int, url: str) -> None:
        self.port = port
        self.url = url
        self._control_url = control_url

    def url_of(self, instance: str) -> str:
        return f"{self.url}/ws/{quote(instance, safe='')}"

    def set_fault(self, kind: str, *, instance: str | None = None, **parameters: Any) -> None:
        """Put a fault in force (`simulator.faults`), for one instance when named. Returns when it is in force."""
        self._call("PUT", f"{_of(instance)}/fault", {"kind": kind, **parameters})

    def clear_fault(self, instance: str | None = None) -> None:
        """Healthy again; an instance follows the listener again."""
        if instance is None:
            self.set_fault("none")
        else:
            self._call("DELETE", f"{_of(instance)}/fault")

    def set_behaviour(self, **behaviour: Any) -> None:
        """Replace the behaviour (`simulator.behaviour.Behaviour`); what is not named becomes the default."""
        self._call("PUT", "/behaviour", behaviour)

    def push(
        self,
        *,
        instances: Sequence[str] | None = None,
        rate_per_s: float = 1.0,
        count: int | None = None,
        duration_s: float | None = None,
        **shape: Any,
    ) -> "Push":
        """Start to push events at `rate_per_s` to each instance (`simulator.pushing.PushSpec`)."""
        chosen = None if instances is None else list(instances)
        body = {
            "instances": chosen,
            "rate_per_s": rate_per_s,
            "count": count,
            "duration_s": duration_s,
            **shape,
        }
        made: PushView = from_json(PushView, self._call("POST", "/push", body))
        return Push(lambda method: self._call(method, f"/push/{made.push}"))

    def send(self, message: Any, *, instances: Sequence[str] | None = None) -> int:
        """Send one message now (strings as they are, other values as JSON); how many got it."""
        chosen = None if instances is None else list(instances)
        sent: int = self._call("POST", "/send", {"message": message, "instances": chosen})["sent"]
        return sent

    def send_binary(self, base64: str, *, instances: Sequence[str] | None = None) -> int:
        """Send one binary message now; how many got it."""
        chosen = None if instances is None else list(instances)
        sent: int = self._call("POST", "/send", {"base64": base64, "instances": chosen})["sent"]
        return sent

    def drop(
        self, how: str = "drop", *, instances: Sequence[str] | None = None, code: int = 1001, reason: str = ""
    ) -> int:
        """End connections now: "drop" (FIN), "reset" (RST) or "close" (Close frame); how many."""
        chosen = None if instances is None else list(instances)
        body = {"how": how, "instances": chosen, "code": code, "reason": reason}
        dropped: int = self._call("POST", "/drop", body)["dropped"]
        return dropped

    def stats(self) -> ListenerStats:
        return from_json(ListenerStats, self._call("GET", "/stats"))

    def totals(self) -> ListenerStats:
        """The stats without `instances`: cheap however many there are."""
        return from_json(ListenerStats, self._call("GET", "/totals"))

    def reset_stats(self) -> None:
        """Counters and history begin anew; live sockets, event numbers and acknowledgements stay."""
        self._call("DELETE", "/stats")

    def instance(self, instance: str) -> InstanceView:
        """All about one instance; all zero when it never dialled."""
        return from_json(InstanceView, self._call("GET", _of(instance)))

    def wait_for(self, predicate: Callable[[ListenerStats], object], deadline_s: float) -> ListenerStats:
        """The first stats for which `predicate` holds. Raises TimeoutError."""
        return wait_for(self.stats, predicate, deadline_s)

    def wait_totals(self, predicate: Callable[[ListenerStats], object], deadline_s: float) -> ListenerStats:
        """Like `wait_for`, with `totals`."""
        return wait_for(self.totals, predicate, deadline_s)

    def wait_instance(
        self, instance: str, predicate: Callable[[InstanceView], object], deadline_s: float
    ) -> InstanceView:
        """The first view of the instance for which `predicate` holds. Raises TimeoutError."""
        return wait_for(lambda: self.instance(instance), predicate, deadline_s)

    def close(self) -> None:
        """Close the port and all connections."""
        self._call("DELETE", "")

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        return call(self._control_url, method, f"/listeners/{self.port}{path}", body)


class Push:
    """A running push."""

    def __init__(self, ask: Callable[[str], Any]) -> None:
        self._ask = ask

    def view(self) -> PushView:
        return from_json(PushView, self._ask("GET"))

    def wait(self, deadline_s: float) -> PushView:
        """Until it is through. Raises TimeoutError."""
        return wait_for(self.view, lambda seen: seen.done, deadline_s)

    def stop(self) -> None:
        self._ask("DELETE")


class Proxy:
    """One fault proxy."""

    def __init__(self, control_url: str, port: int) -> None:
        self.port = port
        self._control_url = control_url

    def set(self, **changes: Any) -> None:
        """Change settings (`simulator.proxy_spec.ProxySettings`), for open connections too."""
        self._call("PATCH", "", changes)

    def cut(self, how: str = "reset", *, toward: str = "client") -> int:
        """Cut all connections: "reset", "close", or "half_close" `toward` "client" or "target"; how many."""
        cut: int = self._call("POST", "/cut", {"how": how, "toward": toward})["cut"]
        return cut

    def stats(self) -> ProxyStats:
        return from_json(ProxyStats, self._call("GET", ""))

    def wait_for(self, predicate: Callable[[ProxyStats], object], deadline_s: float) -> ProxyStats:
        """The first stats for which `predicate` holds. Raises TimeoutError."""
        return wait_for(self.stats, predicate, deadline_s)

    def close(self) -> None:
        """Close the port and all connections."""
        self._call("DELETE", "")

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        return call(self._control_url, method, f"/proxies/{self.port}{path}", body)


def _of(instance: str | None) -> str:
    return "" if instance is None else f"/instances/{quote(instance, safe='')}"
