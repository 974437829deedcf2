"""Settings: every knob through file, environment and command line; every kind of wrong value."""

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from cli.settings import load_settings
from cli.settings_file import toml_value
from cli.settings_origin import variable
from core.config import SECTIONS, Settings, allowed_text
from tests.cli.settings_help import lines, write

KNOBS = [(section, spec) for section, kind in SECTIONS.items() for spec in fields(kind)]

# Knobs whose values are checked against the machine or another knob: a value that passes, in place of any.
SPECIAL: dict[str, Any] = {
    "http.host": "127.0.0.1",
    "http.cors_origins": ("https://a.example", "http://b.example:8080"),
    "http.trusted_proxies": ("10.0.0.0/8", "::1"),
    "actors.bind": "127.0.0.2",
    "log.timezone": "Asia/Jakarta",
    "gate.probe_min_s": 9.0,
    "gate.probe_max_s": 3.0,
    "supervision.delay_min_s": 4.0,
    "supervision.delay_max_s": 0.5,
}
# Only together, and only with a certificate: a test of their own.
ALONE = [(s, k) for s, k in KNOBS if not k.name.startswith("tls_")]
ALONE_IDS = [f"{section}.{spec.name}" for section, spec in ALONE]


def other_value(section: str, spec: Any) -> Any:
    """An allowed value of a knob that is not its default."""
    name, default = f"{section}.{spec.name}", getattr(getattr(Settings(), section), spec.name)
    if name in SPECIAL:
        return SPECIAL[name]
    if spec.type is bool:
        return not default
    if spec.metadata["choices"]:
        return next(choice for choice in spec.metadata["choices"] if choice != default)
    low, high = spec.metadata["ge"], spec.metadata["le"]
    middle = (low + high) / 2
    return int(middle) if spec.type is int else float(middle)


def wrong_values(spec: Any) -> Iterator[str]:
    """TOML texts that this knob must refuse."""
    if spec.type is bool:
        yield from ('"yes"', "1")
    elif spec.type is str:
        yield from ("5", '["a"]')
        if spec.metadata["choices"]:
            yield '"LOUD"'
    elif spec.type == tuple[str, ...]:
        yield from ('"a"', "[1]", "true")
    else:
        yield from ('"thirty"', "true", "[1]", "{ a = 1 }", "nan", "inf")
        yield from (str(spec.metadata["ge"] - 1), str(spec.metadata["le"] + 1))
        if spec.type is int:
            yield "1.5"


def as_text(value: Any) -> str:
    """A value as an environment variable holds it."""
    return (
        ",".join(value)
        if isinstance(value, tuple)
        else str(value).lower()
        if value in (True, False)
        else str(value)
    )


def test_without_file_and_environment_the_defaults_hold(tmp_path: Path) -> None:
    assert load_settings(write(tmp_path, ""), {}, {}) == Settings()


def test_the_committed_file_changes_nothing() -> None:
    assert load_settings(None, {}, {}) == Settings()


@pytest.mark.parametrize(("section", "spec"), ALONE, ids=ALONE_IDS)
def test_a_knob_is_taken_from_the_file(tmp_path: Path, section: str, spec: Any) -> None:
    value = other_value(section, spec)
    file = write(tmp_path, f"[{section}]\n{spec.name} = {toml_value(value)}\n")
    found = getattr(getattr(load_settings(file, {}, {}), section), spec.name)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(("section", "spec"), ALONE, ids=ALONE_IDS)
def test_a_knob_is_taken_from_the_environment_before_the_file(
    tmp_path: Path, section: str, spec: Any
) -> None:
    value = other_value(section, spec)
    default = getattr(getattr(Settings(), section), spec.name)
    file = write(tmp_path, f"[{section}]\n{spec.name} = {toml_value(default)}\n")
    loaded = load_settings(file, {}, {variable(section, spec.name): as_text(value)})
    assert getattr(getattr(loaded, section), spec.name) == value


WRONG = [(section, spec, text) for section, spec in KNOBS for text in wrong_values(spec)]


@pytest.mark.parametrize(("section", "spec", "text"), WRONG, ids=[f"{s}.{k.name}={t}" for s, k, t in WRONG])
def test_a_wrong_value_names_file_line_key_value_and_what_is_allowed(
    tmp_path: Path, section: str, spec: Any, text: str
) -> None:
    [line] = lines(write(tmp_path, f"# comment\n[{section}]\n{spec.name} = {text}\n"))
    start = f"sambung.toml:3: {section}.{spec.name}: must be {allowed_text(section, spec.name)} (got "
    assert line.startswith(start)


NUMBERS = [(section, spec) for section, spec in KNOBS if spec.type in (int, float)]


@pytest.mark.parametrize(("section", "spec"), NUMBERS, ids=[f"{s}.{k.name}" for s, k in NUMBERS])
@pytest.mark.parametrize("text", ["thirty", "", "nan", "1e999", "0x10"])
def test_a_wrong_variable_is_named_with_what_is_allowed(
    tmp_path: Path, section: str, spec: Any, text: str
) -> None:
    name = variable(section, spec.name)
    [line] = lines(write(tmp_path, ""), {name: text})
    assert line.startswith(
        f"environment: {name}: {section}.{spec.name}: must be {allowed_text(section, spec.name)}"
    )


@pytest.mark.parametrize(
    "name",
    [
        "SAMBUNG_PORT",
        "SAMBUNG_PORT_8000_TCP",
        "SAMBUNG_SERVICE_HOST",
        "SAMBUNG_ADMIN_TOKEN",
        "SAMBUNG_WIRE_KEY",
    ],
)
def test_variables_that_name_no_section_are_left_alone(tmp_path: Path, name: str) -> None:
    assert load_settings(write(tmp_path, ""), {}, {name: "x"}) == Settings()


def test_a_wrong_value_that_is_overridden_does_not_count(tmp_path: Path) -> None:
    file = write(tmp_path, "[http]\nport = 'x'\n")
    assert load_settings(file, {"http": {"port": 1}}, {}).http.port == 1


def test_options_win_over_environment_over_file(tmp_path: Path) -> None:
    file, environ = (
        write(tmp_path, "[http]\nport = 1\nhost = 'a.example'\nthreads = 5\n"),
        {
            "SAMBUNG_HTTP__PORT": "2",
            "SAMBUNG_HTTP__HOST": "b.example",
        },
    )
    http = load_settings(file, {"http": {"port": 3}}, environ).http
    assert (http.port, http.host, http.threads) == (3, "b.example", 5)


@pytest.mark.parametrize("text", ["true", "TRUE", "1", "yes", "on"])
def test_true_has_several_spellings_in_the_environment(tmp_path: Path, text: str) -> None:
    file = write(tmp_path, "[auth]\nquery_token = false\n")
    assert load_settings(file, {}, {"SAMBUNG_AUTH__QUERY_TOKEN": text}).auth.query_token is True


def test_an_empty_list_in_the_environment_empties_the_list(tmp_path: Path) -> None:
    file = write(tmp_path, "[http]\ncors_origins = ['http://a']\n")
    assert load_settings(file, {}, {"SAMBUNG_HTTP__CORS_ORIGINS": ""}).http.cors_origins == ()


def test_whole_numbers_are_fine_for_seconds_and_become_floats(tmp_path: Path) -> None:
    delay = load_settings(write(tmp_path, "[retry]\ndelay_s = 2\n"), {}, {}).retry.delay_s
    assert (delay, type(delay)) == (2.0, float)
