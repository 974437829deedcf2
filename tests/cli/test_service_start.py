"""Services that cannot start, and one whose keeper is killed."""

import os
import signal
import socket
from pathlib import Path

import pytest

from cli.folder import keeper_of, tree_is_gone
from tests.cli.commands import Operator, running
from tests.cli.running import eventually

pytestmark = pytest.mark.timeout(300)


def test_a_taken_port_stops_the_start_and_is_named(tmp_path: Path) -> None:
    operator = Operator(tmp_path / "data")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = operator.run("start", "--port", str(port))
    assert (done.code, done.out) == (1, "")
    assert "the server did not start" in done.err
    assert f"Port {port} on 127.0.0.1 is taken by" in done.err
    assert str(os.getpid()) in done.err
    assert keeper_of(operator.place) is None and tree_is_gone(operator.place)


@pytest.mark.parametrize("command", ["start", "serve"])
def test_wrong_settings_stop_the_start_with_all_problems(tmp_path: Path, command: str) -> None:
    (tmp_path / "wrong.toml").write_text("[http]\nthreads = 'thirty'\n[breakr]\n")
    operator = Operator(tmp_path / "data")
    done = operator.run(command, "--config", str(tmp_path / "wrong.toml"), SAMBUNG_LOG__KEEP="0")
    assert (done.code, done.out) == (1, "")
    for text in (
        f"{tmp_path}/wrong.toml:2: http.threads: must be an integer from 3 to 200 (got 'thirty')",
        f"{tmp_path}/wrong.toml:3: breakr: unknown section (did you mean breaker?",
        "environment: SAMBUNG_LOG__KEEP: log.keep: must be an integer from 1 to 1000 (got 0)",
    ):
        assert text in done.err


def test_killing_the_keeper_ends_everything(tmp_path: Path) -> None:
    operator = Operator(tmp_path / "data")
    operator.ok("start", "--port", "0")
    try:
        everything = running(operator)
        everything[0].send(signal.SIGKILL)
        eventually(lambda: not any(process.alive for process in everything), "everything ends", 5)
        eventually(lambda: tree_is_gone(operator.place), "the tree has ended", 5)
    finally:
        operator.clean_up()


def test_the_commands_reach_a_server_that_speaks_tls(tmp_path: Path) -> None:
    issued = pytest.importorskip("trustme").CA().issue_cert("gateway.example")
    issued.private_key_and_cert_chain_pem.write_to_path(tmp_path / "both.pem")
    files = {
        name: str(tmp_path / "both.pem")
        for name in ("SAMBUNG_HTTP__TLS_CERT_FILE", "SAMBUNG_HTTP__TLS_KEY_FILE")
    }
    operator = Operator(tmp_path / "data")
    try:
        operator.ok("start", "--port", "0", **files)
        found = operator.json("status")
        assert found["url"].startswith("https://127.0.0.1:")
        assert found["health"]["server_status"] == "running"
        operator.ok("stop")
    finally:
        operator.clean_up()
