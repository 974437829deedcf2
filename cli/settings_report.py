"""The settings for reading: one row per knob."""

from dataclasses import fields

from cli.failure import CommandFailed
from cli.request import Request
from cli.settings import WrongSettings, load_settings
from cli.settings_file import toml_value
from core.config import SECTIONS, Settings, allowed_text


def load_or_fail(request: Request) -> Settings:
    """The settings that hold; CommandFailed naming everything that is wrong."""
    try:
        return load_settings(request.config, request.options)
    except WrongSettings as error:
        raise CommandFailed("\n  ".join(["the settings cannot be used:", *error.lines])) from None


def rows(settings: Settings) -> list[tuple[str, str, str, str, str]]:
    """Mark, knob, value, what is allowed, meaning."""
    defaults = Settings()
    found = []
    for section, kind in SECTIONS.items():
        for spec in fields(kind):
            value = getattr(getattr(settings, section), spec.name)
            changed = value != getattr(getattr(defaults, section), spec.name)
            name, allowed = f"{section}.{spec.name}", allowed_text(section, spec.name)
            found.append(("*" if changed else "", name, toml_value(value), allowed, spec.metadata["meaning"]))
    return found
