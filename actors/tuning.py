"""Thespian's tunables: set in the environment for processes to come, and in the modules already imported here."""

import logging
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from thespian.system import transport, utilis
from thespian.system.admin import convention
from thespian.system.transport import asyncTransportBase as async_transport  # noqa: N813

# 20 queued messages to one stuck child would stall the sender's traffic to everyone.
MAX_PENDING_TRANSMITS = 2000
TRANSMIT_TIMEOUT = timedelta(seconds=10)
CONVENTION_PERIOD = timedelta(seconds=3)
LOG_MAX_BYTES = 1 << 20


def environment(log_file: Path) -> dict[str, str]:
    """Variables that Thespian reads when it is imported. Periods are written as minutes:seconds."""
    return {
        "THESPIAN_MAX_PENDING_TRANSMITS": str(MAX_PENDING_TRANSMITS),
        "THESPIAN_TRANSMIT_TIMEOUT_PERIOD": "0:10",
        "CONVENTION_REREGISTRATION_PERIOD": "0:03",
        "CONVENTION_RESTART_PERIOD": "0:03",
        "THESPLOG_FILE": str(log_file),
        "THESPLOG_FILE_MAXSIZE": str(LOG_MAX_BYTES),
        "THESPLOG_THRESHOLD": "WARNING",
    }


def tunables(log_file: Path) -> list[tuple[Any, str, Any]]:
    """The same values as (module, name, value)."""
    return [
        (async_transport, "MAX_PENDING_TRANSMITS", MAX_PENDING_TRANSMITS),
        (transport, "DEFAULT_MAX_TRANSMIT_PERIOD", TRANSMIT_TIMEOUT),
        (convention, "CONVENTION_REREGISTRATION_PERIOD", CONVENTION_PERIOD),
        (convention, "CONVENTION_RESTART_PERIOD", CONVENTION_PERIOD),
        (utilis, "_thesplog_file", str(log_file)),
        (utilis, "_thesplog_old_file", f"{log_file}.old"),
        (utilis, "_thesplog_control_settings", (logging.WARNING, False, LOG_MAX_BYTES)),
    ]


def tune(log_file: Path) -> None:
    """Apply both. `log_file`: where Thespian writes about itself."""
    os.environ.update(environment(log_file))
    for module, name, value in tunables(log_file):
        setattr(module, name, value)


def logger_definitions(log_file: Path) -> dict[str, Any]:
    """logging.config settings of Thespian's logger process, which gets the warnings of libraries."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
        "handlers": {
            "file": {
                "class": "logging.handlers.WatchedFileHandler",
                "filename": str(log_file),
                "encoding": "utf-8",
                "formatter": "line",
            }
        },
        "root": {"level": "WARNING", "handlers": ["file"]},
    }
