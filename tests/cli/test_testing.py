"""`run.py test`: two runs of pytest end in one summary; `run.py check` runs everything even when one part fails."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from cli import testing
from cli.commands_developer import without_output
from cli.output import Output
from tests.cli.running import HOME

pytestmark = pytest.mark.timeout(300)

MARKERS = "markers =\n    slow: slow\n    serial: serial\n    whatsmeow: peer\n"
CONFIG = f"[tool:pytest]\naddopts = --strict-markers -ra\n{MARKERS}"
HEAD = "import pytest\n"
PASS = "def test_pass(): pass\n"
SLOW = "@pytest.mark.slow\ndef test_slow(): pass\n"
PEER = "@pytest.mark.whatsmeow\ndef test_peer(): pass\n"
FAIL = "def test_fail(): assert 1 == 2, 'because'\n"
SKIP = "def test_skip(): pytest.skip('no reason')\n"
SERIAL = "@pytest.mark.serial\ndef test_alone(worker='x'): pass\n"
SERIAL_FAIL = "@pytest.mark.serial\ndef test_alone_fails(): assert 0\n"
BROKEN = "def test_broken(:\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "setup.cfg").write_text(CONFIG)
    monkeypatch.setattr(testing, "HOME", tmp_path)
    monkeypatch.setattr(testing, "WORKERS", 1)
    monkeypatch.setenv("PYTHONPATH", str(HOME))
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # ten runs of pytest: only what they need
    monkeypatch.setenv("PYTEST_PLUGINS", "xdist.plugin")
    return tmp_path


def outcome(
    project: Path, capfd: pytest.CaptureFixture[str], *parts: str, slow: bool = False, peer: bool = False
) -> tuple[int, str, str]:
    """Exit code, the last summary line without its time, and everything after the second run began."""
    (project / "test_it.py").write_text(HEAD + "".join(parts))
    code = testing.run_tests(["-p", "no:cacheprovider"], slow, peer)
    out = capfd.readouterr().out
    last = out.strip().splitlines()[-1].strip("= ")
    return code, re.sub(r" in [\d.]+s.*", "", last), out.rpartition("test session starts")[2]


@pytest.mark.parametrize(
    ("parts", "slow", "code", "summary"),
    [
        ((PASS, SLOW, SERIAL), False, 0, "2 passed, 1 deselected"),
        ((PASS, SLOW), True, 0, "2 passed"),
        ((PASS, SERIAL, SERIAL_FAIL), False, 1, "1 failed, 2 passed"),
    ],
    ids=["slow left out", "no serial", "second fails"],
)
def test_the_last_summary_counts_both_runs(
    project: Path,
    capfd: pytest.CaptureFixture[str],
    parts: tuple[str, ...],
    slow: bool,
    code: int,
    summary: str,
) -> None:
    assert outcome(project, capfd, *parts, slow=slow)[:2] == (code, summary)


def test_the_other_peer_is_met_only_when_asked_for(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert outcome(project, capfd, PASS, PEER)[:2] == (0, "1 passed, 1 deselected")
    assert outcome(project, capfd, PASS, PEER, peer=True)[:2] == (0, "2 passed")


def test_failures_of_the_first_run_count_and_are_shown_at_the_end(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code, summary, end = outcome(project, capfd, FAIL, SKIP, SERIAL)
    assert (code, summary) == (1, "1 failed, 1 passed, 1 skipped")
    assert "AssertionError: because" in end
    assert "FAILED test_it.py::test_fail" in end
    assert "no reason" in end


def test_a_module_that_cannot_be_read_fails_the_whole(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code, _, end = outcome(project, capfd, PASS, BROKEN)
    assert code != 0
    assert "SyntaxError" in end


def test_no_test_at_all_is_not_a_success(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert outcome(project, capfd)[0] != 0


def test_check_runs_every_part_and_names_those_that_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    ran, said = [], []

    def call(command: list[str], **_: object) -> int:
        ran.append(command[2:])
        return 1 if command[2:] == ["ruff", "format", "--check", "."] else 0

    monkeypatch.setattr(testing.subprocess, "call", call)
    assert testing.run_checks(said.append) == 1
    assert ran == [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]]
    assert said[-1] == "failed: ruff format --check ."


def test_check_as_json_has_nothing_else_on_stdout(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    real = testing.subprocess.call

    def call(command: list[str], **options: Any) -> int:
        words, code = " ".join(command[2:]), int(command[2] == "mypy")
        return real([sys.executable, "-c", f"print({words!r}); raise SystemExit({code})"], **options)

    monkeypatch.setattr(testing.subprocess, "call", call)
    assert testing.run_checks(lambda _text: None, Output.JSON) == 1
    out, err = capfd.readouterr()
    assert json.loads(out) == {
        "ok": False,
        "checks": [
            {"command": "ruff check .", "ok": True, "exit_code": 0},
            {"command": "ruff format --check .", "ok": True, "exit_code": 0},
            {"command": "mypy", "ok": False, "exit_code": 1},
        ],
    }
    assert err.splitlines() == ["ruff check .", "ruff format --check .", "mypy"]


def test_tests_as_json_count_both_runs_and_name_what_failed(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (project / "test_it.py").write_text(HEAD + PASS + SLOW + FAIL + SKIP + SERIAL)
    arguments = ["-p", "no:cacheprovider"]
    code = testing.counted(lambda counts: testing.run_tests(arguments, False, counts=counts), Output.JSON)
    out, err = capfd.readouterr()
    assert json.loads(out) == {
        "ok": False,
        "exit_code": code,
        **{"passed": 2, "failed": 1, "error": 0, "skipped": 1, "xfailed": 0, "xpassed": 0, "deselected": 1},
        "failures": ["test_it.py::test_fail"],
    }
    assert code == 1
    assert "1 failed, 2 passed" in err


def test_tests_that_could_not_run_are_no_counts(capfd: pytest.CaptureFixture[str]) -> None:
    assert testing.counted(lambda _counts: 4, Output.JSON) == 4
    assert json.loads(capfd.readouterr().out) == {"ok": False, "exit_code": 4}


@pytest.mark.parametrize(
    ("arguments", "left", "output"),
    [
        (["-o", "json", "tests/web"], ["tests/web"], Output.JSON),
        (["tests/web", "-x", "-o", "table"], ["tests/web", "-x"], Output.TABLE),
        (["-o", "log_cli=true", "-kfoo"], ["-o", "log_cli=true", "-kfoo"], Output.TABLE),
        (["-o"], ["-o"], Output.TABLE),
    ],
)
def test_pytest_keeps_its_own_o(arguments: list[str], left: list[str], output: Output) -> None:
    assert without_output(arguments, Output.TABLE) == (left, output)
