"""Row 11: names that are not resolved, or late. A resolver of the test's own, the default deadlines."""

import time
from pathlib import Path

import pytest
from resolver import LATE_S, own_resolver
from rows import SETTINGS
from server import running, wait_for
from watching import at_s, log_events, wait_events

from simulator.client import Simulator

pytestmark = pytest.mark.serial

AT_ONCE_S, FOUND_S, GRACE_S = 1.0, 10.0, 1.0
NAMES = ("fine", "gone", "failing", "silent", "late")


def test_row_11_a_name_that_cannot_be_resolved_is_a_failure_in_time(
    simulator: Simulator, tmp_path: Path
) -> None:
    upstream = simulator.listener()
    with (
        own_resolver(tmp_path) as (resolver, within),
        running(tmp_path / "d", within=within, **SETTINGS) as server,
    ):
        for name in NAMES:
            server.add(name, f"ws://{name}.test:{upstream.port}/ws/{name}")
        steady = server.wait_open("fine")
        found = {name: wait_events(server, name, "socket.error")[0] for name in ("gone", "failing", "silent")}
        detected = {
            name: at_s(error["time"]) - at_s(log_events(server, name, "socket.creating")[0]["time"])
            for name, error in found.items()
        }
        assert found["gone"]["kind"] == found["failing"]["kind"] == "network"
        assert found["silent"]["kind"] in ("network", "timeout")
        assert detected["gone"] < AT_ONCE_S
        assert all(one <= FOUND_S + GRACE_S for one in detected.values())
        late = server.wait_open("late")
        opened = wait_events(server, "late", "connection.open")[0]
        late_s = at_s(opened["time"]) - at_s(log_events(server, "late", "socket.creating")[0]["time"])
        assert LATE_S <= late_s <= FOUND_S
        healed_s = time.monotonic()
        resolver.healed = True
        for name in NAMES:
            # A look-up of before is still under way in the worst case.
            server.wait_open(name, 2 * FOUND_S)
        recovered_s = time.monotonic() - healed_s
        for name, before in (("fine", steady), ("late", late)):
            # Monotonic time shown as wall time: the last digits wander.
            since_s = at_s(server.instance(name)["since"])
            assert since_s == pytest.approx(at_s(before["since"]), abs=0.5), "it was disturbed"
            assert upstream.instance(name).dials == 1
        wait_for(lambda: upstream.totals().sessions_now == len(NAMES), 10, lambda: str(upstream.totals()))
        assert all(server.instance(name)["restarts"] == 0 for name in NAMES)
        print(f"row 11: D {detected}, late {late_s:.2f}, R {recovered_s:.2f}")
