"""A store that was set aside: `start` says so at once, and nothing is answered as if it were empty."""

import time
from pathlib import Path

import pytest

from cli.client import Client
from cli.folder import read_listening
from cli.readiness import Readiness
from tests.cli.commands import Operator
from tests.cli.running import eventually

pytestmark = pytest.mark.timeout(300)


def client(operator: Operator) -> Client:
    listening = read_listening(operator.place)
    assert listening is not None
    return Client(listening.url, (operator.data / "admin-token").read_text().strip())


def test_a_damaged_journal_is_named_by_start_by_readiness_and_by_the_api(tmp_path: Path) -> None:
    operator = Operator(tmp_path / "data")
    operator.ok("start", "--port", "0")
    try:
        assert client(operator).answer("GET", "/api/v1/events")[0] == 200
        operator.ok("stop")
        journal = operator.data / "journal.db"
        journal.write_bytes(b"x" * 5000)
        began_s = time.monotonic()
        done = operator.run("start")
        assert (done.code, time.monotonic() - began_s < 60) == (1, True)
        for named in (journal, f"{journal}.corrupt", operator.data / "corrupt", "ready once this is decided"):
            assert str(named) in done.err
        status, answer = client(operator).answer("GET", "/health/ready")
        assert status == 503
        assert [one["check"] for one in answer["details"]] == ["journal"]
        assert answer["details"][0]["message"].startswith("the journal cannot be used: journal.db")
        assert str(operator.data) not in str(answer), "this is for anybody"
        for path in ("/api/v1/events", "/api/v1/events?after=ZTox"):
            status, answer = client(operator).answer("GET", path)
            assert (status, answer["code"]) == (503, "storage_failed")
        (operator.data / "journal.db.corrupt").unlink()
        eventually(lambda: Readiness(operator.place, 0.0).why_not() is None, "it is ready again")
        status, answer = client(operator).answer("GET", "/api/v1/events")
        assert (status, answer["page"]["total"]) == (200, 0)
        log = (operator.data / "logs" / "sambung.log").read_text()
        assert "The journal is in place of a damaged one" in log
    finally:
        operator.clean_up()
