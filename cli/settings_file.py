"""conf/sambung.toml as text, made from the knobs' metadata: `python3 run.py config template`."""

from dataclasses import Field, fields
from typing import Any

from cli.settings_origin import variable
from core.config import OVERRIDABLE, SECTIONS, Settings, allowed_text

INTRO = """\
# Sambung: every knob with its default. Remove the `#` before a knob to change it.
#
# Precedence: command line (--host, --port) > environment > this file > defaults.
# Each knob can be set by an environment variable: SAMBUNG_SECTION__KEY, such as SAMBUNG_HTTP__PORT=8080
# (lists: comma-separated). Check a file with `python3 run.py config check`; take over changes of a running server
# with `kill -HUP $(cat data/run/sambung.pid)` or POST /api/v1/reload. Durations end in _s: seconds.
#
# Made by `python3 run.py config template`.
"""

ABOUT = {
    "http": "the HTTP server (changes need a restart)",
    "auth": "who may call",
    "health": "what can be seen without a token",
    "breaker": "the circuit breaker of each instance",
    "retry": "waits between attempts",
    "gate": "dials of all instances to one upstream together",
    "failures": "warnings",
    "transport": "sockets to upstreams",
    "supervision": "restarts of instance processes",
    "outbox": "messages accepted for sending",
    "events": "the event journal",
    "limits": "how much one server carries",
    "cleanup": "the periodic sweep",
    "monitor": "the health monitor",
    "storage": "the data folder",
    "log": "log files",
    "actors": "the actor system (changes need a restart)",
}


def template() -> str:
    """The whole file."""
    return "\n".join([INTRO, *(section_text(name) for name in SECTIONS)])


def section_text(name: str) -> str:
    """One section: what it is about, its header and its knobs."""
    note = "; each knob can be overridden per instance" if name in OVERRIDABLE else ""
    defaults = getattr(Settings(), name)
    knobs = [knob_text(name, spec, getattr(defaults, spec.name)) for spec in fields(SECTIONS[name])]
    return "\n".join([f"# {ABOUT[name]}{note}", f"[{name}]", *knobs, ""])


def knob_text(section: str, spec: Field[Any], default: Any) -> str:
    """Meaning, what is allowed, and the default as a line that only needs its `#` removed."""
    return (
        f"# {spec.metadata['meaning']} ({allowed_text(section, spec.name)}; {variable(section, spec.name)})\n"
        f"#{spec.name} = {toml_value(default)}"
    )


def toml_value(value: Any) -> str:
    """A default as TOML."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case tuple():
            return "[" + ", ".join(toml_value(item) for item in value) + "]"
        case int() | float():
            return repr(value)
    raise TypeError(f"no TOML form for {value!r}")
