"""The periodic sweep on a real server: each leftover is planted, caught, counted and logged."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from server import HOME, QUICK, Server, running, wait_for
from sweeps import PATH, last, lines, next_sweep, total
from watching import wait_equal

from core.instances import Desired, InstanceConfig
from core.records import CrashRecord, InstanceRecord, StoredEvent
from simulator.client import Simulator
from store.files import InstanceLock
from store.journal import open_journal
from store.layout import DataDir
from store.registry import Registry, open_registry
from store.session import SessionStore

DAY_S = 86_400.0
OLD_EVENTS = 25_000
CRASH = CrashRecord("toko1", 0.0, 7, "killed by SIGKILL", "open")


def plant_stores(data: DataDir, now: float) -> None:
    """A registry and a journal as a server leaves them that ran for more than a month."""
    engine = open_registry(data.registry_url, now)
    registry = Registry(engine)
    registry.save(InstanceRecord("toko1", InstanceConfig(url="ws://127.0.0.1:9/"), Desired.DISCONNECTED, now))
    for at in (now - 40 * DAY_S, now - 31 * DAY_S, now - 60):
        registry.add_crash(replace(CRASH, at=at))
    registry.add_crash(replace(CRASH, instance_id="removed", at=now))
    engine.dispose()
    journal = open_journal(data.journal_url, now)
    old = [
        StoredEvent(number, "message.received", f'{{"n":{number}}}', 1.0)
        for number in range(1, OLD_EVENTS + 1)
    ]
    journal.append([("toko1", "s1", old)], now - 8 * DAY_S)
    young = [StoredEvent(OLD_EVENTS + 1, "message.received", '{"n":0}', now)]
    journal.append([("toko1", "s1", young)], now)
    journal.close()


def plant_session(data: DataDir, name: str) -> Path:
    path = data.session(name)
    SessionStore.open(path, time.time()).close()
    return path


def ended_pid() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that sweeps every two seconds, on a folder full of leftovers."""
    folder = tmp_path_factory.mktemp("data")
    data = DataDir(folder)
    data.create()
    plant_stores(data, time.time())
    plant_session(data, "ghost")
    with running(folder, cleanup__interval_s="2", **QUICK) as one:
        yield one


def command(server: Server, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(HOME / "run.py"), "cleanup", *arguments, "--data", str(server.data)],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
        env=os.environ | {"SAMBUNG_NO_BOOTSTRAP": "1"},
        stdin=subprocess.DEVNULL,
    )


def test_old_events_are_dropped_in_one_sweep_however_many_they_are(swept: Server) -> None:
    wait_for(lambda: total(swept)["events"] > 0, 60, lambda: str(last(swept)))
    assert total(swept)["events"] == OLD_EVENTS
    page = swept.call("GET", "/api/v1/events?limit=5").body
    assert page["page"]["total"] == 1


def test_old_crash_records_and_those_of_nobody_are_dropped(swept: Server) -> None:
    wait_for(lambda: total(swept)["crash_records"] > 0, 20, lambda: str(last(swept)))
    assert total(swept)["crash_records"] == 3
    assert len(swept.call("GET", "/api/v1/instances/toko1/crashes").data) == 1


def test_crash_files_of_processes_that_ended_are_removed(swept: Server) -> None:
    before = total(swept)["crash_files"]
    folder = DataDir(swept.data).crash
    empty = folder / f"crash-{ended_pid()}.txt"
    empty.write_text("")
    old = folder / f"crash-{ended_pid()}.txt"
    old.write_text("Fatal Python error: Aborted")
    os.utime(old, (time.time() - 31 * DAY_S,) * 2)
    living = folder / f"crash-{swept.pid_of('instance toko1')}.txt"
    wait_for(lambda: not empty.exists() and not old.exists(), 20, lambda: str(list(folder.iterdir())))
    next_sweep(swept)
    assert total(swept)["crash_files"] == before + 2
    assert living.exists()


def test_a_session_file_without_instance_is_kept_and_reported_once(swept: Server) -> None:
    path = DataDir(swept.data).session("ghost")
    assert next_sweep(swept)["orphaned_sessions"] == ["ghost"]
    assert next_sweep(swept)["orphan_count"] == 1
    assert path.exists()
    assert total(swept)["orphaned_sessions"] == 1
    assert [one["instance_id"] for one in lines(swept, "cleanup.orphan")] == ["ghost"]


def test_a_process_that_still_runs_owns_its_file(swept: Server) -> None:
    """The lock tells: here the test holds it."""
    data = DataDir(swept.data)
    plant_session(data, "busy")
    with InstanceLock.acquire(data.lock("busy")):
        assert next_sweep(swept)["orphaned_sessions"] == ["ghost"]
        refused = swept.call("DELETE", f"{PATH}/sessions/busy")
        assert (refused.status, refused.body["code"]) == (503, "busy")
    assert next_sweep(swept)["orphaned_sessions"] == ["busy", "ghost"]
    assert swept.call("DELETE", f"{PATH}/sessions/busy").status == 200
    assert next_sweep(swept)["orphaned_sessions"] == ["ghost"]


def test_the_command_deletes_what_is_left_and_nothing_else(swept: Server) -> None:
    path = DataDir(swept.data).session("ghost")
    shown = command(swept, "show")
    assert "Session files without instance, kept: ghost" in shown.stdout
    assert command(swept, "delete", "ghost").returncode == 2
    assert path.exists()
    configured = command(swept, "delete", "toko1", "--yes")
    assert configured.returncode == 1 and "remove the instance instead" in configured.stderr
    done = command(swept, "delete", "ghost", "--yes")
    assert (done.returncode, done.stdout) == (0, "ghost: deleted\n"), done.stderr
    assert not path.exists() and not path.with_name("ghost.db-wal").exists()
    assert last(swept)["orphaned_sessions"] == []
    again = command(swept, "delete", "ghost", "--yes")
    assert again.returncode == 1 and "no session file" in again.stderr


def test_a_sweep_on_demand(swept: Server) -> None:
    done = command(swept, "run", "-o", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["last"]["problems"] == []


def test_every_sweep_is_logged_with_its_counts_and_its_age_is_in_health(swept: Server) -> None:
    done = lines(swept, "cleanup.done")
    assert sum(one["events"] for one in done) == OLD_EVENTS
    assert sum(one["crash_records"] for one in done) == 3
    assert sum(one["crash_files"] for one in done) == total(swept)["crash_files"]
    assert all(one["text"].startswith("Cleanup: ") and one["level"] == "INFO" for one in done)
    age_s = swept.call("GET", "/health", token=None).data["cleanup_age_s"]
    assert 0 <= age_s < 10


def test_an_instance_that_is_quarantined_leaves_no_file_when_it_is_removed(
    simulator: Simulator, tmp_path: Path
) -> None:
    with running(tmp_path / "data", supervision__max_restarts="0", **QUICK) as server:
        server.add("q", simulator.listener().url_of("q"))
        one = server.wait_open("q")
        server.kill(one["pid"])
        server.wait_instance("q", lambda now: now["link_state"] == "quarantined")
        path = DataDir(server.data).session("q")
        assert path.exists()
        assert server.call("DELETE", "/api/v1/instances/q").status == 200
        wait_equal(path.exists, False)
