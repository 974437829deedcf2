"""The benchmarks work and say what they promise to; their figures are nobody's business here."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import (
    commands,
    flapping,
    memory,
    neighbours,
    protocol,
    reading,
    recovery,
    starting,
    streaming,
)
from benchmarks.__main__ import QUICK
from benchmarks.report import Row, Rule, Target, result
from benchmarks.running import Bed, bed
from tests.interop.installing import NoNode, require_node

HOME = Path(__file__).resolve().parents[2]
ROW = {"what", "figure", "unit", "reference", "ratio", "target", "met"}
# How many rows each has, and how many of them have a target.
EXPECTED = {
    "memory": (2, 2),
    "starting": (2, 0),
    "reading": (2, 1),
    "commands": (6, 2),
    "wire": (2, 1),
    "streaming": (2, 1),
    "flapping": (2, 0),
    "neighbours": (4, 2),
    "recovery": (10, 2),
    "protocol": (6, 0),
}


def bench(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=HOME, capture_output=True, text=True, timeout=110, check=False)


@pytest.fixture(scope="module")
def server() -> Iterator[Bed]:
    with bed(2) as one:
        yield one


@pytest.mark.parametrize(
    ("name", "measure"),
    [
        ("starting", starting.measure),
        ("memory", lambda server: memory.measure(server, messages=2)),
        ("reading", lambda server: reading.measure(server, turns=1, turn_s=0.2, connections=2)),
        ("commands", lambda server: commands.measure(server, turns=1, asks_per_turn=4)),
        ("streaming", lambda server: streaming.measure(server, rate_per_s=5.0, count=3)),
    ],
    ids=["starting", "memory", "reading", "commands", "streaming"],
)
def test_a_benchmark_of_a_server_gives_its_rows(
    name: str, measure: Callable[[Bed], dict[str, Any]], server: Bed
) -> None:
    expect_rows(name, measure(server))


@pytest.mark.interop
def test_the_library_is_measured_against_baileys() -> None:
    try:
        require_node()
    except NoNode as missing:
        pytest.skip(str(missing))
    found = protocol.run(turns=1, divisor=50)
    expect_rows("protocol", found)
    assert all(row["reference"] > 0 for row in found["rows"])


def test_without_node_the_library_cannot_be_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RuntimeError, match="node and npm are not installed"):
        protocol.run(turns=1, divisor=50)


@pytest.mark.parametrize(
    ("name", "run"),
    [
        ("flapping", lambda: flapping.run(instances=2, turns=1, turn_s=1.0)),
        ("neighbours", lambda: neighbours.run(instances=2, turns=1, count=10)),
    ],
    ids=["flapping", "neighbours"],
)
def test_a_benchmark_with_a_server_of_its_own_gives_its_rows(
    name: str, run: Callable[[], dict[str, Any]]
) -> None:
    expect_rows(name, run())


def expect_rows(name: str, found: dict[str, Any]) -> None:
    assert {"rows", "met", "details"} <= set(found)
    assert (len(found["rows"]), sum(row["target"] is not None for row in found["rows"])) == EXPECTED[name]
    for row in found["rows"]:
        assert set(row) == ROW
        assert row["figure"] > 0


def test_the_command_prints_a_table_and_writes_the_same_as_json(tmp_path: Path) -> None:
    file = tmp_path / "new folder" / "result.json"
    ran = bench("wire", "--quick", "--write", str(file))
    assert ran.returncode == 0, ran.stderr
    written = json.loads(file.read_text("utf-8"))
    assert set(written) == {"at", "version", "quick", "machine", "benchmarks"}
    expect_rows("wire", written["benchmarks"]["wire"])
    for row in written["benchmarks"]["wire"]["rows"]:
        assert row["what"] in ran.stdout


def test_as_json_the_command_prints_what_it_writes(tmp_path: Path) -> None:
    ran = bench("wire", "--quick", "-o", "json", "--write", str(tmp_path / "result.json"))
    assert json.loads(ran.stdout) == json.loads((tmp_path / "result.json").read_text("utf-8"))


def test_o_is_the_format_and_takes_no_file() -> None:
    ran = bench("wire", "-o", "result.json")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "'result.json' (choose from" in ran.stderr and "--write FILE" in ran.stderr


def test_every_benchmark_is_tested() -> None:
    assert set(QUICK) == set(EXPECTED)


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    ran = bench("speed")
    assert ran.returncode == 2
    assert "'speed'" in ran.stderr
    assert "memory, starting" in ran.stderr


@pytest.mark.parametrize(
    ("row", "ratio", "met"),
    [
        (Row("a", 3.0, "ms", 2.0, Target(Rule.AT_MOST, 1.6)), 1.5, True),
        (Row("a", 4.0, "ms", 2.0, Target(Rule.AT_MOST, 1.6)), 2.0, False),
        (Row("a", 8.0, "/s", 10.0, Target(Rule.AT_LEAST, 0.8)), 0.8, True),
        (Row("a", 7.0, "/s", 10.0, Target(Rule.AT_LEAST, 0.8)), 0.7, False),
        (Row("a", 9.0, "MiB", target=Target(Rule.AT_MOST, 8.0)), None, False),
        (Row("a", 9.0, "ms"), None, None),
    ],
    ids=["below", "above", "just-enough", "too-slow", "figure-itself", "no-target"],
)
def test_a_target_is_held_against_the_ratio_or_else_the_figure(
    row: Row, ratio: float | None, met: bool | None
) -> None:
    assert (row.ratio, row.met) == (ratio, met)


def test_one_missed_target_is_enough_to_miss() -> None:
    good, bad = (Row("a", figure, "ms", target=Target(Rule.AT_MOST, 1.0)) for figure in (0.5, 2.0))
    verdicts: list[Any] = [result(rows)["met"] for rows in ([good], [good, bad], [Row("a", 1.0, "s")])]
    assert verdicts == [True, False, None]


def test_a_fleet_returns_at_the_gates_rate_and_the_old_policy_does_not() -> None:
    """Forty links, an outage of 90 s, on the simulated clock."""
    ours, old = recovery.recovered(40, seed=7), recovery.recovered_old(40)
    ideal_s = 40 / recovery.RATE
    assert ideal_s < ours.recovery_s <= 1.2 * ideal_s + 10
    assert ours.dials == 40, "nobody is refused"
    assert ours.peak <= recovery.RATE + 1
    assert ours.outage_dials <= 3 + 16, "three failures, then canaries"
    assert (old.outage_dials, old.peak) == (4 * 40, 40), "all at once, at 15, 30, 45 and 65 s"
    assert old.recovery_s > 5 * ours.recovery_s


def test_the_simulated_recovery_meets_its_targets() -> None:
    """The clock is simulated, so the figures are the same on every machine."""
    found = recovery.run(turns=1)
    expect_rows("recovery", found)
    assert found["met"] is True
