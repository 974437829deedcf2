"""Row 41, the clock of the machine jumps a day forth and back under a whole server: no timer moves, nobody is touched.

A process cannot have a CLOCK_REALTIME of its own by the kernel's means (time namespaces have only the other clocks), so
a few lines of C stand between the server's processes and the clock. libfaketime does not do: its sleep fails now and
then (EINVAL of clock_nanosleep with an absolute time, which Python uses).
"""

import itertools
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from rows import OTHERS, House, Patient, housed, received
from server import wait_for
from watching import at_s

from simulator.client import Simulator

pytestmark = pytest.mark.serial

SOURCE = Path(__file__).with_name("shifted_clock.c")
DAY_S = 86_400
THRESHOLD = 3
# Longer than the silence that convicts, at heartbeats as often; and than a round of the sweep.
SHORT = {
    "supervision__heartbeat_s": "0.5",
    "supervision__silence_s": "3",
    "cleanup__interval_s": "2",
    "breaker__failure_threshold": str(THRESHOLD),
    "breaker__reset_after_s": "600",
}
AFTER_JUMP_S = 4.0
RETRY_S = 7.0


@dataclass(frozen=True)
class Clock:
    """`within`: the command that runs a server under it."""

    shift: Path
    within: tuple[str, ...]

    def jump(self, shift_s: int) -> None:
        """From now on the server's clock differs by so much from the machine's."""
        with self.shift.open("r+b") as file:
            file.write(struct.pack("=q", shift_s))


def shifted_clock(folder: Path) -> Clock:
    """Skips where there is no C compiler."""
    library, shift = folder / "shifted_clock.so", folder / "shift"
    try:
        subprocess.run(
            ["cc", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, SOURCE],
            check=True,
            timeout=60,
        )
    except FileNotFoundError:
        pytest.skip("no C compiler here (Debian: gcc, libc6-dev)")
    shift.write_bytes(struct.pack("=q", 0))
    return Clock(shift, ("env", f"LD_PRELOAD={library}", f"SHIFTED_CLOCK={shift}"))


@dataclass(frozen=True)
class Three:
    """One instance is open, one has an open breaker, one waits for a retry."""

    house: House
    calm: Patient
    broken: Patient
    waiting: Patient

    def next_dial(self) -> int:
        """Wait for the next retry; the number of dials then."""
        before = self.waiting.upstream.instance("waiting").dials
        seen = self.waiting.upstream.wait_instance("waiting", lambda one: one.dials > before, 2 * RETRY_S)
        return seen.dials

    def assert_unmoved(self, dials: int) -> None:
        """No retry came before its time, no breaker closed."""
        assert self.waiting.upstream.instance("waiting").dials == dials
        assert self.house.server.instance("broken")["breaker_state"] == "open"
        assert self.broken.upstream.instance("broken").dials == THRESHOLD
        assert self.calm.upstream.instance("calm").dials == 1


@contextmanager
def three(house: House, simulator: Simulator) -> Iterator[Three]:
    """They are removed at the end, and none of them was restarted."""
    server = house.server
    refusing = (simulator.listener("http", status=500) for _ in range(2))
    calm = Patient(house, "calm", simulator.listener())
    broken, waiting = (
        Patient(house, name, one) for name, one in zip(("broken", "waiting"), refusing, strict=True)
    )
    server.add("calm", calm.upstream.url_of("calm"), ack_field="id")
    server.add("broken", broken.upstream.url_of("broken"))
    retry = {"delay_s": RETRY_S, "jitter": 0, "step_s": 0, "max_s": RETRY_S, "fast_first_s": 0}
    overrides = {"retry": retry, "breaker": {"failure_threshold": 100}}
    server.add("waiting", waiting.upstream.url_of("waiting"), overrides=overrides)
    server.wait_open("calm")
    server.wait_instance("broken", lambda one: one["breaker_state"] == "open", 20)
    yield Three(house, calm, broken, waiting)
    for name in ("calm", "broken", "waiting"):
        assert server.instance(name)["restarts"] == 0
        server.call("DELETE", f"/api/v1/instances/{name}")


@pytest.mark.slow
def test_row_41_a_clock_that_jumps_a_day_moves_no_timer(tmp_path: Path, simulator: Simulator) -> None:
    clock = shifted_clock(tmp_path)
    with (
        housed(tmp_path / "d", simulator, within=clock.within, **SHORT) as house,
        house_untouched(house),
        three(house, simulator) as all_three,
    ):
        for offset_s in (DAY_S, -DAY_S, 0):
            dials = all_three.next_dial()
            clock.jump(offset_s)
            wait_for(lambda to=offset_s: abs(drift_s(house) - to) < 5, 10, lambda: "it did not jump")  # type: ignore[misc]
            all_three.calm.upstream.push(instances=["calm"], count=2, rate_per_s=50).wait(10)
            pause(AFTER_JUMP_S)
            all_three.assert_unmoved(dials)
        all_three.next_dial()
        dialled = all_three.waiting.upstream.instance("waiting").dialled_at
        gaps_s = [later - earlier for earlier, later in itertools.pairwise(dialled)]
        print("row 41: retries after", [round(gap, 2) for gap in gaps_s])
        assert all(RETRY_S - 0.1 <= gap < RETRY_S + 2 for gap in gaps_s), gaps_s
        wait_for(lambda: len(received(all_three.calm)) == 6, 10, lambda: str(received(all_three.calm)))
        total = house.server.call("GET", "/api/v1/cleanup").data["total"]
        assert (total["stale_links"], total["events"]) == (0, 0), total


def drift_s(house: House) -> float:
    """How far the server's clock is from ours."""
    answer = house.server.call("GET", "/health").body
    return at_s(answer["timestamp"]) - time.time()


def pause(seconds: float) -> None:
    end_s = time.monotonic() + seconds
    wait_for(lambda: time.monotonic() >= end_s, seconds + 5, lambda: "the clock stands")


@contextmanager
def house_untouched(house: House) -> Iterator[None]:
    """The same processes, the same connections, nobody restarted or quarantined; still ready."""
    before = house.server.processes()
    dials = {name: house.upstream.instance(name).dials for name in OTHERS}
    yield
    house.server.wait_ready(5)
    assert set(before) <= set(house.server.processes())
    for name in OTHERS:
        one, seen = house.server.wait_open(name), house.upstream.instance(name)
        assert (one["restarts"], seen.dials, seen.sessions_max) == (0, dials[name], 1)
