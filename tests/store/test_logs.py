"""Log lines: the exact format, the JSON twin, secrets, and that logging never hurts the caller."""

import json
import os
import re
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from core.config import LogSettings
from store import logs

AT = 1_795_446_904.123
JAKARTA = LogSettings(timezone="Asia/Jakarta", level="DEBUG")


@pytest.fixture
def fixed_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: AT)
    monkeypatch.setattr(time, "time_ns", lambda: int(AT * 1e9))


def only_ours(folder: Path) -> None:
    """Take out the handler that pytest adds to every logger when a test begins."""
    logs.setup_logging(folder, JAKARTA)


def human(folder: Path) -> str:
    return (folder / "sambung.log").read_text(encoding="utf-8")


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


@pytest.mark.usefixtures("fixed_time")
def test_the_human_line_is_the_one_operators_know(folder: Path) -> None:
    logs.log_event("breaker.open", "🔴 Circuit breaker activated for: XXX - Too many failures", "WARN", "XXX")
    assert human(folder) == (
        "2026-11-23T22:15:04.123+07:00 WARN [XXX] 🔴 Circuit breaker activated for: XXX - Too many failures\n"
    )


@pytest.mark.usefixtures("fixed_time")
@pytest.mark.parametrize(
    ("level", "shown"),
    [("DEBUG", "DEBUG"), ("INFO", "INFO"), ("WARN", "WARN"), ("ERROR", "ERROR"), ("odd", "INFO")],
)
def test_levels_have_their_names_and_no_instance_no_brackets(folder: Path, level: str, shown: str) -> None:
    logs.log_event("x.y", "text", level)
    assert human(folder) == f"2026-11-23T22:15:04.123+07:00 {shown} text\n"


@pytest.mark.usefixtures("fixed_time")
def test_the_json_twin_is_in_utc_with_stable_names(folder: Path) -> None:
    logs.log_event(
        "retry.scheduled", "🔄 Retrying", "INFO", "XXX", delay_s=30.0, cause=None, text="own", pid=5
    )
    assert lines(folder / "events.jsonl") == [
        {
            "time": "2026-11-23T15:15:04.123Z",
            "level": "INFO",
            "event": "retry.scheduled",
            "instance_id": "XXX",
            "text": "🔄 Retrying",
            "pid": os.getpid(),
            "delay_s": 30.0,
            "cause": None,
            "text_": "own",
            "pid_": 5,
        }
    ]
    assert "🔄" in (folder / "events.jsonl").read_text(encoding="utf-8")


def test_only_records_with_an_event_have_a_json_twin(folder: Path) -> None:
    logs.logger().warning("plain %d", 5)
    logs.logger().warning("with", extra={"event": "x.y", "count": 2})
    assert human(folder).count("\n") == 2
    (twin,) = lines(folder / "events.jsonl")
    assert (twin["event"], twin["text"], twin["count"], twin["level"]) == ("x.y", "with", 2, "WARN")


def test_requests_go_to_the_access_log_only(folder: Path) -> None:
    logs.access_logger().info(
        "GET /health", extra={"status": 200, "duration_ms": 1.5, "address": "127.0.0.1"}
    )
    (line,) = lines(folder / "access.jsonl")
    assert (line["text"], line["status"], line["duration_ms"]) == ("GET /health", 200, 1.5)
    assert sorted(file.name for file in folder.iterdir()) == ["access.jsonl"]


def test_below_the_level_nothing_is_written(tmp_path: Path, folder: Path) -> None:
    logs.setup_logging(folder, LogSettings(level="WARNING"))
    logs.log_event("x.y", "quiet")
    logs.log_event("x.y", "loud", "WARN")
    assert "quiet" not in human(folder) and "loud" in human(folder)


def test_setting_up_again_replaces_folder_and_handlers(tmp_path: Path, folder: Path) -> None:
    logs.log_event("x.y", "first")
    logs.setup_logging(tmp_path / "other", JAKARTA)
    logs.log_event("x.y", "second")
    assert human(folder).count("\n") == 1
    assert human(tmp_path / "other").count("second") == 1


def test_the_root_logger_is_left_alone(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    only_ours(folder)
    logs.log_event("x.y", "text")
    logs.access_logger().info("GET /")
    assert caplog.records == []


def test_log_files_are_private(folder: Path) -> None:
    logs.log_event("x.y", "text")
    logs.access_logger().info("GET /")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


@pytest.mark.parametrize("zone", ["local", "Nowhere/Atlantis"])
def test_local_time_is_the_machines(tmp_path: Path, folder: Path, zone: str, monkeypatch: Any) -> None:
    """An unknown zone, which the settings loader refuses, is no reason not to start either."""
    monkeypatch.setenv("TZ", "XXX-05:45")
    time.tzset()
    logs.setup_logging(folder, LogSettings(timezone=zone))
    logs.log_event("x.y", "text")
    assert re.fullmatch(r"\S+\.\d{3}\+05:45 INFO text\n", human(folder))
    monkeypatch.delenv("TZ")
    time.tzset()


def test_the_file_is_utf8_whatever_the_locale(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from core.config import LogSettings; from store import logs;"
        "logs.setup_logging(Path(sys.argv[1]), LogSettings(), console=True);"
        "logs.log_event('breaker.open', '\\U0001f534 Schutzschalter f\\xfcr', 'WARN', 'XXX')"
    )
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    ran = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], env=environment, capture_output=True, check=True
    )
    assert "🔴 Schutzschalter für" in human(tmp_path)
    assert b"WARN [XXX]" in ran.stderr


def test_a_peers_text_cannot_forge_a_line_or_steer_a_terminal(folder: Path) -> None:
    logs.log_event(
        "socket.error", "bye\n2026-11-23T22:15:04.123+07:00 INFO fake\r\x1b[2J\x9b\u2028\x00", "WARN"
    )
    (line,) = human(folder).splitlines()
    assert line.endswith(r"bye\n2026-11-23T22:15:04.123+07:00 INFO fake\r\x1b[2J\x9b\u2028\x00")
    (twin,) = lines(folder / "events.jsonl")
    assert twin["text"].startswith("bye\n2026")


def test_a_stack_follows_on_marked_lines(folder: Path) -> None:
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        logs.logger().exception("It failed", extra={"event": "bug"})
    first, *rest = human(folder).splitlines()
    assert first.endswith("ERROR It failed")
    assert all(line.startswith("    | ") for line in rest)
    assert rest[-1] == "    | second"
    assert "ValueError: first\nsecond" in lines(folder / "events.jsonl")[0]["stack"]


def test_a_long_text_is_cut(folder: Path) -> None:
    logs.log_event("x.y", "x" * 1_000_000)
    assert len(human(folder)) < 20_000
    assert "more characters" in human(folder)
    assert len(lines(folder / "events.jsonl")[0]["text"]) < 20_000


def test_the_console_shows_the_human_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logs.setup_logging(folder, JAKARTA, console=True)
    logs.log_event("x.y", "text", "ERROR", "a")
    assert capsys.readouterr().err.endswith("ERROR [a] text\n")
