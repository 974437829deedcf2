"""run.py before the program itself: old Pythons, the first install, and later starts. No network: the lock is empty."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.running import DEADLINE_S, HOME

OLD = ("3.6.15", "3.7.16", "3.8.18", "3.9.18", "3.10.13")
PROGRESS = "installing the locked dependencies"
MAIN = "import sys\n\n\ndef main():\n    print(sys.prefix, *sys.argv[1:])\n    return 7\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with run.py, an empty lock, and a program that prints where it runs and exits with 7."""
    shutil.copy(HOME / "run.py", tmp_path)
    (tmp_path / "requirements.lock").write_text("# nothing\n")
    (tmp_path / "cli").mkdir()
    (tmp_path / "cli" / "main.py").write_text(MAIN)
    return tmp_path


def start(checkout: Path, *arguments: str, **environ: str) -> "subprocess.Popen[str]":
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("SAMBUNG_", "PYTHON"))}
    return subprocess.Popen(
        [base_python(), "run.py", *arguments],
        cwd=checkout,
        env=inherited | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(checkout: Path, *arguments: str, **environ: str) -> tuple[int, str, str]:
    process = start(checkout, *arguments, **environ)
    out, err = process.communicate(timeout=DEADLINE_S)
    return process.returncode, out.strip(), err.strip()


def base_python() -> str:
    """The interpreter outside of any virtual environment."""
    return os.path.realpath(sys.executable)


@pytest.mark.parametrize("version", OLD)
def test_an_old_python_is_told_so_in_one_line(version: str) -> None:
    python = Path.home() / ".pyenv" / "versions" / version / "bin" / "python"
    if not python.exists():
        pytest.skip(f"no Python {version} on this machine")
    done = subprocess.run(
        [python, HOME / "run.py"], capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"sambung needs Python 3.11 or newer; {python} is {version}\n"


def test_the_bootstrap_is_short_and_needs_the_standard_library_only() -> None:
    lines = (HOME / "run.py").read_text().splitlines()
    assert len(lines) < 40
    imported = {line.split()[1].split(".")[0] for line in lines if line.startswith(("import ", "from "))}
    assert imported <= sys.stdlib_module_names


def test_without_bootstrap_the_given_interpreter_runs_the_program(checkout: Path) -> None:
    code, out, err = run(checkout, "a", "b", SAMBUNG_NO_BOOTSTRAP="1")
    assert (code, out, err) == (7, f"{sys.base_prefix} a b", "")
    assert not (checkout / ".venv").exists()


def test_of_two_first_starts_one_installs_and_later_ones_are_silent(checkout: Path) -> None:
    both = [start(checkout, name) for name in ("a", "b")]
    ended = [process.communicate(timeout=DEADLINE_S) for process in both]
    venv = checkout / ".venv"
    assert [out.strip() for out, _ in ended] == [f"{venv} a", f"{venv} b"]
    assert sum(PROGRESS in err for _, err in ended) == 1
    assert [process.returncode for process in both] == [7, 7]
    assert run(checkout, "c") == (7, f"{venv} c", "")

    # A changed lock is installed into the same environment.
    (venv / "kept").touch()
    (checkout / "requirements.lock").write_text("# nothing, again\n")
    assert PROGRESS in run(checkout)[2]
    assert (venv / "kept").exists()
    wanted = hashlib.sha256((checkout / "requirements.lock").read_bytes()).hexdigest()
    assert (venv / "sambung-installed").read_text() == f"{sys.version.split()[0]} {wanted}"


def test_an_environment_of_another_python_and_a_half_made_one_are_made_anew(checkout: Path) -> None:
    venv = checkout / ".venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(base_python())
    (venv / "sambung-installed").write_text(f"3.11.0 {'0' * 64}")
    (venv / "kept").touch()
    (checkout / "requirements.lock").write_text("nothing-of-this-name @ file:///nowhere/at-all.whl\n")
    code, out, err = run(checkout)
    assert (code, out) == (1, "")
    assert err.endswith("sambung: the installation failed (see above); the next start tries again")
    assert not (venv / "kept").exists()

    (venv / "kept").touch()
    (checkout / "requirements.lock").write_text("# nothing\n")
    assert run(checkout)[0] == 7
    assert not (venv / "kept").exists()


def test_a_python_without_ensurepip_is_told_which_package_is_missing(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "sitecustomize.py").write_text(
        "import sys\n"
        "import importlib.util\n"
        "real = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, package=None: None if name == 'ensurepip' else real(name, package)\n"
    )
    code, out, err = run(checkout, PYTHONPATH=str(tmp_path / "hidden"))
    assert (code, out) == (1, "")
    assert err == "sambung: this Python cannot make virtual environments: apt-get install python3-venv"
    assert not (checkout / ".venv").exists()
