"""Wrong settings stop the start: `serve` says where the value stands, what was found and what is allowed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from server import HOME


@pytest.mark.parametrize(
    ("text", "env", "told"),
    [
        (
            "[retry]\n\ndelay_s = -1\n",
            {},
            "{file}:3: retry.delay_s: must be a number from 0 to 3600 (got -1)",
        ),
        (
            "[breaker]\nfailure_threshold = '10'\n",
            {},
            "{file}:2: breaker.failure_threshold: must be an integer from 1 to 10000 (got '10')",
        ),
        (
            "[gate]\nconect_rate = 5\n",
            {},
            "{file}:2: gate.conect_rate: unknown knob (got 5; did you mean connect_rate?",
        ),
        ("[gates]\n", {}, "{file}:1: gates: unknown section (did you mean gate?"),
        ("[retry\n", {}, "{file}: not TOML: "),
        (
            "",
            {"SAMBUNG_LIMITS__MAX_INSTANCES": "many"},
            "environment: SAMBUNG_LIMITS__MAX_INSTANCES: limits.max_instances: "
            "must be an integer from 1 to 5000 (got 'many')",
        ),
        (
            "[log]\ntimezone = 'Asia/Atlantis'\n",
            {},
            "{file}:2: log.timezone: must be 'local' or a time zone such as Asia/Jakarta (got 'Asia/Atlantis')",
        ),
        (
            "[gate]\nprobe_min_s = 20\nprobe_max_s = 10\n",
            {},
            "{file}:2: gate.probe_min_s: must be at most gate.probe_max_s = 10 (got 20)",
        ),
    ],
    ids=["range", "type", "unknown knob", "unknown section", "syntax", "environment", "zone", "pair"],
)
def test_a_wrong_value_stops_the_start_and_says_where(
    tmp_path: Path, text: str, env: dict[str, str], told: str
) -> None:
    file = tmp_path / "own.toml"
    file.write_text(text)
    done = subprocess.run(
        [
            sys.executable,
            str(HOME / "run.py"),
            "serve",
            "--data",
            str(tmp_path / "data"),
            "--config",
            str(file),
        ],
        env={**os.environ, "SAMBUNG_NO_BOOTSTRAP": "1", "SAMBUNG_HTTP__PORT": "0", **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert told.format(file=file) in done.stderr
    assert not (tmp_path / "data" / "run" / "actors.json").exists()
