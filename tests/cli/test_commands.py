"""The command line itself: help, usage errors, and the commands that need no server."""

import json
import subprocess
import sys
import tomllib
from dataclasses import asdict
from pathlib import Path

import pytest

from cli.settings import checked_file
from core.config import Settings
from tests.cli.commands import Operator
from tests.cli.running import HOME

COMMANDS = (
    *(
        "serve",
        "demo",
        "start",
        "stop",
        "restart",
        "status",
        "logs",
        "events",
        "test",
        "check",
        "bench",
        "soak",
        "simulator",
    ),
    *("instances", "token", "config", "cleanup"),
)
INSTANCES = (
    "add",
    "list",
    "show",
    "connect",
    "disconnect",
    "restart",
    "force-retry",
    "reset-breaker",
    "remove",
)


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    return Operator(tmp_path / "data")


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(HOME / "run.py"), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL
    )


def test_help_names_every_command() -> None:
    text = run("--help").stdout
    listed = [
        line.split()[0] for line in text.partition("Commands:")[2].splitlines() if line.startswith("  ")
    ]
    assert set(COMMANDS) <= set(listed)
    assert "Exit codes: 0 ok, 1 failed, 2 wrong use, 3 the server isn't running." in text


def test_each_command_names_its_own_default_folder() -> None:
    words = {name: " ".join(run(name, "--help").stdout.split()) for name in ("demo", "serve")}
    assert "Default: a temporary one, removed at the end." in words["demo"]
    assert "Default: the demo's own, with short times." in words["demo"]
    assert "./data" not in words["demo"]
    assert "Default: ./data and ./logs." in words["serve"]


def test_instances_has_every_verb() -> None:
    text = run("instances", "--help").stdout.partition("Commands:")[2]
    assert [line.split()[0] for line in text.splitlines() if line.startswith("  ")] == list(INSTANCES)


def test_help_and_commands_load_nothing_heavy() -> None:
    script = (
        "import sys, cli.program\n"
        "heavy = {'pydantic', 'sqlalchemy', 'thespian', 'cherrypy', 'rich.console', 'psutil', 'simulator.client'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=HOME, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_the_launchers_processes_load_nothing_of_the_command_line() -> None:
    script = (
        "import sys, cli.main, cli.hidden, cli.serve, cli.keeper\n"
        "print(sorted({'typer', 'rich', 'pydantic', 'sqlalchemy', 'thespian', 'cherrypy'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=HOME, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.parametrize(
    "arguments",
    [
        ["nope"],
        ["--prot", "1"],
        ["serve", "--port", "many"],
        ["instances", "add"],
        ["status", "-o", "xml"],
        ["instances", "show", ""],
        ["instances", "connect", "a/b"],
    ],
    ids=" ".join,
)
def test_wrong_use_exits_2_and_prints_nothing_on_stdout(arguments: list[str]) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["stop"],
        ["status"],
        ["status", "--watch"],
        ["instances", "list"],
        ["instances", "show", "x"],
        ["instances", "add", "x", "--url", "ws://x"],
        ["instances", "remove", "x", "--yes"],
        ["events", "--follow"],
    ],
    ids=" ".join,
)
def test_without_a_server_these_exit_3(operator: Operator, arguments: list[str]) -> None:
    done = operator.run(*arguments, "-o", "json")
    assert (done.code, done.out) == (3, "")
    message = f"no server runs on {operator.data}; start it: python3 run.py start"
    assert json.loads(done.err) == {"error": {"code": "not_running", "message": message}}


@pytest.mark.parametrize(
    "command", [["serve"], ["start"], ["demo"], ["status"], ["logs"], ["token", "list"]], ids=" ".join
)
def test_a_file_is_no_data_folder_for_any_command(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "file").touch()
    for data in (tmp_path / "file", tmp_path / "file" / "below"):
        done = Operator(data).run(*command)
        assert (done.code, done.out) == (2, "")
        assert done.err == (
            f"sambung: --data {data}: {tmp_path}/file is no folder (allowed: a folder, or the name of one to be made)\n"
        )


