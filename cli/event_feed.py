"""The journal's stream, taken up again where it broke off."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from cli.client import ApiError, Client
from cli.failure import CommandFailed
from cli.output import say


def follow_events(
    connect: Callable[[], Client], filters: Mapping[str, Any], after: str | None, retry_s: float
) -> Iterator[dict[str, Any]]:
    """Events as they happen; a broken stream goes on behind the last event that was seen.

    `connect` is asked again each time: a restarted server has another token, and may have another port.
    """
    last = after
    while True:
        try:
            for number, data in connect().stream("/api/v1/events", filters, last):
                last = number or last
                yield json.loads(data)
        except ApiError as refusal:
            if refusal.status < 500:
                raise
            say(refusal.message)
        except CommandFailed as failure:
            say(failure.message)
        time.sleep(retry_s)
