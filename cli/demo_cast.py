"""The demo's five instances, their upstreams, and the shortened times."""

from dataclasses import dataclass, field
from typing import Any

SHORT_TIMES = """\
# The demo's times: short, so that a person sees everything within two minutes. The defaults are far longer.
[breaker]
failure_threshold = 4
window_s = 60
reset_after_s = 10
probe_timeout_s = 5
[retry]
delay_s = 1
timeout_delay_s = 2
step_s = 1
max_s = 4
fast_first_s = 0.5
stable_after_s = 4
[transport]
dial_timeout_s = 3
auth_timeout_s = 3
ping_interval_s = 3
ping_timeout_s = 2
user_timeout_s = 5
"""

SHORTENED = "breaker after 4 failures, probe after 10 s, waits of 1 to 4 s, ping every 3 s"


@dataclass(frozen=True, slots=True)
class Part:
    """One instance of the demo. `fault`: what its upstream does at first (`simulator.faults`)."""

    instance_id: str
    does: str
    fault: str = "none"
    parameters: dict[str, Any] = field(default_factory=dict)


STEADY = Part("steady", "connects and stays connected")
FLAPPING = Part(
    "flapping", "its upstream is there for 8 s and gone for 5 s", "flapping", {"on_s": 8, "off_s": 5}
)
REFUSED = Part("refused", "its upstream refuses: the breaker trips; later it is healed", "refuse")
DEAD_PEER = Part(
    "dead-peer", "its upstream falls silent 6 s after each opening, without closing", "silent", {"after_s": 6}
)
KILLED = Part("killed", "its process is killed (SIGKILL) every 30 s")

CAST = (STEADY, FLAPPING, REFUSED, DEAD_PEER, KILLED)
