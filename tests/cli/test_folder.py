"""The run folder: who uses it, and what is written there."""

import os
from pathlib import Path

import pytest

from cli.failure import CommandFailed
from cli.folder import (
    HOME,
    Listening,
    Place,
    launcher_of,
    read_json,
    read_listening,
    take_tree_lock,
    tree_is_gone,
    write_json,
)
from cli.processes import Process, kill_all
from cli.serve import holding
from cli.version import VERSION, build_id
from tests.cli.running import DEADLINE_S, Started, eventually


@pytest.fixture
def place(tmp_path: Path) -> Place:
    found = Place.choose(tmp_path / "data")
    found.data.create()
    return found


def test_a_named_folder_holds_its_logs_and_the_default_ones_stand_beside_run_py(tmp_path: Path) -> None:
    named = Place.choose(tmp_path / "data")
    assert (named.data.root, named.logs) == (tmp_path / "data", tmp_path / "data" / "logs")
    default = Place.choose(None)
    assert (default.data.root, default.logs) == (HOME / "data", HOME / "logs")


def test_the_second_server_is_told_which_one_has_the_folder(place: Place) -> None:
    with holding(place):
        holder = launcher_of(place)
        assert holder is not None and holder.pid == os.getpid()
        with pytest.raises(CommandFailed) as caught:
            holding(place)
        assert f"a server runs on {place.data.root} already (pid {os.getpid()})" in caught.value.message
        assert caught.value.code == 1
    assert launcher_of(place) is None


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    place = Place.choose(tmp_path / "file" / "data")
    (tmp_path / "file").touch()
    with pytest.raises(CommandFailed) as caught:
        holding(place)
    assert str(tmp_path / "file") in caught.value.message


def test_the_tree_lock_is_held_until_the_last_process_that_inherited_it_ends(
    place: Place, started: Started
) -> None:
    assert tree_is_gone(place)
    descriptor = take_tree_lock(place)
    assert descriptor is not None
    script = "import os, signal\npid = os.fork()\nprint(pid, flush=True) if pid else None\nsignal.pause()\n"
    process = started.python("-c", script, pass_fds=(descriptor,))
    os.close(descriptor)
    assert process.stdout is not None
    child = Process.of(int(process.stdout.readline()))
    assert child is not None
    process.kill()
    process.wait(DEADLINE_S)
    assert take_tree_lock(place) is None
    assert not tree_is_gone(place)
    assert kill_all([child], DEADLINE_S) == []
    eventually(lambda: tree_is_gone(place), "the lock is free")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}', '{"pid": 99999999, "url": "x"}'])
def test_a_damaged_or_stale_address_file_means_nobody_listens(place: Place, text: str) -> None:
    assert read_listening(place) is None
    place.http_file.write_text(text)
    assert read_listening(place) is None


def test_the_address_is_read_back_while_its_process_lives(place: Place) -> None:
    there = Listening(os.getpid(), "http://127.0.0.1:1", ["http://127.0.0.1:1"], "reach", "")
    write_json(place.http_file, there)
    assert read_listening(place) == there
    write_json(place.http_file, {"pid": 2**22 + 1, **{k: v for k, v in vars_of(there).items() if k != "pid"}})
    assert read_listening(place) is None


def vars_of(value: Listening) -> dict[str, object]:
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


def test_json_files_are_private_and_replaced_as_a_whole(place: Place) -> None:
    write_json(place.ready_file, {"pid": 1})
    write_json(place.ready_file, {"pid": 2})
    assert read_json(place.ready_file) == {"pid": 2}
    assert place.ready_file.stat().st_mode & 0o777 == 0o600


def test_the_version_is_that_of_the_package() -> None:
    import configparser

    setup = configparser.ConfigParser()
    setup.read(HOME / "setup.cfg")
    assert setup["metadata"]["version"] == VERSION
    assert build_id().startswith(f"{VERSION}+")
