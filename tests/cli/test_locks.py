"""The locks: what pip installs with hashes must not change when somebody publishes a new release."""

import re
from importlib import metadata
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parents[2]
PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[([^\]]*)\])?==", re.MULTILINE)
WANTED = re.compile(r"^([A-Za-z0-9._-]+)\s*\[([^\]]+)\]")


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned_extras(lock: Path) -> dict[str, set[str]]:
    """The extras in each pin of a lock."""
    found = PIN.findall(lock.read_text())
    return {normal(name): {each.strip() for each in extras.split(",") if each} for name, extras in found}


def wanted_extras(names: set[str]) -> dict[str, set[str]]:
    """The extras that installed distributions of these names ask for unconditionally."""
    wanted: dict[str, set[str]] = {}
    for name in names:
        try:
            requirements = metadata.requires(name) or []
        except metadata.PackageNotFoundError:  # of another platform or Python
            continue
        for requirement in requirements:
            match = WANTED.match(requirement)
            if match and "extra ==" not in requirement:
                wanted.setdefault(normal(match[1]), set()).update(match[2].replace(" ", "").split(","))
    return wanted


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-test.lock"])
def test_extras_that_a_dependency_asks_for_are_in_the_pin(lock: str) -> None:
    pins = pinned_extras(HOME / lock)
    missing = {name: extras - pins[name] for name, extras in wanted_extras(set(pins)).items() if name in pins}
    assert not any(missing.values()), missing


def test_the_question_can_find_something() -> None:
    assert wanted_extras({"pytest-cov"}) == {"coverage": {"toml"}}
