"""Messages about wrong settings: where a value came from, what is wrong with it, what was probably meant."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from core.config import SECTIONS
from core.knobs import shown

PREFIX = "SAMBUNG_"
Problem = tuple[str, str]
"""Place and text."""

SPECIAL = ("SAMBUNG_ADMIN_TOKEN", "SAMBUNG_WIRE_KEY", "SAMBUNG_NO_BOOTSTRAP")
HEADER = re.compile(r"\s*\[\[?\s*([^\[\]]+?)\s*\]")
KEY = re.compile(r"""\s*(["']?)([A-Za-z0-9_.-]+)\1\s*=""")


@dataclass(frozen=True, slots=True)
class Origins:
    """Everything the settings were read from.

    `shown`: the file's name as messages show it; `text`: the file's text; `environ`: SAMBUNG_SECTION__KEY → value;
    `options`: section → key → value of the command line.
    """

    shown: str
    text: str
    environ: Mapping[str, str]
    options: Mapping[str, Mapping[str, Any]]

    def of(self, section: str, key: str | None = None) -> str:
        """The place whose value counts, and the knob: `conf/sambung.toml:4: http.threads`."""
        if key is None:
            return f"{self._line(section, None)}: {section}"
        if key in self.options.get(section, {}):
            return f"--{key}: {section}.{key}"
        if (name := variable(section, key)) in self.environ:
            return f"environment: {name}: {section}.{key}"
        return f"{self._line(section, key)}: {section}.{key}"

    def _line(self, section: str, key: str | None) -> str:
        number = line_of(self.text, section, key)
        return f"{self.shown}:{number}" if number else self.shown


def variable(section: str, key: str) -> str:
    """The environment variable of a knob."""
    return f"{PREFIX}{section}__{key}".upper()


def line_of(text: str, section: str, key: str | None = None) -> int | None:
    """The line (from 1) that sets `section.key` in TOML text, or that opens the section; None when not found."""
    current, opened = "", None
    wanted = section if key is None else f"{section}.{key}"
    for number, line in enumerate(text.splitlines(), start=1):
        if header := HEADER.match(line):
            current = header[1].strip("\"'")
            opened = opened or (number if current == section else None)
        elif found := KEY.match(line):
            name = f"{current}.{found[2]}".lstrip(".")
            if name == wanted:
                return number
            opened = opened or (number if name == section or name.startswith(f"{section}.") else None)
    return opened


def shown_path(path: Path) -> str:
    """A path as messages show it: relative to the working folder when it is inside."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def explained(error: Any, origins: Origins) -> Problem:
    """One pydantic error: where, which knob, what is wrong, what is allowed."""
    section, *rest = [str(part) for part in error["loc"]]
    place, value = origins.of(section, *rest), error["input"]
    # A section is found by its name and its line; its values are its knobs' matter.
    got = "" if isinstance(value, dict) and not rest else f"got {shown(value)}"
    if error["type"] == "extra_forbidden" and not rest and (owners := sections_with(section)):
        where = " or ".join(f"[{owner}]" for owner in owners)
        return place, f"must stand in its section: {where}{got and f' ({got})'}"
    if error["type"] == "extra_forbidden":
        known = [f.name for f in fields(SECTIONS[section])] if rest else list(SECTIONS)
        what = "unknown knob" if rest else "unknown section"
        return place, what + nearest((rest or [section])[0], known, got)
    return place, error["msg"].removeprefix("Value error, ")


def sections_with(key: str) -> list[str]:
    """The sections that have a knob of this name."""
    return [name for name, kind in SECTIONS.items() if key in {f.name for f in fields(kind)}]


def nearest(name: str, known: list[str], got: str = "") -> str:
    """` (got …; did you mean …? allowed: …)`."""
    close = get_close_matches(name.lower(), known, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    return f" ({got and f'{got}; '}{hint}allowed: {', '.join(known)})"


def foreign_variables(variables: Mapping[str, str]) -> list[Problem]:
    """Variables that look like a setting and are none.

    Names without a section are left alone: container platforms set SAMBUNG_PORT and the like by themselves.
    """
    found = []
    for name in sorted(variables):
        section, double, _ = name.removeprefix(PREFIX).lower().partition("__")
        if not name.startswith(PREFIX) or name in SPECIAL or (double and section in SECTIONS):
            continue
        head = section.split("_")[0]
        place = f"environment: {name}"
        if double:
            found.append((place, f"unknown section {section}{nearest(section, list(SECTIONS))}"))
        elif head in SECTIONS:
            rest = section[len(head) + 1 :] or "key"
            found.append((place, f"not a setting (did you mean {PREFIX}{head.upper()}__{rest.upper()}?)"))
    return found
