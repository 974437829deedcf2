"""`test --autobahn`: the Autobahn test suite, which runs under Python 2.7 only, in a process of its own."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from cli import testing
from cli.failure import CommandFailed
from cli.folder import HOME

LOCK = HOME / "requirements-autobahn.txt"
FOLDER = HOME / "build" / "autobahn"
PYTHON_NAME = "SAMBUNG_PYTHON27"
# For the tests: which Python runs the suite, and where it is installed.
SUITE_PYTHON, SUITE_FOLDER = "SAMBUNG_AUTOBAHN_PYTHON", "SAMBUNG_AUTOBAHN_FOLDER"
TESTS = "tests/autobahn/against_autobahn.py"


def run_autobahn(
    arguments: Sequence[str], python27: str | None, say: Callable[[str], None], counts: Path | None = None
) -> int:
    """Install the suite once, then run it against the transport; the exit code of pytest.

    `counts`: see `testing.pytest`. CommandFailed without a Python 2.7, or when the installation failed.
    """
    python = find_python27(python27)
    install(python, say)
    os.environ[SUITE_PYTHON], os.environ[SUITE_FOLDER] = python, str(FOLDER)
    return testing.pytest(["--timeout=600", "-rP", TESTS, *arguments], counts)


def find_python27(named: str | None) -> str:
    """A Python 2.7: the one that was named, SAMBUNG_PYTHON27, the first on PATH, or one of pyenv's."""
    for what, candidate in _candidates(named):
        if is_python27(candidate):
            return candidate
        if what:
            raise CommandFailed(f"{what}: {candidate} is no Python 2.7")
    raise CommandFailed(
        "the Autobahn test suite needs Python 2.7, and there is none on PATH: install one (for example `pyenv install "
        f"2.7.18`) and name it with --python27 or {PYTHON_NAME}; the suite itself is then installed by this command"
    )


def _candidates(named: str | None) -> Iterator[tuple[str, str]]:
    """(who named it or nothing, program)."""
    if named:
        yield "--python27", named
    elif os.environ.get(PYTHON_NAME):
        yield PYTHON_NAME, os.environ[PYTHON_NAME]
    else:
        found = (shutil.which(name) for name in ("python2.7", "python2", "python"))
        yield from (("", program) for program in [*found, *_of_pyenv()] if program)


def _of_pyenv() -> list[str]:
    """Those that pyenv has installed; what it puts on PATH works only for the version that is switched on."""
    if (pyenv := shutil.which("pyenv")) is None:
        return []
    answer = subprocess.run([pyenv, "root"], capture_output=True, text=True, check=False)
    return [str(each) for each in sorted(Path(answer.stdout.strip()).glob("versions/2.7*/bin/python2.7"))]


def is_python27(program: str) -> bool:
    """Whether that program is a Python 2.7."""
    try:
        asked = [program, "-c", "import sys; sys.stdout.write('%d.%d' % sys.version_info[:2])"]
        return subprocess.run(asked, capture_output=True, timeout=20, check=False).stdout == b"2.7"
    except (OSError, subprocess.TimeoutExpired):
        return False


def install(python: str, say: Callable[[str], None]) -> None:
    """Install the locked suite into FOLDER, unless it is there already. Two at a time wait for each other."""
    FOLDER.parent.mkdir(exist_ok=True)
    marker = FOLDER / "sambung-installed"
    with LOCK.open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = f"{python} {hashlib.sha256(lock.read()).hexdigest()}"
        if marker.exists() and marker.read_text() == wanted:
            return
        say("sambung: installing the locked Autobahn test suite into build/autobahn (once)")
        shutil.rmtree(FOLDER, ignore_errors=True)
        if subprocess.run(pip_command(python, FOLDER), check=False).returncode != 0:
            raise CommandFailed("the Autobahn test suite could not be installed: see above")
        marker.write_text(wanted)


def pip_command(python: str, folder: Path) -> list[str]:
    """The installation; pip's last version for Python 2.7 knows all of it."""
    quietly = ["-qq", "--disable-pip-version-check", "--no-warn-script-location"]
    return [
        *(python, "-W", "ignore", "-m", "pip", "install", *quietly),
        *("--no-deps", "--require-hashes", "--target", str(folder), "-r", str(LOCK)),
    ]