def test_tokens_need_a_data_folder(operator: Operator) -> None:
    done = operator.run("token", "list")
    assert (done.code, done.err) == (
        1,
        f"sambung: {operator.data} is no data folder: name one with --data DIR\n",
    )


def test_without_a_terminal_removing_needs_a_yes(operator: Operator) -> None:
    done = operator.run("instances", "remove", "x")
    assert (done.code, done.out) == (2, "")
    assert done.err == "sambung: Remove x with everything stored for it? Say so with --yes.\n"


def test_config_check_tells_all_problems(tmp_path: Path) -> None:
    (tmp_path / "good.toml").write_text("[retry]\njitter = 0\n")
    good = run("config", "check", "--config", str(tmp_path / "good.toml"))
    assert (good.returncode, good.stdout) == (0, f"{tmp_path}/good.toml: the settings are fine.\n")
    (tmp_path / "bad.toml").write_text("[retry]\njitter = -1\nstep = 1\n")
    bad = run("config", "check", "--config", str(tmp_path / "bad.toml"))
    assert (bad.returncode, bad.stdout) == (1, "")
    first, *lines = bad.stderr.splitlines()
    assert first == f"{tmp_path}/bad.toml: 2 wrong"
    assert [line.split(":")[1] for line in lines] == ["2", "3"]
    machine = run("config", "check", "--config", str(tmp_path / "bad.toml"), "-o", "json")
    found = json.loads(machine.stdout)
    assert (machine.returncode, found["ok"], len(found["problems"])) == (1, False, 2)
    assert found["file"] == f"{tmp_path}/bad.toml"
    assert found["problems"][0]["place"] == f"{tmp_path}/bad.toml:2: retry.jitter"


def test_config_check_names_the_file_that_it_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.settings.DEFAULT_FILE", tmp_path / "default.toml")
    assert checked_file(None) is None
    (tmp_path / "default.toml").write_text("")
    assert checked_file(None) == f"{tmp_path}/default.toml"
    monkeypatch.chdir(tmp_path)
    assert checked_file(Path("missing.toml")) == f"{tmp_path}/missing.toml"
    usual = run("config", "check")
    assert usual.stdout == f"{HOME}/conf/sambung.toml: the settings are fine.\n"


def test_config_show_marks_what_differs(tmp_path: Path) -> None:
    (tmp_path / "some.toml").write_text("[retry]\njitter = 0\n")
    lines = run("config", "show", "--config", str(tmp_path / "some.toml")).stdout.splitlines()
    assert [line.split()[1:3] for line in lines if line.lstrip().startswith("*")] == [["retry.jitter", "0.0"]]
    values = json.loads(run("config", "show", "-o", "json", "--port", "81").stdout)
    defaults = json.loads(json.dumps(asdict(Settings())))
    assert values == defaults | {"http": defaults["http"] | {"port": 81}}


def test_config_template_is_the_committed_file() -> None:
    text = run("config", "template").stdout
    assert text == (HOME / "conf" / "sambung.toml").read_text()
    assert set(tomllib.loads(text)) == set(asdict(Settings()))


def test_a_reader_that_goes_away_is_no_crash(operator: Operator) -> None:
    script = f"{sys.executable} {HOME / 'run.py'} config template | head -1"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.startswith("# Sambung")
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("redirection", "code", "said"),
    [(">&-", 0, ""), (">/dev/full", 1, "sambung: the result cannot be written: No space left on device\n")],
)
def test_a_stdout_that_takes_nothing_ends_without_a_traceback(redirection: str, code: int, said: str) -> None:
    for command in ("config template", "config show"):
        script = f"{sys.executable} {HOME / 'run.py'} {command} {redirection}"
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (code, said), command
