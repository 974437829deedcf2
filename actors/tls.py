"""TLS settings of outgoing links: system trust, optionally one more CA file, verification always on.

Loading the system's trust anchors takes tens of milliseconds and about a megabyte, so each context is made once per
process; `warm_up` before the fork makes it once for all of them.
"""

import os
import ssl
import threading

from core.failures import Failure, FailureKind

MAX_CONTEXTS = 16
_Key = tuple[str, int, int] | None
_contexts: dict[_Key, ssl.SSLContext] = {}
_lock = threading.Lock()


def warm_up() -> None:
    """Builds the context of links without a CA file of their own. Call it before processes are forked."""
    context_for(None)


def context_for(ca_file: str | None) -> ssl.SSLContext | Failure:
    """The context that trusts the system's anchors and those in `ca_file` (PEM); CONFIG when it cannot be used.

    A file that changed since is read again.
    """
    try:
        key = _key(ca_file)
        with _lock:
            if key not in _contexts:
                context = _build(ca_file)
                while len(_contexts) >= MAX_CONTEXTS:
                    del _contexts[next(iter(_contexts))]
                _contexts[key] = context
            return _contexts[key]
    except (OSError, ValueError) as error:
        why = (
            "not a PEM file with certificates"
            if isinstance(error, ssl.SSLError | ValueError)
            else "unreadable"
        )
        return Failure(FailureKind.CONFIG, f"ca_file: {ca_file!r} is {why}")


def _key(ca_file: str | None) -> _Key:
    if ca_file is None:
        return None
    stat = os.stat(ca_file)
    return (ca_file, stat.st_mtime_ns, stat.st_size)


def _build(ca_file: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    return context
