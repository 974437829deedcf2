"""Row 12, an upstream that comes and goes: dials stay within the bucket, and everybody is back at its end."""

import time
from pathlib import Path

import pytest
from rows import House, housed
from server import wait_for

from simulator.client import Listener, Simulator

pytestmark = pytest.mark.serial

# Few tokens for many instances, so that the bucket decides; it is as large as a second fills it.
COUNT, RATE = 9, 3
NAMES = [f"f{number}" for number in range(COUNT)]
GATE = {"gate__connect_rate": str(RATE), "gate__probe_min_s": "1", "gate__probe_max_s": "2"}
# As in production, but a link is stable after a second: each turn finds stable ones, which retry soonest.
PRODUCTION = {
    "retry__delay_s": "15",
    "retry__timeout_delay_s": "30",
    "retry__step_s": "5",
    "retry__max_s": "60",
    "retry__fast_first_s": "5",
    "gate__probe_min_s": "2",
    "gate__probe_max_s": "10",
}


def flapped(house: House, upstream: Listener, turn_s: float, turns: int) -> None:
    """`turns` times healthy and refused, each for `turn_s`; then the row's numbers."""
    for name in NAMES:
        house.server.add(name, upstream.url_of(name), ack_field="id")
    for name in NAMES:
        house.server.wait_open(name, 40)
    before, began_s = upstream.totals().dials, time.monotonic()
    upstream.set_fault("flapping", on_s=turn_s, off_s=turn_s, counted=True)
    end_s = began_s + 2 * turn_s * turns
    wait_for(lambda: time.monotonic() >= end_s, 2 * turn_s * turns + 5, lambda: "the clock stands")
    lasted_s = time.monotonic() - began_s
    dials = upstream.totals().dials - before
    assert dials > COUNT, "it flapped"
    # Each time down, canaries go at their own pace: at most one in a second, and never more than a token's worth.
    assert dials <= RATE + RATE * lasted_s
    per_s = upstream.totals().dials_per_s_max
    assert per_s <= 2 * RATE, "a full bucket, and what flows into it meanwhile"
    upstream.clear_fault()
    healed_s = time.monotonic()
    for name in NAMES:
        house.server.wait_open(name, 90)
    recovered_s = time.monotonic() - healed_s
    for name in NAMES:
        seen, one = upstream.instance(name), house.server.instance(name)
        assert (seen.sessions_max, seen.open_max, seen.stale_frames, one["restarts"]) == (1, 1, 0, 0)
        house.server.call("DELETE", f"/api/v1/instances/{name}")
    house.tell(
        "row 12", lasted=lasted_s, dials=dials, per_s=per_s, bucket=RATE + RATE * lasted_s, R=recovered_s
    )


def test_row_12_quick_flapping_stays_within_the_bucket(tmp_path: Path, simulator: Simulator) -> None:
    """Two turns of two seconds up and two down, with retries as short."""
    with housed(tmp_path / "d", simulator, **GATE) as house, house.undisturbed():
        flapped(house, simulator.listener(), turn_s=2.0, turns=2)


@pytest.mark.slow
def test_row_12_flapping_of_ten_seconds_stays_within_the_bucket(tmp_path: Path, simulator: Simulator) -> None:
    """Five turns of ten seconds up and ten down, with the default retries and canaries."""
    with housed(tmp_path / "d", simulator, **(GATE | PRODUCTION)) as house, house.undisturbed():
        flapped(house, simulator.listener(), turn_s=10.0, turns=5)
