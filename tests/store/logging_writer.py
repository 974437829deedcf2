"""A process that logs numbered lines: `logging_writer.py FOLDER NAME COUNT`."""

import sys
from pathlib import Path

from core.config import LogSettings
from store import logs

if __name__ == "__main__":
    logs.setup_logging(Path(sys.argv[1]), LogSettings())
    for number in range(int(sys.argv[3])):
        logs.log_event("test.line", f"{sys.argv[2]}-{number} {'é' * 100}", "INFO", sys.argv[2], number=number)
