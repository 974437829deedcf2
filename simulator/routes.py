"""The control API: which request does what.

Bodies and answers are JSON. Errors are `{"error": text}` with 400 (bad body), 404 (unknown path, port or push),
405 or 409 (port taken).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from simulator.behaviour import Behaviour
from simulator.checking import SpecError, build, whole
from simulator.control import Missing, Routes
from simulator.faults import parse_fault
from simulator.listener import DropSpec, Listener, ListenerSpec, SendSpec
from simulator.proxy import Proxy
from simulator.proxy_spec import CutSpec, ProxySettings
from simulator.pushing import Push, PushSpec
from simulator.views import to_json
from simulator.world import World

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """One request: the variable parts of its path, in order, and its body."""

    world: World
    names: tuple[str, ...]
    body: Any

    @property
    def listener(self) -> Listener:
        return _found(self.world.listeners, "listener", self.names[0])

    @property
    def proxy(self) -> Proxy:
        return _found(self.world.proxies, "proxy", self.names[0])

    @property
    def push(self) -> Push:
        number = self.names[1]
        push = self.listener.find_push(int(number)) if number.isdecimal() else None
        if push is None:
            raise Missing(f"no push {number!r}")
        return push


def _found(there: dict[int, T], what: str, port: str) -> T:
    found = there.get(int(port)) if port.isdecimal() else None
    if found is None:
        raise Missing(f"no {what} on port {port!r}; there are: {sorted(there) or 'none'}")
    return found


def _object(body: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(body, Mapping):
        raise SpecError(f"{where}: expected a JSON object")
    return body


async def about(call: Call) -> Any:
    return call.world.about()


async def add_listener(call: Call) -> Any:
    listener = await call.world.add_listener(build(ListenerSpec, call.body, "listener"))
    return {"port": listener.port, "url": listener.url}


async def remove_listener(call: Call) -> Any:
    call.world.remove_listener(call.listener.port)
    return {}


async def set_fault(call: Call) -> Any:
    await call.listener.board.set(parse_fault(call.body))
    return {}


async def set_instance_fault(call: Call) -> Any:
    await call.listener.board.set(parse_fault(call.body), call.names[1])
    return {}


async def clear_instance_fault(call: Call) -> Any:
    board = call.listener.board
    if not board.has_own(call.names[1]):
        raise Missing(f"instance {call.names[1]!r} has no fault of its own")
    await board.clear(call.names[1])
    return {}


async def set_behaviour(call: Call) -> Any:
    call.listener.behaviour = build(Behaviour, call.body, "behaviour")
    return {}


async def start_push(call: Call) -> Any:
    return to_json(call.listener.push(build(PushSpec, call.body, "push")).view())


async def show_push(call: Call) -> Any:
    return to_json(call.push.view())


async def stop_push(call: Call) -> Any:
    call.push.stop()
    return {}


async def send(call: Call) -> Any:
    return {"sent": call.listener.send(build(SendSpec, call.body, "send"))}


async def drop(call: Call) -> Any:
    return {"dropped": call.listener.drop(build(DropSpec, call.body, "drop"))}


async def show_stats(call: Call) -> Any:
    return to_json(call.listener.stats())


async def show_totals(call: Call) -> Any:
    return to_json(call.listener.stats(each=False))


async def reset_stats(call: Call) -> Any:
    call.listener.books.forget()
    return {}


async def show_instance(call: Call) -> Any:
    return to_json(call.listener.instance(call.names[1]))


async def list_listeners(call: Call) -> Any:
    return [{"port": each.port, "url": each.url} for each in call.world.listeners.values()]


async def add_proxy(call: Call) -> Any:
    settings = dict(_object(call.body, "proxy"))
    try:
        port = whole(0, 65535)(settings.pop("port", 0))
    except ValueError as error:
        raise SpecError(f"proxy.port: allowed: {error}") from error
    proxy = await call.world.add_proxy(ProxySettings().changed(settings), port)
    return {"port": proxy.port}


async def remove_proxy(call: Call) -> Any:
    call.world.remove_proxy(call.proxy.port)
    return {}


async def change_proxy(call: Call) -> Any:
    call.proxy.set(call.proxy.settings.changed(_object(call.body, "proxy")))
    return {}


async def cut_proxy(call: Call) -> Any:
    return {"cut": call.proxy.cut(build(CutSpec, call.body, "cut"))}


async def show_proxy(call: Call) -> Any:
    return to_json(call.proxy.stats())


async def list_proxies(call: Call) -> Any:
    return [{"port": port} for port in call.world.proxies]


ROUTES: Routes[Call] = {
    "/": {"GET": about},
    "/listeners": {"GET": list_listeners, "POST": add_listener},
    "/listeners/*": {"GET": show_stats, "DELETE": remove_listener},
    "/listeners/*/fault": {"PUT": set_fault},
    "/listeners/*/behaviour": {"PUT": set_behaviour},
    "/listeners/*/stats": {"GET": show_stats, "DELETE": reset_stats},
    "/listeners/*/totals": {"GET": show_totals},
    "/listeners/*/push": {"POST": start_push},
    "/listeners/*/push/*": {"GET": show_push, "DELETE": stop_push},
    "/listeners/*/send": {"POST": send},
    "/listeners/*/drop": {"POST": drop},
    "/listeners/*/instances/*": {"GET": show_instance},
    "/listeners/*/instances/*/fault": {"PUT": set_instance_fault, "DELETE": clear_instance_fault},
    "/proxies": {"GET": list_proxies, "POST": add_proxy},
    "/proxies/*": {"GET": show_proxy, "PATCH": change_proxy, "DELETE": remove_proxy},
    "/proxies/*/cut": {"POST": cut_proxy},
}
