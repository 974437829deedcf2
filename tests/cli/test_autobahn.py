"""`run.py test --autobahn`: which Python 2.7 it takes, and that it installs the locked suite once."""

import os
from pathlib import Path

import pytest

from cli import autobahn
from cli.failure import CommandFailed


def program(path: Path, prints: str, code: int = 0) -> str:
    """A program that prints that and notes its arguments beside itself."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\necho "$*" >> {path}.calls\nprintf %s "{prints}"\nexit {code}\n')
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH besides the system's."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/bin")
    monkeypatch.delenv(autobahn.PYTHON_NAME, raising=False)
    return folder


def test_the_one_that_is_named_comes_first(
    on_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(on_path / "python2.7", "2.7")
    monkeypatch.setenv(autobahn.PYTHON_NAME, program(tmp_path / "environment", "2.7"))
    assert autobahn.find_python27(program(tmp_path / "named", "2.7")) == str(tmp_path / "named")
    assert autobahn.find_python27(None) == str(tmp_path / "environment")
    monkeypatch.delenv(autobahn.PYTHON_NAME)
    assert autobahn.find_python27(None) == str(on_path / "python2.7")


def test_another_version_that_is_named_is_refused(
    on_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(on_path / "python2.7", "2.7")
    three = program(tmp_path / "three", "3.11")
    with pytest.raises(CommandFailed, match=f"--python27: {three} is no Python 2.7"):
        autobahn.find_python27(three)
    monkeypatch.setenv(autobahn.PYTHON_NAME, three)
    with pytest.raises(CommandFailed, match=f"{autobahn.PYTHON_NAME}: {three} is no Python 2.7"):
        autobahn.find_python27(None)


def test_others_on_the_path_are_passed_over(on_path: Path) -> None:
    program(on_path / "python2.7", "", code=127)
    program(on_path / "python2", "2.6")
    python = program(on_path / "python", "2.7")
    assert autobahn.find_python27(None) == python


def test_those_of_pyenv_are_found(on_path: Path, tmp_path: Path) -> None:
    program(on_path / "pyenv", str(tmp_path / "pyenv"))
    python = program(tmp_path / "pyenv" / "versions" / "2.7.18" / "bin" / "python2.7", "2.7")
    assert autobahn.find_python27(None) == python


def test_without_one_it_says_how_to_get_one(on_path: Path) -> None:
    for name in ("python2.7", "python2", "python"):
        program(on_path / name, "3.11")
    with pytest.raises(CommandFailed, match="--python27 or SAMBUNG_PYTHON27"):
        autobahn.find_python27(None)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    lock = tmp_path / "requirements.txt"
    lock.write_text("locked==1\n")
    monkeypatch.setattr(autobahn, "LOCK", lock)
    monkeypatch.setattr(autobahn, "FOLDER", tmp_path / "build" / "autobahn")
    return tmp_path / "build" / "autobahn"


def fake_pip(path: Path, folder: Path, code: int = 0) -> str:
    python = program(path, "", code)
    text = path.read_text().replace("printf", f"mkdir -p {folder}\nprintf")
    path.write_text(text)
    return python


def calls(python: str) -> list[str]:
    return Path(f"{python}.calls").read_text().splitlines()


def test_the_suite_is_installed_once_and_again_when_the_lock_changes(folder: Path, tmp_path: Path) -> None:
    said: list[str] = []
    python = fake_pip(tmp_path / "python", folder)
    autobahn.install(python, said.append)
    autobahn.install(python, said.append)
    assert len(calls(python)) == 1 and len(said) == 1
    assert "--require-hashes" in calls(python)[0] and f"--target {folder}" in calls(python)[0]
    autobahn.LOCK.write_text("locked==2\n")
    autobahn.install(python, said.append)
    assert len(calls(python)) == 2


def test_a_failed_installation_is_tried_again(folder: Path, tmp_path: Path) -> None:
    python = fake_pip(tmp_path / "python", folder, code=1)
    for _ in range(2):
        with pytest.raises(CommandFailed, match="could not be installed"):
            autobahn.install(python, lambda _text: None)
    assert len(calls(python)) == 2
