"""Lanes: commands to what hangs hold few workers, and commands to what answers are not refused."""

import contextlib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from core import messages as m
from tests.web.conftest import DEADLINE_S, World, eventually
from tests.web.fakes import done, snapshot
from web.errors import ApiError
from web.lanes import EACH, WAIT_S, Lanes, command_lanes
from web.server import reload_logged


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@contextlib.contextmanager
def held(lanes: Lanes, *names: str) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        for name in names:
            stack.enter_context(lanes.under_way(name))
        yield


def refused(lanes: Lanes, name: str) -> ApiError:
    with pytest.raises(ApiError) as caught, lanes.under_way(name):
        pass
    return caught.value


def test_a_lane_that_does_not_move_refuses_at_once_and_the_others_go_on(clock: Clock) -> None:
    lanes = Lanes(6, 2, DEADLINE_S, clock)
    with held(lanes, "a", "a"):
        clock.now_s += DEADLINE_S
        error = refused(lanes, "a")
        assert (error.code, error.status) == ("busy", 503)
        assert "instance a" in error.message
        assert int(error.headers["Retry-After"]) > 0
        with held(lanes, "b", "b", "c", "c"):
            assert lanes.used == 6
    assert lanes.used == 0


def test_in_all_no_more_than_the_total_are_under_way(clock: Clock) -> None:
    lanes = Lanes(3, 2, DEADLINE_S, clock)
    with held(lanes, "a", "b", "c"):
        clock.now_s += DEADLINE_S
        assert refused(lanes, "d").code == "busy"


def test_who_finds_the_lane_full_gets_the_next_place_in_the_order_of_coming() -> None:
    lanes, served = Lanes(2, 1, DEADLINE_S), list[int]()

    def come(number: int) -> None:
        with lanes.under_way("a"):
            served.append(number)

    with ThreadPoolExecutor(8) as pool, held(lanes, "a"):
        for number in range(8):
            pool.submit(come, number)
            eventually(lambda number=number: len(lanes._queue) == number + 1)
        assert served == []
    assert served == list(range(8))
    assert lanes.used == 0


def test_waiting_for_a_place_has_an_end() -> None:
    lanes = Lanes(2, 1, 0.05)
    with held(lanes, "a"):
        assert refused(lanes, "a").code == "busy"


@pytest.mark.parametrize("answered", [True, False], ids=["answer", "timeout"])
def test_only_an_answer_tells_that_the_lane_moves(clock: Clock, answered: bool) -> None:
    lanes = Lanes(6, 2, 0.05, clock)
    with held(lanes, "a"):
        with contextlib.suppress(TimeoutError), lanes.under_way("a"):
            clock.now_s += 1.0
            if not answered:
                raise TimeoutError
        assert (lanes._lanes["a"].moved_s == clock.now_s) is answered


@pytest.mark.parametrize(
    ("threads", "streams", "total"), [(12, 4, 6), (200, 66, 132), (6, 2, 2), (4, 1, 1), (3, 1, 1)]
)
def test_workers_are_left_for_what_asks_no_actor(threads: int, streams: int, total: int) -> None:
    lanes = command_lanes(threads, streams)
    names = [f"i{number}" for number in range(total)]
    lanes._wait_s = 0.0
    with held(lanes, *names):
        assert refused(lanes, "one more").code == "busy"
    assert threads - streams - total >= 1


def test_no_instance_gets_all_places() -> None:
    lanes = command_lanes(12, 4)
    lanes._wait_s = 0.0
    with held(lanes, *["a"] * EACH):
        assert refused(lanes, "a").code == "busy"


# ── over the pipeline ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_crowd_at_an_instance_that_answers_is_served(world: World) -> None:
    world.put(snapshot("a"))

    def slow(command: m.SubmitMessage) -> m.CommandReply:
        time.sleep(0.002)
        return done(command)

    world.root.hooks[m.SubmitMessage] = slow
    with ThreadPoolExecutor(12) as pool:
        sent = [
            pool.submit(world.ask, "POST", "/api/v1/instances/a/messages", {"content": n}) for n in range(120)
        ]
        assert {one.result(DEADLINE_S).status for one in sent} == {202}


def test_a_crowd_at_an_instance_that_hangs_is_refused_but_for_a_few(world: World) -> None:
    world.put(snapshot("a"), snapshot("b"))
    held_back: list[m.SubmitMessage] = []
    answers = threading.Event()

    def hang(command: m.SubmitMessage) -> m.CommandReply | None:
        if command.instance_id != "a" or answers.is_set():
            return done(command)
        held_back.append(command)
        return None

    world.root.hooks[m.SubmitMessage] = hang
    path = "/api/v1/instances/{}/messages"
    with ThreadPoolExecutor(24) as pool:
        sent = [pool.submit(world.ask, "POST", path.format("a"), {"content": n}) for n in range(24)]
        eventually(lambda: sum(one.done() for one in sent) == 24 - EACH)
        replies = [one.result() for one in sent if one.done()]
        assert {(one.status, one.code) for one in replies} == {(503, "busy")}
        assert all(int(one.headers["Retry-After"]) > 0 for one in replies)
        assert world.ask("POST", path.format("b"), {"content": 1}).status == 202
        started_s = time.monotonic()
        assert world.ask("POST", path.format("a"), {"content": 1}).code == "busy"
        assert time.monotonic() - started_s < WAIT_S
        for command in held_back:
            world.root.box.put(done(command))
    answers.set()
    assert world.ask("POST", path.format("a"), {"content": 1}).status == 202


def test_a_reload_by_signal_waits_for_no_place(world: World) -> None:
    world.site.commands._wait_s = 0.0
    with held(world.site.commands, "a", "a", "b", "b", "c", "c"):
        assert world.ask("POST", "/api/v1/reload").code == "busy"
        reload_logged(world.site)
    assert len(world.root.commands(m.ReloadSettings)) == 1
