"""Listeners that the command line asks for: `--listener FAULT[,knob=value…]`."""

import json
import re
from dataclasses import dataclass
from typing import Any

from simulator.checking import SpecError, whole
from simulator.faults import KINDS, Fault, fault_json, parse_fault
from simulator.listener import ListenerSpec
from simulator.world import World

METAVAR = "FAULT[,KNOB=VALUE…]"
# A comma inside a value stays there unless a knob's name follows.
NEXT_KNOB = re.compile(r",(?=\w+=)")


@dataclass(frozen=True, slots=True)
class Asked:
    """A listener to be made. `text`: as it was asked for."""

    text: str
    spec: ListenerSpec


def parse_listener(text: str) -> Asked:
    """The listener that the text describes: a fault of `simulator.faults`, its parameters, and `port`.

    Values are JSON where they can be, else text. Raises SpecError that says what is allowed.
    """
    kind, *pairs = NEXT_KNOB.split(text)
    if "," in kind:
        raise SpecError(f"{text!r}: {kind.partition(',')[2]!r} is no knob (allowed: {METAVAR})")
    knobs: dict[str, Any] = {}
    for name, _, value in (pair.partition("=") for pair in pairs):
        if name in knobs or name == "kind":
            raise SpecError(f"{text!r}: {name} came twice (allowed: {METAVAR}, each knob once)")
        knobs[name] = _value(value)
    try:
        port = whole(0, 65535)(knobs.pop("port", 0))
    except ValueError as error:
        raise SpecError(f"{text!r}: port: allowed: {error} (0: any free one)") from None
    return Asked(text, ListenerSpec(port, _fault(text, kind, knobs)))


def _fault(text: str, kind: str, knobs: dict[str, Any]) -> Fault:
    try:
        return parse_fault({"kind": kind, **knobs})
    except SpecError as error:
        more = "; any listener: port" if "unknown parameter" in str(error) else ""
        raise SpecError(f"{text!r}: {error}{more}") from None


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


async def open_listeners(world: World, asked: list[Asked]) -> list[dict[str, Any]]:
    """Open them; where each is, in the order they were asked for. Raises OSError naming a port that is taken."""
    opened = []
    for one in asked:
        try:
            listener = await world.add_listener(one.spec)
        except OSError as error:
            raise OSError(
                f"--listener {one.text!r}: cannot listen on {world.host}:{one.spec.port}: {error}"
            ) from error
        opened.append({"port": listener.port, "url": listener.url, "fault": fault_json(one.spec.fault)})
    return opened


def faults_help() -> str:
    """Every fault with its knobs and their defaults, a line each."""
    lines = ["faults, their knobs and defaults (each listener has the knob port=0 too, 0: any free one):"]
    for name, kind in KINDS.items():
        knobs = {knob: value for knob, value in fault_json(kind()).items() if knob != "kind"}
        shown = " ".join(f"{knob}={json.dumps(value)}" for knob, value in knobs.items())
        lines.append(f"  {name:<16} {shown}".rstrip())
    lines.append("Values are JSON where they can be, else text. Instances dial URL/ws/NAME.")
    return "\n".join(lines)
