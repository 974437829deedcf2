"""What the commands print: logs, status, instances; and what `instances add` sends."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli import instance_body
from cli.failure import USAGE, CommandFailed
from cli.folder import Place
from cli.instance_view import render
from cli.logs_view import about, check_known, followed, last_lines, log_file
from cli.output import table
from cli.status_view import duration, instances_table


def anything(_line: str) -> bool:
    return True


def logs_place(tmp_path: Path, *instances: str, log: bool = True) -> Place:
    place = Place.choose(tmp_path)
    place.logs.mkdir()
    place.data.instances.mkdir()
    for instance_id in instances:
        place.data.lock(instance_id).touch()
    if log:
        (place.logs / "sambung.log").touch()
    return place


@pytest.mark.parametrize("follow", [False, True])
def test_a_log_that_is_not_there_is_named(tmp_path: Path, follow: bool) -> None:
    with pytest.raises(CommandFailed) as failure:
        log_file(Place.choose(tmp_path / "data"), False, follow)
    assert failure.value.message == (
        f"{tmp_path}/data/logs: there is no such log folder; name the server's data folder with --data DIR, "
        "or start one: python3 run.py start"
    )
    place = logs_place(tmp_path, log=False)
    if follow:
        assert log_file(place, False, follow) == place.logs / "sambung.log"
    else:
        with pytest.raises(CommandFailed, match=r"logs/events.jsonl: there is no such log file"):
            log_file(place, True, follow)


@pytest.mark.parametrize(
    ("instances", "allowed"),
    [
        ((), "none, there are no instances yet"),
        (("toko.2", "toko1"), "toko.2, toko1"),
        (tuple(f"i{n:02}" for n in range(22)), ", ".join(f"i{n:02}" for n in range(20)) + " and 2 more"),
    ],
)
def test_an_instance_that_never_was_is_told_which_are(
    tmp_path: Path, instances: tuple[str, ...], allowed: str
) -> None:
    place = logs_place(tmp_path, *instances)
    for instance_id in instances:
        check_known(place, instance_id)
    with pytest.raises(CommandFailed) as failure:
        check_known(place, "NOSUCH")
    assert failure.value.message == f"logs: there is no instance 'NOSUCH' in {tmp_path} (allowed: {allowed})"


def test_the_last_lines_of_a_log(tmp_path: Path) -> None:
    path = tmp_path / "sambung.log"
    assert last_lines(path, 5, anything) == []
    path.write_text("".join(f"{number}\n" for number in range(100)))
    assert last_lines(path, 3, anything) == ["97", "98", "99"]
    assert last_lines(path, 0, anything) == []
    assert last_lines(path, 2, lambda line: line.endswith("5")) == ["85", "95"]


def steps(*actions: Callable[[], Any]) -> Callable[[], bool]:
    """A `stop` that does the next action each time it is asked, and is true after the last one."""
    left = list(actions)

    def stop() -> bool:
        if not left:
            return True
        left.pop(0)()
        return False

    return stop


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_following_shows_what_is_appended_across_a_rotation(tmp_path: Path) -> None:
    path = tmp_path / "sambung.log"
    path.write_text("old\n")
    stop = steps(
        lambda: append(path, "one\ntw"),
        lambda: append(path, "o\n"),
        lambda: path.rename(tmp_path / "sambung.log.1"),
        lambda: append(path, "three\n"),
    )
    assert list(followed(path, anything, stop)) == ["one", "two", "three"]


def test_following_waits_for_a_log_that_is_not_there_yet(tmp_path: Path) -> None:
    path = tmp_path / "sambung.log"
    assert list(followed(path, anything, steps(lambda: append(path, "one\n")))) == ["one"]


@pytest.mark.parametrize(
    ("line", "as_json", "wanted"),
    [
        ("2026-11-23T22:15:04.123+07:00 WARN [shop1] text", False, True),
        ("2026-11-23T22:15:04.123+07:00 WARN [shop10] text", False, False),
        ("2026-11-23T22:15:04.123+07:00 WARN about shop1", False, False),
        ('{"instance_id":"shop1"}', True, True),
        ('{"instance_id":"shop10","text":"[shop1]"}', True, False),
        ("not json", True, False),
        ("[1]", True, False),
    ],
)
def test_lines_of_one_instance(line: str, as_json: bool, wanted: bool) -> None:
    assert about("shop1", as_json)(line) is wanted
    assert about(None, as_json)(line)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (3600, "1 h 0 min"), (273_000, "3 d 3 h")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_brackets_in_ids_and_reasons_are_no_markup() -> None:
    from rich.console import Console

    console = Console(width=80, no_color=True, record=True, file=io.StringIO())
    console.print(table(("id", "reason"), [("a", "[red]x[/red]"), (None, 5)]))
    assert "[red]x[/red]" in console.export_text()


def test_an_instance_is_shown_without_what_is_empty() -> None:
    found = {
        "id": "a",
        "reason": None,
        "next_retry_in_s": 2.04,
        "availability": 0.99951,
        "availability_24h": 1.0,
        "availability_30d": None,
        "outage_s": 61.25,
        "outage_24h_s": 70.0,
        "config": {"url": "ws://x", "proxy": None, "headers": {}},
    }
    [text] = render(found)
    assert text.splitlines() == [
        "id                a",
        "next_retry        2.0 s",
        "availability      99.95 %",
        "availability_24h  100.00 %",
        "outage            61.2 s",
        "outage_24h        70.0 s",
        'config            {"url": "ws://x"}',
    ]


@pytest.mark.parametrize(
    ("function", "given", "expected"),
    [
        (instance_body.headers, ["A: b", "C:d:e"], {"A": "b", "C": "d:e"}),
        (
            instance_body.overrides,
            ["retry.delay_s=5", "retry.jitter=0.5"],
            {"retry": {"delay_s": 5, "jitter": 0.5}},
        ),
        (instance_body.overrides, ["breaker.window_s=ten"], {"breaker": {"window_s": "ten"}}),
        (lambda texts: instance_body.messages(texts, "json"), ['{"a":1}', '"x"'], [{"a": 1}, "x"]),
        (lambda texts: instance_body.messages(texts, "text"), ['{"a":1}'], ['{"a":1}']),
    ],
)
def test_options_of_instances_add(
    function: Callable[[list[str]], Any], given: list[str], expected: Any
) -> None:
    assert function(given) == expected


@pytest.mark.parametrize(
    ("function", "given", "named"),
    [
        (instance_body.headers, ["nothing"], "--header must be 'Name: value' (got 'nothing')"),
        (instance_body.overrides, ["retry=5"], "--set must be section.knob=value"),
        (
            lambda texts: instance_body.messages(texts, "json"),
            ["{"],
            "--hello must be JSON for the payload json",
        ),
    ],
)
def test_wrong_options_are_named(function: Callable[[list[str]], Any], given: list[str], named: str) -> None:
    with pytest.raises(CommandFailed) as caught:
        function(given)
    assert named in caught.value.message
    assert caught.value.code == USAGE


@pytest.mark.parametrize("content", [None, "{", "[]"])
def test_a_body_file_must_hold_an_object(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "body.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(CommandFailed) as caught:
        instance_body.body_from_file(path)
    assert str(path) in caught.value.message
    path.write_text(json.dumps({"url": "ws://x"}))
    assert instance_body.body_from_file(path) == {"url": "ws://x"}


@pytest.mark.parametrize(("compact", "headings"), [(True, 7), (False, 10)])
def test_the_table_of_instances_leaves_columns_out_where_space_is_short(compact: bool, headings: int) -> None:
    one = {
        "id": "a",
        "link_state": "waiting",
        "breaker_state": "closed",
        "attempts": 3,
        "recent_failures": 2,
        "next_retry_in_s": 1.25,
        "pid": None,
        "restarts": 0,
        "availability": 0.5,
        "reason": "refused",
    }
    made = instances_table([one], compact)
    assert [column.header for column in made.columns][:3] == ["id", "link", "breaker"]
    assert len(made.columns) == headings
    cells = [str(next(iter(column.cells))) for column in made.columns]
    assert cells[:4] == ["a", "waiting", "closed", "3"]
