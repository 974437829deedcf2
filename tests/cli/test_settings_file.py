"""conf/sambung.toml: it says what the knobs' metadata say, and nothing is missing."""

import re
import tomllib
from dataclasses import asdict, fields

from cli.settings import DEFAULT_FILE, load_settings
from cli.settings_file import template, toml_value
from cli.settings_json import read_settings, write_settings
from core.config import SECTIONS, Settings


def test_the_committed_file_is_the_one_that_the_metadata_make() -> None:
    text = DEFAULT_FILE.read_text("utf-8")
    assert text == template(), "run: python3 run.py config template > conf/sambung.toml"


def test_uncommented_it_holds_every_knob_with_its_default() -> None:
    active = re.sub(r"^#(?=\w+ = )", "", template(), flags=re.MULTILINE)
    found, defaults = tomllib.loads(active), asdict(Settings())
    for section in defaults.values():
        section.update({name: list(value) for name, value in section.items() if isinstance(value, tuple)})
    assert found == defaults


def test_every_knob_has_its_meaning_and_its_variable_beside_it() -> None:
    text = template()
    for section, kind in SECTIONS.items():
        for spec in fields(kind):
            assert f"# {spec.metadata['meaning']} (" in text
            assert f"SAMBUNG_{section}__{spec.name}".upper() in text


def test_strings_are_quoted_so_that_toml_reads_them_back() -> None:
    for value in ('a "quoted" \\ one', "", "ü", True, 1, 1.5, ("a", "b"), ()):
        read = tomllib.loads(f"x = {toml_value(value)}")["x"]
        assert read == (list(value) if isinstance(value, tuple) else value)


def test_settings_survive_the_way_to_the_children(tmp_path) -> None:
    environ = {"SAMBUNG_HTTP__CORS_ORIGINS": "http://a,http://b", "SAMBUNG_RETRY__DELAY_S": "1.5"}
    settings = load_settings(None, {"http": {"port": 0}}, environ)
    write_settings(tmp_path / "settings.json", settings)
    assert read_settings(tmp_path / "settings.json") == settings
    assert (tmp_path / "settings.json").stat().st_mode & 0o777 == 0o600
