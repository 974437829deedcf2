"""How one log record becomes one line: for people, or as JSON."""

import json
import logging
import re
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pythonjsonlogger.json import JsonFormatter

MAX_TEXT_CHARS = 16_384
# Names that a JSON line gives a meaning of its own; a field of that name gets a trailing underscore.
RESERVED = frozenset({"time", "level", "event", "instance_id", "text", "pid", "stack"})

LEVEL_NAMES = {"WARNING": "WARN", "CRITICAL": "ERROR"}
# Control characters would let a peer's text forge lines or steer a terminal.
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def level_name(record: logging.LogRecord) -> str:
    """DEBUG, INFO, WARN or ERROR."""
    return LEVEL_NAMES.get(record.levelname, record.levelname)


def zone(name: str) -> tzinfo | None:
    """The zone of `log.timezone`: None for 'local'. Raises ValueError naming what is allowed."""
    if name == "local":
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"unknown time zone {name!r} (allowed: local, or a name such as Asia/Jakarta)"
        ) from None


def shorten(text: str) -> str:
    """The text, cut when it is longer than a log line should ever be."""
    more = len(text) - MAX_TEXT_CHARS
    return text if more <= 0 else f"{text[:MAX_TEXT_CHARS]}… ({more} more characters)"


def one_line(text: str) -> str:
    """The text with control characters made visible, so that it stays on its line."""
    return CONTROL.sub(_visible, shorten(text))


def _visible(match: re.Match[str]) -> str:
    code = ord(match[0])
    return ESCAPES.get(match[0], f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")


class HumanFormatter(logging.Formatter):
    """`2026-11-23T22:15:04.123+07:00 WARN [XXX] <text>`; a stack follows on lines of its own, marked by `| `."""

    def __init__(self, timezone: tzinfo | None) -> None:
        super().__init__()
        self._zone = timezone

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).astimezone(self._zone)
        instance_id = getattr(record, "instance_id", None)
        who = f"[{instance_id}] " if instance_id else ""
        line = f"{at.isoformat(timespec='milliseconds')} {level_name(record)} {who}{one_line(record.getMessage())}"
        stack = stack_of(self, record)
        return "\n".join([line, *(f"    | {one_line(part)}" for part in stack.splitlines())])


def stack_of(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    """The stack that came with the record, "" when there was none."""
    if record.exc_info:
        return shorten(formatter.formatException(record.exc_info))
    return shorten(record.exc_text or record.stack_info or "")


class JsonLines(JsonFormatter):
    """One JSON object per record, in UTC: time, level, event, instance_id, text, pid, stack, and the extra fields."""

    def __init__(self) -> None:
        super().__init__([], json_ensure_ascii=False, json_default=str)

    def add_fields(
        self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]
    ) -> None:
        extra: dict[str, Any] = {}
        super().add_fields(extra, record, {})
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        log_data["time"] = at.replace("+00:00", "Z")
        log_data["level"] = level_name(record)
        for name in ("event", "instance_id"):
            if value := extra.pop(name, None):
                log_data[name] = value
        log_data["text"] = shorten(record.getMessage())
        log_data["pid"] = record.process
        fields = extra.pop("fields", None)
        for name, value in {**extra, **(fields if isinstance(fields, dict) else {})}.items():
            log_data[f"{name}_" if name in RESERVED else name] = value
        if stack := stack_of(self, record):
            log_data["stack"] = stack

    def jsonify_log_record(self, log_data: dict[str, Any]) -> str:
        try:
            line = super().jsonify_log_record(log_data)
        # A field that has no JSON form (a key that is no string, a cycle) costs its value, not the line.
        except (TypeError, ValueError, RecursionError):
            line = super().jsonify_log_record({name: _plain(value) for name, value in log_data.items()})
        # JSON escapes the lower control characters by itself; some readers take the others for line ends.
        return CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", line)


def _plain(value: Any) -> Any:
    try:
        json.dumps(value)
        return value
    except (TypeError, ValueError, RecursionError):
        return repr(value)[:1000]
