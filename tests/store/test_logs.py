"""Log lines: the exact format, the JSON twin, secrets, and that logging never hurts the caller."""

import contextlib
import fcntl
import json
import logging
import os
import re
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.config import LogSettings
from store import logs
from store.logfile import AppendHandler
from store.redaction import redact

AT = 1_795_446_904.123
JAKARTA = LogSettings(timezone="Asia/Jakarta", level="DEBUG")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A log folder that this process logs to until the test ends."""
    logs.setup_logging(tmp_path / "logs", JAKARTA)
    yield tmp_path / "logs"
    for logger in (logs.logger(), logs.access_logger()):
        for handler in logger.handlers[:]:
            logger.removeHandler(handler)
            handler.close()


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


CANARY = "c4n4ry-S3cret.Value_77"
SECRETS = [
    f"GET /force-retry/a?access_token={CANARY}&x=1",
    f"?access_token={CANARY}",
    f"wss://user:{CANARY}@example.test/path",
    f"http://{CANARY}@proxy.test:3128",
    f"Authorization: Bearer {CANARY}",
    f"authorization: Basic {CANARY}",
    f"{{'Authorization': 'Bearer {CANARY}', 'X-Api-Key': '{CANARY}'}}",
    f"(('Authorization', 'Bearer {CANARY}'), ('apikey', '{CANARY}'))",
    f'{{"headers": {{"authorization": "Bearer {CANARY}"}}}}',
    f"b'Authorization: Bearer {CANARY}\\r\\nX-Api-Key: {CANARY}\\r\\n'",
    f"Proxy-Authorization: Basic {CANARY}",
    f"Set-Cookie: session={CANARY}; HttpOnly",
    f"api_key={CANARY} password={CANARY} token={CANARY}",
    f"Bearer {CANARY}",
    f"sbg_{CANARY.replace('.', '_')}",
]


@pytest.mark.parametrize("text", SECRETS, ids=lambda text: text.replace(CANARY, "…")[:30])
def test_a_secret_reaches_no_file(folder: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.setup_logging(folder, JAKARTA, console=True)
    logs.log_event("x.y", text, "INFO", None, where=text, nested={"list": [text]})
    logs.logger().warning("%s", text, extra={"event": "x.y"})
    logs.access_logger().info(text, extra={"path": text})
    try:
        raise ValueError(text)
    except ValueError:
        logs.logger().exception("failed")
    written = b"".join(file.read_bytes() for file in folder.iterdir()).decode() + capsys.readouterr().err
    assert CANARY not in written and CANARY.replace(".", "_") not in written
    assert "***" in written
    assert lines(folder / "events.jsonl") and lines(folder / "access.jsonl")


@pytest.mark.parametrize(
    "text",
    [
        "⏸️ Waiting for manual intervention or automatic reset in 10 minutes",
        "wss://example.test:8443/path?room=5 mail@example.test",
        "token 5 of 7; the key is in wire.key; Authorization is missing",
        "tokens=5 keys: 3",
        '{"kind": "message", "monkey": "x", "count": 3}',
    ],
    ids=lambda text: text[:20],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


def test_redacting_a_hostile_line_takes_no_time() -> None:
    started = time.perf_counter()
    for text in (
        "token=" * 3000,
        "a://" * 4000,
        "authorization:" * 1500,
        "cookie" * 2500 + "@",
        "sbg_" * 4000,
    ):
        redact(text)
    assert time.perf_counter() - started < 5


class Hostile:
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


def circle() -> dict[str, Any]:
    made: dict[str, Any] = {}
    made["self"] = made
    return made


@pytest.mark.parametrize(
    "log",
    [
        lambda: logs.logger().info("%d", "no number"),
        lambda: logs.logger().info("%s %s", "one"),
        lambda: logs.logger().info(Hostile()),
        lambda: logs.logger().info("%s", Hostile()),
        lambda: logs.log_event("x.y", "text", "INFO", None, bad=Hostile()),
        lambda: logs.log_event("x.y", "text", "INFO", None, bad=circle(), keys={(1, 2): 3, 5: 6}),
        lambda: logs.log_event(
            "x.y", "\ud800 lone", "INFO", None, bad="\ud800", raw=b"\xff", nan=float("nan")
        ),
        lambda: logs.log_event(None, None, None, None),  # type: ignore[arg-type]
        lambda: logs.log_event("x.y", "text", args=1, msg=2, name=3, exc_info=4, created=5),
    ],
    ids=["number", "too few", "message", "argument", "field", "no JSON", "surrogate", "nothing", "reserved"],
)
def test_no_record_hurts_the_caller_or_the_next_line(folder: Path, log: Any) -> None:
    only_ours(folder)
    log()
    logs.log_event("x.y", "after")
    assert human(folder).splitlines()[-1].endswith("INFO after")
    assert lines(folder / "events.jsonl")[-1]["text"] == "after"


def test_a_text_whose_arguments_do_not_fit_keeps_its_line(folder: Path) -> None:
    only_ours(folder)
    logs.logger().info("%d apples", "many")
    assert "%d apples (its arguments do not fit)" in human(folder)


def test_a_field_without_json_form_costs_its_value_only(folder: Path) -> None:
    logs.log_event("x.y", "text", "INFO", None, good=1, keys={(1, 2): 3})
    (line,) = lines(folder / "events.jsonl")
    assert (line["good"], line["keys"]) == (1, "{(1, 2): 3}")


def test_a_folder_that_cannot_be_made_costs_the_lines_not_the_process(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "file").write_text("x")
    logs.setup_logging(tmp_path / "file" / "logs", JAKARTA)
    logs.log_event("x.y", "lost")
    logs.setup_logging(folder, JAKARTA)
    logs.log_event("x.y", "kept")
    assert "kept" in human(folder)


def test_a_folder_that_vanishes_is_used_again_when_it_is_back(folder: Path) -> None:
    logs.log_event("x.y", "first")
    shutil.rmtree(folder)
    logs.log_event("x.y", "lost")
    folder.mkdir()
    logs.log_event("x.y", "third")
    assert human(folder).endswith("INFO third\n")


def test_a_full_disk_loses_lines_but_glues_none(small_disk: Path, folder: Path) -> None:
    logs.setup_logging(small_disk, JAKARTA)
    for number in range(300):
        logs.log_event("x.y", f"{number} " + "x" * 5000)
    (handler,) = [h for h in logs.logger().handlers if getattr(h, "path", None) == small_disk / "sambung.log"]
    assert isinstance(handler, AppendHandler) and handler.lost > 0
    (small_disk / "events.jsonl").unlink()
    logs.log_event("x.y", "the other handler still holds the space")
    logs.log_event("x.y", "after")
    assert human(small_disk).splitlines()[-1].endswith("INFO after")
    logs.setup_logging(folder, JAKARTA)


def test_a_line_written_in_part_does_not_swallow_the_next(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs.log_event("x.y", "first")
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda fd, data: write(fd, data[: len(data) // 2]))
        logs.log_event("x.y", "cut")
    logs.log_event("x.y", "third")
    last = human(folder).splitlines()[-1]
    assert last.endswith("INFO third") and last.startswith("20")
    assert lines_that_are_json(folder) == ["first", "third"]


def lines_that_are_json(folder: Path) -> list[str]:
    found = []
    for line in (folder / "events.jsonl").read_text(encoding="utf-8").splitlines():
        with contextlib.suppress(ValueError):
            found.append(json.loads(line)["text"])
    return found


def test_a_forked_child_writes_to_the_same_file(folder: Path) -> None:
    logs.log_event("x.y", "parent")
    inside, outside = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            logs.log_event("x.y", "child")
            os.write(outside, b"1")
        finally:
            os._exit(0)
    os.close(outside)
    assert os.read(inside, 1) == b"1"
    os.waitpid(child, 0)
    logs.log_event("x.y", "parent again")
    assert [line.rpartition("INFO ")[2] for line in human(folder).splitlines()] == [
        "parent",
        "child",
        "parent again",
    ]
    assert len({line["pid"] for line in lines(folder / "events.jsonl")}) == 2


def test_a_forked_child_does_not_give_the_parents_lock_away(folder: Path) -> None:
    """A lock belongs to the open file, which a child inherits: it must open its own."""
    logs.log_event("x.y", "parent")
    handler = next(h for h in logs.logger().handlers if isinstance(h, AppendHandler))
    fcntl.flock(handler._fd, fcntl.LOCK_SH)
    child = os.fork()
    if child == 0:
        try:
            logs.log_event("x.y", "child")
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert "child" in human(folder)
    with (folder / "sambung.log").open() as rotator, pytest.raises(BlockingIOError):
        fcntl.flock(rotator, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_every_line_is_one_write(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logs.log_event("x.y", "open the files")
    written: list[bytes] = []
    write = os.write

    def noted(fd: int, data: bytes) -> int:
        written.append(data)
        return write(fd, data)

    monkeypatch.setattr(os, "write", noted)
    logs.log_event("x.y", "é" * 16_000)
    assert len(written) == 2
    assert all(data.endswith(b"\n") and data.count(b"\n") == 1 for data in written)


def test_the_console_shows_the_human_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logs.setup_logging(folder, JAKARTA, console=True)
    logs.log_event("x.y", "text", "ERROR", "a")
    assert capsys.readouterr().err.endswith("ERROR [a] text\n")


def test_a_closed_console_is_no_reason_for_anything(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open(os.devnull, "w") as closed:
        monkeypatch.setattr(sys, "stderr", closed)
        logs.setup_logging(folder, JAKARTA, console=True)
    logs.log_event("x.y", "text")
    assert "text" in human(folder)
    assert logging.raiseExceptions
