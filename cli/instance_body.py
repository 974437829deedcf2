"""From the options of `instances add` to the body of POST /api/v1/instances. The server checks the values."""

import json
from pathlib import Path
from typing import Any

from cli.failure import USAGE, CommandFailed


def body_from_file(path: Path) -> dict[str, Any]:
    """A JSON object from a file; `-` is stdin."""
    import sys

    try:
        value = json.loads(sys.stdin.read() if str(path) == "-" else path.read_text("utf-8"))
    except OSError as error:
        raise CommandFailed(f"{path}: cannot be read: {error.strerror}", USAGE) from None
    except ValueError as error:
        raise CommandFailed(f"{path}: not JSON: {error}", USAGE) from None
    if not isinstance(value, dict):
        raise CommandFailed(f"{path}: must hold a JSON object", USAGE)
    return value


def headers(lines: list[str]) -> dict[str, str]:
    """`Name: value` lines as an object."""
    found = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise CommandFailed(f"--header must be 'Name: value' (got {line!r})", USAGE)
        found[name.strip()] = value.strip()
    return found


def messages(texts: list[str], payload: str) -> list[Any]:
    """Hello messages: JSON values for the payloads json and msgpack, plain text else."""
    if payload not in ("json", "msgpack"):
        return list(texts)
    found = []
    for text in texts:
        try:
            found.append(json.loads(text))
        except ValueError as error:
            raise CommandFailed(
                f"--hello must be JSON for the payload {payload}: {error} (got {text!r})", USAGE
            ) from None
    return found


def overrides(pairs: list[str]) -> dict[str, dict[str, Any]]:
    """`section.knob=value` pairs as sections; values are TOML-like: numbers, true, false."""
    found: dict[str, dict[str, Any]] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        section, dot, key = name.strip().partition(".")
        if not (equals and dot and section and key):
            raise CommandFailed(
                f"--set must be section.knob=value, such as retry.delay_s=5 (got {pair!r})", USAGE
            )
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        found.setdefault(section, {})[key] = value
    return found
