"""The transport against the Autobahn test suite's fuzzing server: groups 1 to 7 and 10, every case.

Not collected by itself: `run.py test --autobahn` installs the suite and names this file.
"""

import json
import os
import select
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from actors.transport import Closed, Lost, Received, Transport
from core.config import TransportSettings
from core.protocol import Endpoint

AGENT = "sambung"
GROUPS = ("1", "2", "3", "4", "5", "6", "7", "10")
CASE_COUNT = 247
CASE_LIMIT_S = 60.0
# The server's words for what is as it should be. NON-STRICT is not among them.
RIGHT = ("OK", "INFORMATIONAL")
START = "import site, sys; site.addsitedir(sys.argv.pop(1)); from autobahntestsuite.wstest import run; run()"


@dataclass(frozen=True)
class Verdict:
    """What the suite says of one case: the behaviour, and how it was closed."""

    behaviour: str
    closing: str


@dataclass
class Suite:
    """A running fuzzing server."""

    url: str
    reports: Path

    def path(self, name: str) -> Endpoint:
        return Endpoint(f"{self.url}/{name}", ping_interval_s=None)


def echo(endpoint: Endpoint) -> list[bytes | str]:
    """Connect, send every message back, until the server is done; what it sent."""
    transport = Transport(TransportSettings())
    transport.dial(endpoint, 1)
    heard: list[bytes | str] = []
    end_s = time.monotonic() + CASE_LIMIT_S
    try:
        while time.monotonic() < end_s:
            if not transport.pending():
                deadline_s = transport.deadline_s() or end_s
                wait_s = min(deadline_s, end_s) - time.monotonic()
                select.select(transport.fds(), [], [], max(0.0, wait_s))
            for event in transport.poll():
                if isinstance(event, Received):
                    heard.append(event.data)
                    text = isinstance(event.data, str)
                    transport.send(event.data.encode() if isinstance(event.data, str) else event.data, text)
                elif isinstance(event, Lost | Closed):
                    return heard
    finally:
        transport.abort()
    raise AssertionError(f"{endpoint.url}: not over after {CASE_LIMIT_S} s")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    folder, port = tmp_path_factory.mktemp("autobahn"), free_port()
    url = f"ws://127.0.0.1:{port}"
    spec = {
        "url": url,
        "webport": 0,
        "outdir": str(folder / "reports"),
        "cases": [f"{group}.*" for group in GROUPS],
        "exclude-cases": [],
        "exclude-agent-cases": {},
    }
    (folder / "spec.json").write_text(json.dumps(spec))
    command = [os.environ["SAMBUNG_AUTOBAHN_PYTHON"], "-c", START, os.environ["SAMBUNG_AUTOBAHN_FOLDER"]]
    arguments = ["-m", "fuzzingserver", "-s", "spec.json"]
    with (folder / "server.txt").open("wb") as log:
        server = subprocess.Popen([*command, *arguments], cwd=folder, stdout=log, stderr=log)
        try:
            wait_for(port, server, folder / "server.txt")
            yield Suite(url, folder / "reports")
        finally:
            server.terminate()
            server.wait(20)


def wait_for(port: int, server: "subprocess.Popen[bytes]", log: Path) -> None:
    end_s = time.monotonic() + 60
    while time.monotonic() < end_s and server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        select.select([], [], [], 0.05)
    raise AssertionError(f"the fuzzing server did not start:\n{log.read_text('utf-8', 'replace')}")


@pytest.fixture(scope="session")
def verdicts(suite: Suite) -> dict[str, Verdict]:
    """All cases, run once; case number → what the suite says of it."""
    count = int(echo(suite.path("getCaseCount"))[0])
    for number in range(1, count + 1):
        echo(suite.path(f"runCase?case={number}&agent={AGENT}"))
    echo(suite.path(f"updateReports?agent={AGENT}"))
    found = json.loads((suite.reports / "index.json").read_text())[AGENT]
    return {case: Verdict(each["behavior"], each["behaviorClose"]) for case, each in found.items()}


def test_every_case_of_the_groups_ran(verdicts: dict[str, Verdict]) -> None:
    print(f"\n{len(verdicts)} cases, behaviour {dict(Counter(each.behaviour for each in verdicts.values()))}")
    print(f"closing {dict(Counter(each.closing for each in verdicts.values()))}")
    assert len(verdicts) == CASE_COUNT
    assert {case.partition(".")[0] for case in verdicts} == set(GROUPS)


def test_no_case_failed(verdicts: dict[str, Verdict]) -> None:
    assert {case: each.behaviour for case, each in verdicts.items() if each.behaviour not in RIGHT} == {}


def test_no_case_closed_wrongly(verdicts: dict[str, Verdict]) -> None:
    assert {case: each.closing for case, each in verdicts.items() if each.closing not in RIGHT} == {}
