"""kill -9 of a writer, many times: no store becomes unreadable, nothing acknowledged is lost, nothing is half there."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("store", "rounds"), [("session", 60), ("registry", 50), ("journal", 25)])
def test_killed_writers_lose_nothing(store: str, rounds: int, tmp_path: Path) -> None:
    script = Path(__file__).with_name("killing.py")
    ran = subprocess.run(
        [sys.executable, str(script), store, str(tmp_path), str(rounds), "2026"],
        check=False,
        capture_output=True,
        text=True,
        timeout=110,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert ran.returncode == 0, ran.stderr
    result = json.loads(ran.stdout)
    assert result["kills"] == rounds
    assert result["acknowledged"] > rounds
    assert (result["unreadable"], result["lost"], result["torn"]) == (0, 0, 0), ran.stderr
