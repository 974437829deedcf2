"""The commands against a real server in the background, driven as an operator drives them."""

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.folder import keeper_of, launcher_of, read_json, tree_is_gone
from core.records import no_token
from simulator.client import Listener, Simulator
from tests.cli.commands import Operator, running
from tests.cli.running import eventually

pytestmark = pytest.mark.timeout(300)  # real servers on machines that do other things, too

KNOBS = "[retry]\ndelay_s = 1\nstep_s = 1\nmax_s = 2\n"


@pytest.fixture(scope="module")
def upstream() -> Iterator[Listener]:
    with Simulator.spawn() as simulator:
        yield simulator.listener()


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """A running service; the tests below leave it running."""
    folder = tmp_path_factory.mktemp("service")
    (folder / "sambung.toml").write_text(KNOBS)
    found = Operator(folder / "data")
    done = found.ok("start", "--port", "0", "--config", str(folder / "sambung.toml"))
    assert f"The admin token is in {found.data / 'admin-token'}" in done.err
    assert "in the background: pid" in done.out
    yield found
    found.clean_up()


def config(operator: Operator) -> Path:
    return operator.data.parent / "sambung.toml"


def test_status_shows_address_health_and_processes(operator: Operator) -> None:
    found = operator.json("status")
    launcher = launcher_of(operator.place)
    assert launcher is not None and found["pid"] == launcher.pid
    assert (operator.data / "run" / "sambung.pid").read_text() == f"{launcher.pid}\n"
    assert found["running"] and found["background"] and found["problem"] is None
    assert found["health"]["server_status"] == "running"
    assert found["url"].startswith("http://127.0.0.1:")
    text = operator.ok("status").out
    assert found["url"] in text and "instances connected" in text


@pytest.mark.parametrize("command", [["start"], ["serve"], []], ids=["start", "serve", "no command"])
def test_a_second_server_on_the_same_folder_is_refused(operator: Operator, command: list[str]) -> None:
    before = running(operator)
    done = operator.run(*command, "--port", "0")
    assert (done.code, done.out) == (1, "")
    launcher = launcher_of(operator.place)
    assert launcher is not None
    assert f"a server runs on {operator.data} already (pid {launcher.pid})" in done.err
    assert all(process.alive for process in before)


def test_an_instance_is_made_seen_commanded_and_removed(operator: Operator, upstream: Listener) -> None:
    made = operator.json(
        "instances", "add", "shop1", "--url", upstream.url_of("shop1"), "--set", "retry.delay_s=3"
    )
    assert (made["id"], made["desired"]) == ("shop1", "connected")
    assert made["config"]["overrides"] == {"retry": {"delay_s": 3}}
    eventually(lambda: operator.json("instances", "show", "shop1")["link_state"] == "open", "it is connected")
    shown = operator.ok("instances", "show", "shop1").out
    assert "link_state" in shown and "connection.open" in shown
    assert [one["id"] for one in operator.json("instances", "list")] == ["shop1"]
    assert "shop1" in operator.ok("status").out

    refused = operator.run("instances", "force-retry", "shop1", "-o", "json")
    assert (refused.code, refused.out) == (1, "")
    error = json.loads(refused.err)["error"]
    assert (error["code"], error["message"]) == ("session_exists", "Session already exists")

    pid = operator.json("instances", "show", "shop1")["pid"]
    assert operator.ok("instances", "restart", "shop1").out == "shop1: done\n"
    eventually(
        lambda: operator.json("instances", "show", "shop1")["pid"] not in (pid, None), "another process"
    )

    assert operator.json("instances", "disconnect", "shop1")["desired"] == "disconnected"
    eventually(
        lambda: operator.json("instances", "show", "shop1")["link_state"] == "idle", "it is disconnected"
    )
    assert (
        operator.ok("instances", "reset-breaker", "shop1").out
        == "shop1: Circuit breaker reset successfully\n"
    )
    assert operator.json("instances", "connect", "shop1")["desired"] == "connected"

    assert "shop1" in operator.ok("logs", "shop1", "-n", "500").out
    assert "🔧 Creating new WebSocket socket for instance: shop1" in operator.ok("logs", "-n", "500").out
    assert '"instance_id":"shop1"' in operator.ok("logs", "shop1", "-o", "json").out.replace(": ", ":")

    operator.ok("instances", "remove", "shop1", "--yes")
    gone = operator.run("instances", "show", "shop1")
    assert (gone.code, gone.out) == (1, "")
    assert "Instance shop1 not found" in gone.err


