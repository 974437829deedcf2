"""The life of one connection: states, events, and the table that joins them.

    idle ──Want──▶ waiting ──Granted──▶ dialling ──Opened──▶ authenticating ──Authenticated──▶ open
      ▲              ▲  ▲                  │ │                   │                              │
      │ not wanted   │  └── retry later ───┘ └─── Unwant, deadline, ProtocolFailed ──▶ closing ◀┘
      └──────────────┴──────────────────────────── Closed ──────────────────────────────┘
    a permanent failure ──▶ parked: no retry by itself (a temporary ban: one after its end)

`step` is total: every state answers every event. Each attempt has an epoch; events of an older one are ignored, so a
late answer never touches a newer attempt. One timer is pending at a time; wakes of older timers are ignored.
All times are monotonic seconds; `u` is one random number in [0, 1) for this step.
"""

from core.link_events import (
    Authenticated,
    Closed,
    Event,
    ForceRetry,
    Granted,
    Held,
    Lost,
    Opened,
    ProcessEnds,
    ProtocolFailed,
    Reconfigured,
    ResetBreaker,
    Summoned,
    Unwant,
    UpstreamRecovered,
    VersionRefused,
    Wake,
    Want,
)
from core.link_moves import (
    Handler,
    Step,
    authenticated,
    close_failed,
    closed,
    closed_by_peer,
    granted,
    held,
    ignore,
    lost,
    opened,
    recovered,
    summoned,
    version_accepted,
    version_refused,
)
from core.link_operator import (
    close_reconfigured,
    close_unwanted,
    end_closed,
    end_connection,
    end_waiting,
    force,
    park_reconfigured,
    park_unwanted,
    reset,
    rest_unwanted,
    stop_waiting,
    waiting_reconfigured,
    want,
    want_again,
    want_parked,
)
from core.link_state import Context, Link, LinkState
from core.link_timers import wake_connecting, wake_open, wake_parked, wake_waiting

__all__ = ["TRANSITIONS", "step"]

_S = LinkState

# Rows: what happened; columns: in which state. Every pair is named, also the ones that change nothing.
TRANSITIONS: dict[type, dict[LinkState, Handler]] = {
    Want: {
        _S.IDLE: want, _S.WAITING: want_again, _S.DIALLING: want_again, _S.AUTHENTICATING: want_again,
        _S.OPEN: want_again, _S.CLOSING: want_again, _S.PARKED: want_parked,
    },
    Unwant: {
        _S.IDLE: rest_unwanted, _S.WAITING: stop_waiting, _S.DIALLING: close_unwanted,
        _S.AUTHENTICATING: close_unwanted, _S.OPEN: close_unwanted, _S.CLOSING: close_unwanted,
        _S.PARKED: park_unwanted,
    },
    ProcessEnds: {
        _S.IDLE: ignore, _S.WAITING: end_waiting, _S.DIALLING: end_connection, _S.AUTHENTICATING: end_connection,
        _S.OPEN: end_connection, _S.CLOSING: end_closed, _S.PARKED: end_closed,
    },
    Granted: {
        _S.IDLE: ignore, _S.WAITING: granted, _S.DIALLING: ignore, _S.AUTHENTICATING: ignore, _S.OPEN: ignore,
        _S.CLOSING: ignore, _S.PARKED: ignore,
    },
    Held: {
        _S.IDLE: ignore, _S.WAITING: held, _S.DIALLING: ignore, _S.AUTHENTICATING: ignore, _S.OPEN: ignore,
        _S.CLOSING: ignore, _S.PARKED: ignore,
    },
    Opened: {
        _S.IDLE: ignore, _S.WAITING: ignore, _S.DIALLING: opened, _S.AUTHENTICATING: ignore, _S.OPEN: ignore,
        _S.CLOSING: ignore, _S.PARKED: ignore,
    },
    Authenticated: {
        _S.IDLE: ignore, _S.WAITING: ignore, _S.DIALLING: ignore, _S.AUTHENTICATING: authenticated, _S.OPEN: ignore,
        _S.CLOSING: ignore, _S.PARKED: ignore,
    },
    Lost: {
        _S.IDLE: ignore, _S.WAITING: ignore, _S.DIALLING: lost, _S.AUTHENTICATING: lost, _S.OPEN: lost,
        _S.CLOSING: closed_by_peer, _S.PARKED: ignore,
    },
    ProtocolFailed: {
        _S.IDLE: ignore, _S.WAITING: ignore, _S.DIALLING: ignore, _S.AUTHENTICATING: close_failed,
        _S.OPEN: close_failed, _S.CLOSING: ignore, _S.PARKED: ignore,
    },
    Closed: {
        _S.IDLE: ignore, _S.WAITING: ignore, _S.DIALLING: ignore, _S.AUTHENTICATING: ignore, _S.OPEN: ignore,
        _S.CLOSING: closed, _S.PARKED: ignore,
    },
    Wake: {
        # Idle and closing have no timers of their own: the transport has its own deadline for a close.
        _S.IDLE: ignore, _S.WAITING: wake_waiting, _S.DIALLING: wake_connecting,
        _S.AUTHENTICATING: wake_connecting, _S.OPEN: wake_open, _S.CLOSING: ignore,
        _S.PARKED: wake_parked,
    },
    UpstreamRecovered: {
        _S.IDLE: ignore, _S.WAITING: recovered, _S.DIALLING: ignore, _S.AUTHENTICATING: ignore, _S.OPEN: ignore,
        _S.CLOSING: ignore, _S.PARKED: version_accepted,
    },
    VersionRefused: {
        # Who dials learns it first hand, and who is open was let in.
        _S.IDLE: ignore, _S.WAITING: version_refused, _S.DIALLING: ignore, _S.AUTHENTICATING: ignore,
        _S.OPEN: ignore, _S.CLOSING: ignore, _S.PARKED: ignore,
    },
    Summoned: {
        _S.IDLE: ignore, _S.WAITING: summoned, _S.DIALLING: ignore, _S.AUTHENTICATING: ignore, _S.OPEN: ignore,
        _S.CLOSING: ignore, _S.PARKED: ignore,
    },
    ForceRetry: dict.fromkeys(LinkState, force),
    ResetBreaker: dict.fromkeys(LinkState, reset),
    Reconfigured: {
        _S.IDLE: ignore, _S.WAITING: waiting_reconfigured, _S.DIALLING: close_reconfigured,
        _S.AUTHENTICATING: close_reconfigured, _S.OPEN: close_reconfigured, _S.CLOSING: close_reconfigured,
        _S.PARKED: park_reconfigured,
    },
}  # fmt: skip


def step(link: Link, event: Event, context: Context) -> Step:
    """The link after one event, and what it wants done, in order."""
    if getattr(event, "epoch", None) not in (None, link.epoch):
        return link, []
    return TRANSITIONS[type(event)][link.state](link, event, context)
