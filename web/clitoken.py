"""`DATA/cli-token`: what the CLI and the monitor on this machine use; new at each start, 0600."""

import os
import secrets
from pathlib import Path

from store.tokens import digest_of

PREFIX = "sbg_cli_"


def renew(path: Path) -> str:
    """Write a fresh token to the file (whole or not at all) and return its digest; raises OSError."""
    value = PREFIX + secrets.token_urlsafe(32)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(value + "\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return digest_of(value)
