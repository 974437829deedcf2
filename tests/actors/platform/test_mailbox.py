"""Mailboxes: attaching, order, waking, and what becomes of messages that can't be delivered."""

import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from actor_programs import Program, kill, titled, tree, wait_until


def visitor(programs: Callable[..., Program], system: Program, **wanted: object) -> Program:
    """A program that may attach to the system."""
    return programs(**{"key": system.wanted["key"], "port": system.port, **wanted})


def test_a_visitor_reaches_the_root_by_its_name(programs: Callable[..., Program], system: Program) -> None:
    one = visitor(programs, system)
    assert one.do("visit") == {}
    assert one.echo()
    assert one.do("find")["root"].startswith("ActorAddr-")


def test_attaching_never_creates_a_system(programs: Callable[..., Program], system: Program) -> None:
    kill(system.admin)
    wait_until(lambda: not tree(system.admin), "the tree to end")
    answer = visitor(programs, system).do("visit")
    assert answer["error"] == "SystemUnavailable"
    assert f"no actor system listens on 127.0.0.1:{system.port}" in answer["text"]


def test_attaching_to_something_else_is_refused_in_time(
    programs: Callable[..., Program], system: Program
) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        answer = visitor(programs, system, port=silent.getsockname()[1]).do("visit", timeout_s=1.0)
    assert answer["error"] == "SystemUnavailable"
    assert "did not answer within 1 s" in answer["text"]


def test_attaching_with_another_key_is_refused(programs: Callable[..., Program], system: Program) -> None:
    answer = visitor(programs, system, key="00" * 32).do("visit", timeout_s=1.0)
    assert answer["error"] == "SystemUnavailable"
    assert "wire key" in answer["text"]
    assert system.echo()


def test_no_empty_root_is_created_by_a_search(programs: Callable[..., Program]) -> None:
    system = programs()
    answer = system.do("start")
    system.admin, system.port = answer["admin"], answer["port"]
    one = visitor(programs, system)
    assert one.do("visit") == {}
    assert "no actor named sambung.root" in one.do("find")["text"]
    assert not titled(system.admin, "Root")
    assert system.do("root") == {}
    assert one.do("find")["root"].startswith("ActorAddr-")


def test_the_instance_file_leads_to_the_system(
    programs: Callable[..., Program], system: Program, tmp_path: Path
) -> None:
    path = tmp_path / "actors.json"
    system.do("record", path=str(path), build="1.0")
    one = visitor(programs, system, port=0)
    assert one.do("visit", instance_file=str(path), build="1.0") == {}
    assert one.echo()


@pytest.mark.parametrize(
    ("build", "key", "expected"),
    [("2.0", None, "restart the server"), ("1.0", "00" * 32, "another wire key")],
    ids=["another build", "another key"],
)
def test_an_instance_file_of_another_build_or_key_is_refused(
    programs: Callable[..., Program], system: Program, tmp_path: Path, build: str, key: str, expected: str
) -> None:
    path = tmp_path / "actors.json"
    system.do("record", path=str(path), build="1.0")
    one = visitor(programs, system, **({"key": key} if key else {}))
    answer = one.do("visit", instance_file=str(path), build=build)
    assert answer["error"] == "SystemUnavailable"
    assert expected in answer["text"]


def test_an_instance_file_of_a_dead_process_is_refused(
    programs: Callable[..., Program], system: Program, tmp_path: Path
) -> None:
    path = tmp_path / "actors.json"
    system.do("record", path=str(path), build="1.0")
    system.close()
    answer = visitor(programs, system).do("visit", instance_file=str(path), build="1.0")
    assert "not running any more" in answer["text"]


def test_many_messages_arrive_all_and_in_order_while_answers_come_back(system: Program) -> None:
    assert system.do("echo_many", count=3000) == {"wrong": []}


def test_listen_returns_when_another_thread_wakes_it(system: Program) -> None:
    outcome = system.do("woken")
    assert outcome["heard"] is None
    assert outcome["took_s"] < 10


def test_an_early_wake_is_not_lost_in_a_drain(system: Program) -> None:
    assert system.do("wake_drain_listen")["took_s"] < 10


def test_a_message_to_a_dead_root_comes_back_and_the_next_root_is_found(system: Program) -> None:
    assert system.echo()
    kill(titled(system.admin, "Root")[0])
    wait_until(lambda: not titled(system.admin, "Root"), "the root to end")
    answer = system.do("ask", kind="Echo", text="lost")["answers"]
    assert answer == [{"undelivered": "Echo", "reason": "the receiver is gone"}]
    wait_until(lambda: "error" in system.do("find"), "the name to be free")
    system.do("root")
    assert system.echo()


def test_a_message_to_a_stopped_root_comes_back_in_time(system: Program) -> None:
    root = titled(system.admin, "Root")[0]
    os.kill(root, signal.SIGSTOP)
    answer = system.do("ask", kind="Echo", text="late")["answers"]
    assert answer == [{"undelivered": "Echo", "reason": "the receiver did not take it in time"}]
    os.kill(root, signal.SIGCONT)


def test_big_messages_pass_and_too_big_ones_come_back(programs: Callable[..., Program]) -> None:
    system = programs(max_frame_bytes=1 << 20)
    system.start()
    answer = system.do("echo_big", size_bytes=900_000)["answers"][0]
    assert len(answer["Echo"]["text"]) == 900_000
    refused = system.do("echo_big", size_bytes=1 << 20)["answers"][0]
    assert refused["undelivered"] == "Echo"
    assert "1048576 allowed" in refused["reason"]
    assert system.echo()


def test_a_handler_that_raises_runs_once_and_the_actor_goes_on(system: Program) -> None:
    system.do("ask", kind="Fail", answers=0)
    assert system.echo()
    assert (system.log_dir / "failures").read_text().splitlines() == ["failed"]
