"""kill -9 of a writer, many times: no store becomes unreadable, nothing acknowledged is lost, nothing is half there."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def kill_writers(store: str, rounds: int, seed: int, folder: Path, timeout_s: float) -> dict[str, int]:
    """What killing.py found after `rounds` kills; asserts the property."""
    script = Path(__file__).with_name("killing.py")
    ran = subprocess.run(
        [sys.executable, str(script), store, str(folder), str(rounds), str(seed)],
        check=False,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert ran.returncode == 0, ran.stderr
    result: dict[str, int] = json.loads(ran.stdout)
    assert result["kills"] == rounds
    assert result["acknowledged"] > rounds
    assert (result["unreadable"], result["lost"], result["torn"]) == (0, 0, 0), ran.stderr
    return result


@pytest.mark.parametrize(("store", "rounds"), [("session", 60), ("registry", 50), ("journal", 25)])
def test_killed_writers_lose_nothing(store: str, rounds: int, tmp_path: Path) -> None:
    kill_writers(store, rounds, 2026, tmp_path, timeout_s=110)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_row_39_a_thousand_killed_writers_lose_nothing(tmp_path: Path) -> None:
    """Session file, registry and journal in turn, a hundred kills and a seed of their own each time."""
    found = {"kills": 0, "acknowledged": 0}
    began_s = time.monotonic()
    for turn in range(10):
        store = ("session", "registry", "journal")[turn % 3]
        folder = tmp_path / f"{turn}"
        folder.mkdir()
        result = kill_writers(store, 100, 39_000 + turn, folder, timeout_s=600)
        found = {name: count + result[name] for name, count in found.items()}
    assert found["kills"] == 1000
    print(f"row 39: {found}, {time.monotonic() - began_s:.0f} s")
