"""One request to the control API, synchronously."""

import json
import urllib.error
import urllib.request
from typing import Any

REQUEST_S = 30.0
# Never through a proxy of the environment: the control API is on this machine.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class SimulatorError(Exception):
    """The simulator refused a request, or is gone. `status`: the HTTP status, None when there was no answer."""

    def __init__(self, text: str, status: int | None = None) -> None:
        super().__init__(text)
        self.status = status


def call(control_url: str, method: str, path: str, body: Any = None) -> Any:
    """The answer's JSON. Raises SimulatorError."""
    request = urllib.request.Request(
        control_url + path, method=method, data=None if body is None else json.dumps(body).encode()
    )
    try:
        with _OPENER.open(request, timeout=REQUEST_S) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            raise SimulatorError(json.load(error)["error"], error.code) from None
    except OSError as error:
        raise SimulatorError(f"{method} {path}: the simulator does not answer: {error}") from error
