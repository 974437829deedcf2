"""`test` and `check`: the same commands for developers and for CI."""

import fcntl
import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from cli.failure import CommandFailed
from cli.folder import HOME

TEST_LOCK = HOME / "requirements-test.lock"
MARKER = Path(sys.prefix) / "sambung-test-installed"
NO_TESTS = 5
WORKERS = max(2, min(4, os.cpu_count() or 2))


def ensure_test_tools(say: Callable[[str], None]) -> None:
    """Install requirements-test.lock into this environment once, and again when it changes."""
    if os.environ.get("SAMBUNG_NO_BOOTSTRAP"):
        return
    with TEST_LOCK.open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = hashlib.sha256(lock.read()).hexdigest()
        if MARKER.exists() and MARKER.read_text() == wanted:
            return
        say("sambung: installing the locked test tools (once)")
        MARKER.unlink(missing_ok=True)
        pip = [sys.executable, "-m", "pip", "install", "-qq", "--require-hashes", "-r", str(TEST_LOCK)]
        if subprocess.call(pip, stdout=sys.stderr) != 0:
            raise CommandFailed("the test tools could not be installed: see above")
        MARKER.write_text(wanted)


def run_tests(arguments: Sequence[str], slow: bool, whatsmeow: bool = False) -> int:
    """Everything that may run side by side, then the tests that must be alone; one summary at the end for both.

    `slow`, `whatsmeow`: also the tests with these marks.
    """
    left_out = [name for name, wanted in (("slow", slow), ("whatsmeow", whatsmeow)) if not wanted]
    also = "".join(f" and not {name}" for name in left_out)
    with tempfile.TemporaryDirectory() as folder:
        carried = str(Path(folder) / "reports.jsonl")
        workers = ["-n", str(WORKERS), "--dist", "loadfile"]
        # With "=": pytest takes a path that stands alone for one of the tests.
        code = pytest(["-m", f"not serial{also}", *workers, f"--carry-out={carried}", *arguments])
        if code not in (0, 1, NO_TESTS):
            return code
        return pytest(["-m", f"serial{also}", f"--carry-in={carried}", *arguments])


def pytest(arguments: Sequence[str]) -> int:
    """One run of pytest; its exit code."""
    command = [sys.executable, "-m", "pytest", "-p", "cli.pytest_carry", *arguments]
    return subprocess.call(command, cwd=HOME)


def run_checks(say: Callable[[str], None]) -> int:
    """Lint, format and types; all of them, even when one fails."""
    commands = (["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"])
    failed = []
    for command in commands:
        say(f"$ {' '.join(command)}")
        if subprocess.call([sys.executable, "-m", *command], cwd=HOME) != 0:
            failed.append(" ".join(command))
    if failed:
        say(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


def run_module(module: str, arguments: Sequence[str]) -> int:
    """Another program of this repository in this process's place."""
    if not (HOME / module / "__main__.py").exists():
        raise CommandFailed(f"there is no {module}/ here: this works in a checkout")
    os.chdir(HOME)
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])
