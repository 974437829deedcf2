"""The settings of a server: file, environment and options, checked and turned into `core.config.Settings`.

Precedence: command line > environment (SAMBUNG_SECTION__KEY) > file (`--config`, else conf/sambung.toml beside
run.py) > defaults. What is allowed stands in `core.config`; every problem is reported, all of them at once.
"""

import os
import tomllib
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    create_model,
)
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from cli.settings_checks import cross_checks
from cli.settings_origin import PREFIX, Origins, Problem, explained, foreign_variables, shown_path, variable
from core.config import SECTIONS, Settings, problem
from core.knobs import shown

HOME = Path(__file__).resolve().parent.parent
DEFAULT_FILE = HOME / "conf" / "sambung.toml"
Options = Mapping[str, Mapping[str, Any]]


class WrongSettings(ValueError):
    """Settings that cannot be used; `problems`: pairs of place (file and line or variable, knob) and text."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        self.lines = [f"{place}: {text}" for place, text in problems]
        super().__init__("\n".join(self.lines))


class EnvText(str):
    """A value from the environment: text that still has to become the knob's type."""


def load_settings(
    file: Path | None = None, options: Options | None = None, environ: Mapping[str, str] | None = None
) -> Settings:
    """The settings that hold, from `file` (None: the default file, if there is one), environment and options.

    `options`: section → key → value, as given on the command line. Raises WrongSettings.
    """
    text, name = read_file(file)
    variables = {k.upper(): v for k, v in (os.environ if environ is None else environ).items()}
    origins = Origins(name, text, variables, options or {})
    problems = foreign_variables(variables)
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise WrongSettings([(name, f"not TOML: {error}"), *problems]) from None
    problems += scalars(tables, origins)
    try:
        values = merged(tables, variables, options or {})
    except ValidationError as error:
        problems += [explained(each, origins) for each in error.errors()]
        values = merged(*without(error, tables, variables, options or {}))
    settings = Settings(
        **{name: kind(**getattr(values, name).model_dump()) for name, kind in SECTIONS.items()}
    )
    problems += [(origins.of(section, key), why) for section, key, why in cross_checks(settings)]
    if problems:
        raise WrongSettings(problems)
    return settings


def read_file(file: Path | None) -> tuple[str, str]:
    """Text and shown name of the settings file; an explicit file must exist."""
    path = file or DEFAULT_FILE
    name = shown_path(path)
    if file is None and not path.exists():
        return "", name
    try:
        return path.read_text(encoding="utf-8"), name
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise WrongSettings([(name, f"cannot be read: {reason}")]) from None


def checked_file(file: Path | None) -> str | None:
    """The path of the file that `load_settings` reads; None when it goes without one."""
    path = file or DEFAULT_FILE
    return str(path.absolute()) if file or path.exists() else None


def scalars(tables: dict[str, Any], origins: Origins) -> list[Problem]:
    """Sections of the file that are none; they are taken out."""
    wrong = [name for name, value in tables.items() if name in SECTIONS and not isinstance(value, dict)]
    return [
        (origins.of(name), f"must be a section: [{name}] (got {shown(tables.pop(name))})") for name in wrong
    ]


class Environment(EnvSettingsSource):
    """pydantic-settings' reading of SAMBUNG_SECTION__KEY, from given variables."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        super().__init__(VARIABLES)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {name.lower(): EnvText(value) for name, value in self._variables.items() if "__" in name}


def merged(tables: dict[str, Any], variables: Mapping[str, str], options: Options) -> BaseModel:
    """All sources laid over each other and checked knob by knob; raises pydantic's ValidationError."""
    values = dict(tables)
    for source in (Environment(variables)(), options):
        for section, found in source.items():
            values[section] = {**values.get(section, {}), **found}
    return CHECKED.model_validate(values)


def without(
    error: ValidationError, tables: dict[str, Any], variables: Mapping[str, str], options: Options
) -> tuple[dict[str, Any], Mapping[str, str], Options]:
    """The sources less what the error names, so that the rules between the other knobs are checked too."""
    tables, left = deepcopy(tables), {section: dict(values) for section, values in options.items()}
    for section, *rest in (map(str, each["loc"]) for each in error.errors()):
        for source in (tables, left):
            if rest and isinstance(source.get(section), dict):
                source[section].pop(rest[0], None)
            else:
                source.pop(section, None)
        variables = {
            k: v for k, v in variables.items() if not (rest and k.startswith(variable(section, rest[0])))
        }
    return tables, variables, left


def checked(value: Any, info: ValidationInfo) -> Any:
    """One knob's value in its own type; raises ValueError with the words of `core.config.problem`."""
    section, key = str((info.config or {})["title"]), str(info.field_name)
    kind = next(f.type for f in fields(SECTIONS[section]) if f.name == key)
    ready = typed(kind, value)
    if text := problem(section, key, ready):
        raise ValueError(text)
    return float(ready) if kind is float else ready


def typed(kind: Any, value: Any) -> Any:
    """The value in the knob's type where that loses nothing; else as it was found."""
    if kind == tuple[str, ...]:
        words = value.split(",") if isinstance(value, EnvText) else value
        whole = isinstance(words, list) and all(isinstance(word, str) for word in words)
        return tuple(word.strip() for word in words if word.strip()) if whole else value
    if not isinstance(value, EnvText):
        return value
    try:
        return TypeAdapter(kind).validate_strings(str(value))
    except ValidationError:
        return str(value)


def section_model(name: str) -> type[BaseModel]:
    """The pydantic model of one section, made from the knobs' metadata."""
    knobs: dict[str, Any] = {
        f.name: (Annotated[Any, AfterValidator(checked)], getattr(SECTIONS[name](), f.name))
        for f in fields(SECTIONS[name])
    }
    return create_model(name, __config__=ConfigDict(extra="forbid", title=name), **knobs)


SECTION_FIELDS: dict[str, Any] = {
    name: (model, model()) for name in SECTIONS for model in [section_model(name)]
}


class Prefixed(BaseSettings):
    """How the environment names a knob."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", env_nested_max_split=1)


VARIABLES = create_model("Variables", __base__=Prefixed, **SECTION_FIELDS)
CHECKED: type[BaseModel] = create_model("Checked", __config__=ConfigDict(extra="forbid"), **SECTION_FIELDS)