def test_a_wrong_instance_is_explained_by_the_server(operator: Operator) -> None:
    done = operator.run("instances", "add", "bad", "--url", "http://x", "--set", "retry.delay_s=-1")
    assert done.code == 1
    assert "url: must be a WebSocket URL" in done.err
    assert "overrides.retry.delay_s: must be a number from 0 to 3600" in done.err


def test_tokens_of_a_running_server(operator: Operator) -> None:
    made = operator.json(
        "token", "create", "panel", "--scope", "read", "--scope", "operate", "--instance", "shop1"
    )
    assert made["value"].startswith("sbg_")
    listed = operator.json("token", "list")
    [found] = [token for token in listed if token["id"] == made["id"]]
    assert (found["scopes"], found["instances"]) == (["operate", "read"], ["shop1"])
    assert made["value"] not in operator.ok("token", "list").out
    operator.ok("token", "revoke", made["id"])
    assert made["id"] not in [token["id"] for token in operator.json("token", "list")]
    assert operator.run("token", "revoke", made["id"]).code == 1


def test_events_are_one_json_object_per_line(operator: Operator, upstream: Listener) -> None:
    operator.ok("instances", "add", "talker", "--url", upstream.url_of("talker"))
    eventually(
        lambda: operator.json("instances", "show", "talker")["link_state"] == "open", "it is connected"
    )
    upstream.send({"hello": "there"}, instances=["talker"])
    done = eventually(
        lambda: (found := operator.ok("events", "-o", "json", "--instance", "talker")).out and found,
        "the event",
    )
    assert '"instance_id": "talker"' in done.out
    assert "[talker]" in operator.ok("events").out
    operator.ok("instances", "remove", "talker", "-y")


def test_sighup_takes_over_good_settings_and_leaves_wrong_ones(operator: Operator) -> None:
    launcher = launcher_of(operator.place)
    assert launcher is not None
    before = running(operator)
    settings = operator.data / "run" / "settings.json"
    config(operator).write_text(KNOBS + "[failures]\nhigh = 7\n")
    assert launcher.send(signal.SIGHUP)
    eventually(lambda: (read_json(settings) or {})["failures"]["high"] == 7, "the new settings are in force")
    config(operator).write_text(KNOBS + "[failures]\nhigh = 0\n")
    assert launcher.send(signal.SIGHUP)
    line = f"{config(operator)}:6: failures.high: must be an integer from 1 to 10000 (got 0)"
    eventually(lambda: line in operator.ok("logs", "-n", "500").out, "the log names the problem")
    assert (read_json(settings) or {})["failures"]["high"] == 7
    assert all(process.alive for process in before)
    config(operator).write_text(KNOBS)


def test_a_killed_launcher_is_back_within_seconds_with_all_else_new(operator: Operator) -> None:
    keeper, *below = running(operator)
    launcher = launcher_of(operator.place)
    assert launcher is not None and launcher.send(signal.SIGKILL)
    eventually(lambda: not any(process.alive for process in below), "the old processes end")
    eventually(
        lambda: (operator.run("status", "-o", "json").json or {}).get("health"),
        "the server answers again",
        90,
    )
    assert keeper.alive


def test_restart_replaces_every_process(operator: Operator) -> None:
    before = running(operator)
    operator.ok("restart")
    assert not any(process.alive for process in before)
    settings = read_json(operator.data / "run" / "settings.json") or {}
    assert (settings["http"]["port"], settings["retry"]["delay_s"]) == (0, 1.0)  # as at the first start


def test_stop_leaves_nothing_and_the_commands_say_that_nothing_runs(operator: Operator) -> None:
    before = running(operator)
    begun = time.monotonic()
    assert operator.ok("stop").out == "The server has stopped.\n"
    assert time.monotonic() - begun < 12
    assert not any(process.alive for process in before)
    assert tree_is_gone(operator.place)
    for command in (["stop"], ["status"], ["instances", "list"], ["events"]):
        done = operator.run(*command)
        assert (done.code, done.out) == (3, "")
        assert f"no server runs on {operator.data}; start it: python3 run.py start" in done.err


def test_tokens_of_a_stopped_server(operator: Operator) -> None:
    if keeper_of(operator.place):
        operator.ok("stop")
    made = operator.json("token", "create", "rescue", "--scope", "admin")
    assert made["id"] in [token["id"] for token in operator.json("token", "list")]
    assert "rescue" in operator.ok("token", "list").out
    operator.ok("token", "revoke", made["id"])
    assert operator.run("token", "revoke", made["id"]).err == f"sambung: {no_token(made['id'])}\n"
    wrong = operator.run("token", "create", "x", "--scope", "all")
    assert (wrong.code, wrong.err) == (
        2,
        "sambung: --scope must be one of read, operate, send, admin (got 'all')\n",
    )
