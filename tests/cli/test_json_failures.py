"""Failures of commands that were asked for JSON: JSON on stderr, nothing on stdout, the same exit code."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from cli import main as entry
from cli.client import ApiError
from cli.failure import CommandFailed, told, wants_json
from tests.cli.commands import Operator
from tests.cli.running import HOME


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["status", "-o", "json"], True),
        (["status", "-ojson"], True),
        (["status", "--output=json"], True),
        (["--output", "json"], True),
        (["status", "-o", "table"], False),
        (["status", "-o"], False),
        (["test", "--", "-o", "json"], False),
        ([], False),
    ],
    ids=str,
)
def test_json_is_wanted(arguments: Sequence[str], wanted: bool) -> None:
    assert wants_json(arguments) is wanted


def test_a_refusal_of_the_server_keeps_its_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(_arguments: list[str]) -> int:
        raise ApiError(404, "instance_not_found", "Instance é not found")

    monkeypatch.setattr("cli.program.run", refuse)
    monkeypatch.setattr("sys.argv", ["run.py", "instances", "show", "é", "-o", "json"])
    assert entry.main() == 1
    out, err = capsys.readouterr()
    assert (out, json.loads(err)) == (
        "",
        {"error": {"code": "instance_not_found", "message": "Instance é not found"}},
    )
    monkeypatch.setattr("sys.argv", ["run.py", "instances", "show", "é"])
    assert entry.main() == 1
    assert capsys.readouterr().err == "sambung: Instance é not found\n"


@pytest.mark.parametrize(
    ("failure", "name"),
    [
        (CommandFailed("x"), "failed"),
        (CommandFailed("x", 2), "usage"),
        (CommandFailed("x", 3), "not_running"),
        (ApiError(502, "", "x"), "failed"),
    ],
    ids=["failed", "usage", "not running", "no code"],
)
def test_every_failure_has_a_name(failure: CommandFailed, name: str) -> None:
    assert json.loads(told(failure.name, failure.message, ["-ojson"]))["error"]["code"] == name


@pytest.mark.parametrize(
    ("arguments", "code", "name"),
    [
        (("instances", "list"), 3, "not_running"),
        (("instances", "show"), 2, "usage"),
        (("instances", "list", "--nonsense"), 2, "usage"),
        (("nonsense",), 2, "usage"),
    ],
    ids=["not running", "argument missing", "unknown option", "unknown command"],
)
def test_commands_fail_in_json(tmp_path: Path, arguments: tuple[str, ...], code: int, name: str) -> None:
    done = Operator(tmp_path / "data").run(*arguments, "-o", "json")
    assert (done.code, done.out) == (code, "")
    error = json.loads(done.err)["error"]
    assert error["code"] == name
    assert error["message"]


def test_a_result_that_cannot_be_written_is_told_in_json() -> None:
    script = f"{sys.executable} {HOME / 'run.py'} config show -o json >/dev/full"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=False)
    message = "the result cannot be written: No space left on device"
    assert (done.returncode, json.loads(done.stderr)) == (
        1,
        {"error": {"code": "failed", "message": message}},
    )
