"""The faults a listener can act out, one frozen value each.

A fault is in force from the moment it is set. Faults of the opening handshake (refuse, http, stall_handshake,
drip_handshake, bad_handshake) meet new dials; the others meet open connections as well, and their `after_s`
counts from the opening or from the setting, whichever comes later. Times are seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from simulator.checking import (
    SpecError,
    build,
    choice,
    flag,
    number,
    optional,
    text,
    text_map,
    whole,
)
from simulator.malformed import HANDSHAKES, VARIANTS

LONGEST_S = 86_400.0
SECONDS = number(0, LONGEST_S)
# The codes that RFC 6455 §7.4 lets a Close frame carry; others are `malformed` variants.
CLOSE_CODES = frozenset({*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)})


def close_code(value: Any) -> int:
    """Rule: a code that may stand in a Close frame."""
    if isinstance(value, bool) or not isinstance(value, int) or value not in CLOSE_CODES:
        raise ValueError("1000-1003, 1007-1014, 3000-4999")
    return value


@dataclass(frozen=True, slots=True)
class Healthy:
    """No fault."""

    kind: ClassVar[str] = "none"


@dataclass(frozen=True, slots=True)
class Refuse:
    """The listening socket is closed (RST to SYN) until another fault is set; the port stays ours.

    `counted`: accept and send RST at once instead, so that dials are counted; for one instance this is the only
    form. `drop_open`: end the open connections as well.
    """

    kind: ClassVar[str] = "refuse"
    counted: Annotated[bool, flag] = False
    drop_open: Annotated[bool, flag] = False


@dataclass(frozen=True, slots=True)
class Drop:
    """TCP ends (FIN, no Close frame) `after_s` seconds after the handshake."""

    kind: ClassVar[str] = "drop"
    after_s: Annotated[float, SECONDS] = 0.0


@dataclass(frozen=True, slots=True)
class Http:
    """The handshake is answered with an HTTP status. Retry-After is sent as seconds or as an HTTP-date."""

    kind: ClassVar[str] = "http"
    status: Annotated[int, whole(200, 599)] = 503
    retry_after_s: Annotated[float | None, optional(SECONDS)] = None
    retry_after_form: Annotated[str, choice("seconds", "date")] = "seconds"
    headers: Annotated[Mapping[str, str] | None, optional(text_map)] = None
    body: Annotated[str, text()] = ""


@dataclass(frozen=True, slots=True)
class StallHandshake:
    """TCP (and TLS) is accepted, the request is read, nothing is ever answered."""

    kind: ClassVar[str] = "stall_handshake"


@dataclass(frozen=True, slots=True)
class DripHandshake:
    """A right answer to the handshake, one byte each `interval_s` seconds."""

    kind: ClassVar[str] = "drip_handshake"
    interval_s: Annotated[float, number(0.001, LONGEST_S)] = 0.5


@dataclass(frozen=True, slots=True)
class BadHandshake:
    """A wrong answer to the handshake: see `malformed.HANDSHAKES`."""

    kind: ClassVar[str] = "bad_handshake"
    variant: Annotated[str, choice(*HANDSHAKES)] = "wrong_accept"


@dataclass(frozen=True, slots=True)
class Silent:
    """Blackhole: `after_s` after the opening nothing is read or sent any more; TCP stays.

    `reading`: go on reading (the client's sends never block), but answer nothing.
    """

    kind: ClassVar[str] = "silent"
    after_s: Annotated[float, SECONDS] = 0.0
    reading: Annotated[bool, flag] = False


@dataclass(frozen=True, slots=True)
class Reset:
    """RST (SO_LINGER 0) `after_s` after the opening."""

    kind: ClassVar[str] = "reset"
    after_s: Annotated[float, SECONDS] = 0.0


@dataclass(frozen=True, slots=True)
class Close:
    """A Close frame `after_s` after the opening; then the closing handshake as it should be."""

    kind: ClassVar[str] = "close"
    code: Annotated[int, close_code] = 1001
    reason: Annotated[str, text(123)] = ""
    after_s: Annotated[float, SECONDS] = 0.0


@dataclass(frozen=True, slots=True)
class NoCloseReply:
    """Everything works, but the client's Close frame is never answered; TCP stays until the client ends it."""

    kind: ClassVar[str] = "no_close_reply"


@dataclass(frozen=True, slots=True)
class Malformed:
    """Bytes that no server may send: see `malformed.VARIANTS`."""

    kind: ClassVar[str] = "malformed"
    variant: Annotated[str, choice(*VARIANTS)] = "rsv1"
    after_s: Annotated[float, SECONDS] = 0.0


@dataclass(frozen=True, slots=True)
class Oversized:
    """A message of `total_bytes` that is sent as fast as the client reads.

    `declared`: one frame whose header declares it all; `fragments`: fragments of 64 KiB, never a last one.
    """

    kind: ClassVar[str] = "oversized"
    variant: Annotated[str, choice("declared", "fragments")] = "declared"
    total_bytes: Annotated[int, whole(1, 2**40)] = 2**31
    after_s: Annotated[float, SECONDS] = 0.0


@dataclass(frozen=True, slots=True)
class Flapping:
    """Healthy for `on_s`, then everything is dropped and refused for `off_s`, again and again.

    `counted`: see Refuse.
    """

    kind: ClassVar[str] = "flapping"
    on_s: Annotated[float, number(0.05, LONGEST_S)] = 10.0
    off_s: Annotated[float, number(0.05, LONGEST_S)] = 10.0
    counted: Annotated[bool, flag] = False


@dataclass(frozen=True, slots=True)
class HalfClose:
    """EOF towards the client `after_s` after the opening; the other direction stays open and is read."""

    kind: ClassVar[str] = "half_close"
    after_s: Annotated[float, SECONDS] = 0.0


@dataclass(frozen=True, slots=True)
class LoginReject:
    """`after_s` after the opening a message that refuses the login, then a Close frame.

    `message`: a JSON value, sent as text.
    """

    kind: ClassVar[str] = "login_reject"
    message: Annotated[object, lambda value: value] = '{"type":"login_failed","reason":"bad credentials"}'
    code: Annotated[int, close_code] = 4001
    reason: Annotated[str, text(123)] = "login failed"
    after_s: Annotated[float, SECONDS] = 0.0


Fault = (
    Healthy
    | Refuse
    | Drop
    | Http
    | StallHandshake
    | DripHandshake
    | BadHandshake
    | Silent
    | Reset
    | Close
    | NoCloseReply
    | Malformed
    | Oversized
    | Flapping
    | HalfClose
    | LoginReject
)
KINDS: dict[str, type[Fault]] = {kind.kind: kind for kind in Fault.__args__}


def parse_fault(raw: Any) -> Fault:
    """The fault that `{"kind": …, parameters}` describes. Raises SpecError."""
    if not isinstance(raw, Mapping) or "kind" not in raw:
        raise SpecError(f'fault: expected {{"kind": …}} with one of: {", ".join(KINDS)}')
    kind = raw["kind"]
    if not isinstance(kind, str) or kind not in KINDS:
        raise SpecError(f"fault.kind: found {str(kind)[:80]!r}; allowed: {', '.join(KINDS)}")
    parameters = {name: value for name, value in raw.items() if name != "kind"}
    return build(KINDS[kind], parameters, f"fault {kind}")


def fault_json(fault: Fault) -> dict[str, Any]:
    """The JSON form that `parse_fault` reads."""
    parameters = {name: getattr(fault, name) for name in fault.__dataclass_fields__}
    return {"kind": fault.kind, **parameters}
