"""`test` and `check`: the same commands for developers and for CI."""

import fcntl
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from cli.failure import CommandFailed
from cli.folder import HOME
from cli.output import Output, show

TEST_LOCK = HOME / "requirements-test.lock"
MARKER = Path(sys.prefix) / "sambung-test-installed"
NO_TESTS = 5
# Most of what they do is waiting for processes.
WORKERS = max(3, min(4, os.cpu_count() or 2))
LESS_PRIORITY = "10"
PYTEST = [sys.executable, "-m", "pytest", "-p", "cli.pytest_carry"]


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


def run_tests(
    arguments: Sequence[str], slow: bool, whatsmeow: bool = False, counts: Path | None = None
) -> int:
    """The tests that need the machine's attention, one after another; behind them, with less priority, all others.

    One summary at the end for both. `slow`, `whatsmeow`: also the tests with these marks. `counts`: see `pytest`.
    """
    left_out = [name for name, wanted in (("slow", slow), ("whatsmeow", whatsmeow)) if not wanted]
    also = "".join(f" and not {name}" for name in left_out)
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "said").open("w+b") as said:
        carried = Path(folder) / "reports.jsonl"
        # With "=": pytest takes a path that stands alone for one of the tests.
        # The files in their order: many of the last ones are small.
        workers = ["-n", str(WORKERS), "--dist", "loadfile", "--no-loadscope-reorder"]
        others = behind(["-m", f"not serial{also}", *workers, *arguments], carried, said)
        try:
            code = pytest(["-m", f"serial{also}", f"--carry-in={carried}", *arguments], counts)
        finally:
            ended = others.wait()
        if ended in (0, 1, NO_TESTS):
            return code
        said.seek(0)
        sys.stderr.write(said.read().decode(errors="replace"))
        return ended


def behind(arguments: Sequence[str], carried: Path, said: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start a run of pytest with less priority that leaves its reports in `carried`, locked until it ends."""
    with carried.open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return subprocess.Popen(
            ["nice", "-n", LESS_PRIORITY, *PYTEST, f"--carry-out={carried}", *arguments],
            cwd=HOME,
            stdout=said,
            stderr=subprocess.STDOUT,
            pass_fds=[lock.fileno()],
        )


def pytest(arguments: Sequence[str], counts: Path | None = None) -> int:
    """One run of pytest; its exit code. `counts`: a file for its summary as JSON; the rest goes to stderr then."""
    wanted = [] if counts is None else [f"--counts-out={counts}"]
    command = [*PYTEST, *wanted, *arguments]
    return subprocess.call(command, cwd=HOME, stdout=None if counts is None else sys.stderr)


def counted(run: Callable[[Path | None], int], output: Output) -> int:
    """Run tests, `run` being told where to leave its counts; their exit code. JSON: the counts go to stdout."""
    if output is Output.TABLE:
        return run(None)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "counts.json"
        code = run(path)
        counts = json.loads(path.read_text("utf-8")) if path.exists() else {}
    show({"ok": code == 0, "exit_code": code, **counts}, output, lambda: None)
    return code


def run_checks(say: Callable[[str], None], output: Output = Output.TABLE) -> int:
    """Lint, format and types; all of them, even when one fails. JSON: what they print goes to stderr."""
    commands = (["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"])
    stdout = None if output is Output.TABLE else sys.stderr
    codes: dict[str, int] = {}
    for command in commands:
        say(f"$ {' '.join(command)}")
        codes[" ".join(command)] = subprocess.call([sys.executable, "-m", *command], cwd=HOME, stdout=stdout)
    failed = [name for name, code in codes.items() if code != 0]
    if failed:
        say(f"failed: {', '.join(failed)}")
    checks = [{"command": name, "ok": code == 0, "exit_code": code} for name, code in codes.items()]
    show({"ok": not failed, "checks": checks}, output, lambda: None)
    return 1 if failed else 0


def run_module(module: str, arguments: Sequence[str]) -> int:
    """Another program of this repository in this process's place."""
    if not (HOME / module / "__main__.py").exists():
        raise CommandFailed(f"there is no {module}/ here: this works in a checkout")
    os.chdir(HOME)
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])
