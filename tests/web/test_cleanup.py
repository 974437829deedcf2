"""/api/v1/cleanup, and the sweep's age in /health."""

import time

import pytest

from core import messages as m
from core.records import Scope
from core.sweeps import Caught, Sweep
from tests.web.conftest import World, eventually
from tests.web.fakes import host, refusal

PATH = "/api/v1/cleanup"


def swept(world: World, sweep: Sweep, total: Caught) -> None:
    """Push a host whose last sweep was this one."""
    world.root.host = host(sweep=sweep, swept=total)
    world.put()
    eventually(lambda: world.site.model.fleet is not None and world.site.model.fleet.host.sweep == sweep)


def test_before_the_first_sweep(world: World) -> None:
    data = world.ask("GET", PATH).body["data"]
    assert (data["last"], data["interval_s"]) == (None, 600.0)
    assert set(data["total"].values()) == {0}
    assert world.ask("GET", "/health").body["data"]["cleanup_age_s"] is None


def test_the_last_sweep_and_its_age(world: World) -> None:
    sweep = Sweep(time.time() - 30, 0.25, Caught(1, 2, 3, 4, 5), ("gone", "old"), 2, ("journal: x",))
    swept(world, sweep, Caught(10, 2, 30, 40, 50))
    data = world.ask("GET", PATH).body["data"]
    last = data["last"]
    assert 29 < last.pop("age_s") < 60 and last.pop("at")
    assert last == {
        "duration_s": 0.25,
        "caught": {
            "stale_links": 1,
            "orphaned_sessions": 2,
            "crash_records": 3,
            "crash_files": 4,
            "events": 5,
        },
        "orphaned_sessions": ["gone", "old"],
        "orphan_count": 2,
        "problems": ["journal: x"],
    }
    assert data["total"]["events"] == 50
    assert 29 < world.ask("GET", "/health").body["data"]["cleanup_age_s"] < 60


def test_a_sweep_now_is_202(world: World) -> None:
    assert world.ask("POST", PATH).status == 202
    assert len(world.root.commands(m.RunCleanup)) == 1


def test_a_session_file_is_deleted_by_name(world: World) -> None:
    world.root.hooks[m.DeleteLeftover] = lambda command: m.CommandReply(command.ref, True)
    reply = world.ask("DELETE", f"{PATH}/sessions/gone")
    assert (reply.status, reply.body["data"]) == (200, {"id": "gone", "deleted": True})
    assert [one.instance_id for one in world.root.commands(m.DeleteLeftover)] == ["gone"]


@pytest.mark.parametrize(
    ("code", "status"),
    [("not_found", 404), ("instance_exists", 409), ("busy", 503), ("storage_failed", 503)],
)
def test_what_cannot_be_deleted(world: World, code: str, status: int) -> None:
    world.root.hooks[m.DeleteLeftover] = lambda command: refusal(command, code, "said so")
    reply = world.ask("DELETE", f"{PATH}/sessions/gone")
    assert (reply.status, reply.code) == (status, code)


@pytest.mark.parametrize("name", ["..", "a%2Fb", ".hidden", "x" * 65])
def test_what_is_no_name_never_reaches_the_root(world: World, name: str) -> None:
    assert world.ask("DELETE", f"{PATH}/sessions/{name}").status == 404
    assert not world.root.commands(m.DeleteLeftover)


def test_a_limited_token_sees_nothing_of_it(world: World) -> None:
    token = world.history.add_token(Scope.ADMIN, instances=["a"])
    for method, path in (("GET", PATH), ("POST", PATH), ("DELETE", f"{PATH}/sessions/gone")):
        assert world.ask(method, path, token=token).status == 403
