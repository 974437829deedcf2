"""Logging of every process: the logger `sambung`, its files, and its rotation.

    sambung.log    for people            every record
    events.jsonl   JSON lines, UTC       records with an `event`
    access.jsonl   JSON lines, UTC       HTTP requests

Nothing here raises into the code that logs, and nothing touches the root logger, which is Thespian's.
"""

import contextlib
import logging
import sys
from pathlib import Path
from typing import Any

from core.config import LogSettings
from store.logfile import AppendHandler, ConsoleHandler
from store.logformat import HumanFormatter, JsonLines, zone
from store.rotation import rotate

__all__ = ["access_logger", "log_event", "logger", "rotate", "setup_logging"]

LEVELS = {"DEBUG": logging.DEBUG, "INFO": logging.INFO, "WARN": logging.WARNING, "ERROR": logging.ERROR}


def logger() -> logging.Logger:
    """The one named logger. A text without an `event` goes to sambung.log only."""
    return logging.getLogger("sambung")


def access_logger() -> logging.Logger:
    """The logger of HTTP requests: `access_logger().info("GET /health", extra={"status": 200, …})`."""
    return logging.getLogger("sambung.access")


def setup_logging(log_dir: Path, settings: LogSettings, console: bool = False) -> None:
    """Open the log files of this process, in place of those of an earlier call or of the process it forked from.

    `console`: human lines on stderr as well. Never raises: a folder that cannot be written costs the lines, not the
    process; an unknown time zone (the settings loader refuses it) becomes the local one.
    """
    with contextlib.suppress(OSError):
        log_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        human = HumanFormatter(zone(settings.timezone))
    except ValueError:
        human = HumanFormatter(None)
    handlers: list[logging.Handler] = [AppendHandler(log_dir / "sambung.log")]
    if console:
        handlers.append(ConsoleHandler(sys.stderr))
    for handler in handlers:
        handler.setFormatter(human)
    events = AppendHandler(log_dir / "events.jsonl")
    events.setFormatter(JsonLines())
    events.addFilter(lambda record: bool(getattr(record, "event", None)))
    access = AppendHandler(log_dir / "access.jsonl")
    access.setFormatter(JsonLines())
    _install(logger(), [*handlers, events], getattr(logging, settings.level))
    _install(access_logger(), [access], logging.INFO)


def log_event(
    event: str, text: str, /, level: str = "INFO", instance_id: str | None = None, **fields: Any
) -> None:
    """One record with a stable name: a line for people, and a JSON line with the fields. Never raises."""
    with contextlib.suppress(Exception):
        extra = {"event": event, "instance_id": instance_id, "fields": fields}
        # Without arguments the text is taken as it is, and logging need not find out what kind of mapping it got.
        logger().log(LEVELS.get(level, logging.INFO), text, extra=extra)


def _install(target: logging.Logger, handlers: list[logging.Handler], level: int) -> None:
    target.propagate = False
    target.setLevel(level)
    for old in target.handlers[:]:
        target.removeHandler(old)
        old.close()
    for handler in handlers:
        target.addHandler(handler)
