"""Starting and stopping actor systems, with real processes."""

import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from actor_programs import Program, kill, listeners, seconds_to_end, titled, tree, wait_until


def everything_in(admin_pid: int) -> list[int]:
    """Pids in the admin's session, zombies too."""
    return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if session(pid) == admin_pid]


def session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None


def freeze(system: Program, root: int) -> None:
    """Block the root's handler."""
    system.do("ask", kind="Freeze", duration_s=60, answers=0)
    system.do("drain")
    wait_until((system.log_dir / f"frozen-{root}").exists, "the root to be frozen")


@pytest.mark.parametrize("start_method", ["fork", "spawn"])
def test_a_system_starts_answers_and_leaves_nothing_behind(
    programs: Callable[..., Program], start_method: str
) -> None:
    program = programs(start_method=start_method)
    program.start()
    assert program.echo()
    assert program.do("ask", kind="Spawn", breed="Child", count=2)["answers"]
    answers = program.do("ask", kind="Forward", text="to all", answers=2)["answers"]
    assert [each["Echo"]["text"] for each in answers] == ["to all", "to all"]
    report = program.do("stop")
    assert (report["terminated"], report["killed"], report["left"]) == (0, 0, [])
    assert not everything_in(program.admin)


def test_stopping_twice_is_harmless(system: Program) -> None:
    system.do("stop")
    assert system.do("stop")["left"] == []


def test_processes_that_answer_nothing_any_more_are_killed_within_the_deadline(system: Program) -> None:
    system.with_children(3)
    os.kill(titled(system.admin, "Child")[0], signal.SIGSTOP)
    report = system.do("stop", deadline_s=4.0)
    assert report["killed"] >= 1
    assert report["took_s"] < 6
    assert not everything_in(system.admin)


def test_sigterm_comes_before_sigkill(system: Program) -> None:
    system.with_children(1)
    actors = titled(system.admin, "Root") + titled(system.admin, "Child")
    os.kill(system.admin, signal.SIGSTOP)
    report = system.do("stop", deadline_s=5.0)
    assert report["terminated"] == 3  # root, child and logger
    assert report["killed"] >= 1  # the stopped admin, and who waits for it
    assert {path.name for path in system.log_dir.glob("exited-*")} == {f"exited-{pid}" for pid in actors}
    assert not everything_in(system.admin)


@pytest.mark.parametrize("start_method", ["fork", "spawn"])
@pytest.mark.parametrize("victim", ["starter", "admin"])
def test_nothing_outlives_the_starter_or_the_admin(
    programs: Callable[..., Program], victim: str, start_method: str
) -> None:
    system = programs(start_method=start_method)
    system.start()
    system.with_children(5)
    killed = system.process.pid if victim == "starter" else system.admin
    assert seconds_to_end(tree(system.admin), lambda: kill(killed)) < 1.0
    assert not tree(system.admin)


def test_children_die_with_their_parent(system: Program) -> None:
    system.with_children(5)
    root, children = titled(system.admin, "Root")[0], titled(system.admin, "Child")
    assert seconds_to_end(children, lambda: kill(root)) < 1.0
    wait_until(
        lambda: system.do("reap") == {} and len(everything_in(system.admin)) == 2, "the orphans to be reaped"
    )


@pytest.mark.parametrize("victim", ["starter", "admin"])
def test_the_same_port_serves_again_at_once(
    programs: Callable[..., Program], system: Program, victim: str
) -> None:
    kill(system.process.pid if victim == "starter" else system.admin)
    wait_until(lambda: not tree(system.admin), "the whole tree to end")
    again = programs(port=system.port)
    again.start()
    assert again.port == system.port
    assert again.echo()


def test_the_starter_learns_that_the_admin_ended_and_can_start_again(system: Program) -> None:
    assert system.do("running") == {"running": True}
    first = system.admin
    kill(first)
    wait_until(lambda: not tree(first), "the whole tree to end")
    assert system.do("running") == {"running": False}
    assert system.do("stop")["left"] == []
    system.start()
    assert system.admin != first
    assert system.echo()


def test_everything_listens_on_the_configured_address_only(programs: Callable[..., Program]) -> None:
    program = programs(bind="127.0.0.9")
    program.start()
    program.with_children(2)
    pids = [program.process.pid, *tree(program.admin)]
    found = listeners(pids)
    assert {host for host, _ in found} == {"127.0.0.9"}
    assert set(found.values()) == set(pids)
    assert ("127.0.0.9", program.port) in found


def test_no_child_keeps_its_parents_listening_socket(system: Program) -> None:
    holders: dict[str, list[int]] = {}
    for pid in tree(system.admin):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            target = os.readlink(descriptor)
            if target.startswith("socket:["):
                holders.setdefault(target, []).append(pid)
    assert not {target: pids for target, pids in holders.items() if len(pids) > 1}


def test_no_child_keeps_the_pipes_to_its_elder_siblings(system: Program) -> None:
    """Two for each: the youngest of 32 would start with 62 descriptors that nobody needs."""
    before = set(tree(system.admin))
    system.with_children(4)
    children = set(tree(system.admin)) - before
    pipes = [
        sum(os.readlink(each).startswith("pipe:[") for each in Path(f"/proc/{pid}/fd").iterdir())
        for pid in children
    ]
    assert len(pipes) == 4 and len(set(pipes)) == 1, pipes


def test_a_taken_port_is_named(programs: Callable[..., Program]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        answer = programs(port=port).do("start")
    assert answer["error"] == "SystemUnavailable"
    assert f"127.0.0.1:{port}" in answer["text"] and "actors.port" in answer["text"]


def test_a_running_thread_forbids_the_start(programs: Callable[..., Program]) -> None:
    answer = programs(thread=True).do("start")
    assert answer["error"] == "RuntimeError"
    assert "Thread-1" in answer["text"]


@pytest.mark.parametrize("bind", ["0.0.0.0", "::1", "localhost", "224.0.0.1"])
def test_an_address_that_cannot_be_bound_and_sent_to_is_refused(
    programs: Callable[..., Program], bind: str
) -> None:
    answer = programs(bind=bind).do("start")
    assert answer["error"] == "ValueError"
    assert "actors.bind" in answer["text"] and bind in answer["text"]


def test_a_root_that_died_can_be_created_again(system: Program) -> None:
    root = titled(system.admin, "Root")[0]
    kill(root)
    wait_until(lambda: system.do("find").get("error") == "SystemUnavailable", "the name to be free")
    system.do("root")
    assert system.echo()
    assert titled(system.admin, "Root") != [root]


def test_a_crash_signal_ends_an_actor_and_leaves_its_stack(system: Program) -> None:
    system.with_children(1)
    child = titled(system.admin, "Child")[0]
    os.kill(child, signal.SIGSEGV)
    wait_until(lambda: child not in tree(system.admin), "the child to end")
    text = (system.log_dir / "crashes" / f"crash-{child}.txt").read_text()
    assert "Segmentation fault" in text and "run" in text


def test_sigabrt_of_a_stuck_actor_shows_where_it_was(system: Program) -> None:
    root = titled(system.admin, "Root")[0]
    freeze(system, root)
    os.kill(root, signal.SIGABRT)
    wait_until(lambda: root not in tree(system.admin), "the root to end")
    assert "receiveMsg_Freeze" in (system.log_dir / "crashes" / f"crash-{root}.txt").read_text()


def test_ctrl_c_disturbs_no_process_of_the_tree(system: Program) -> None:
    before = tree(system.admin)
    for pid in before:
        os.kill(pid, signal.SIGINT)
    assert system.echo()
    assert tree(system.admin) == before


def test_the_death_of_a_child_is_told_once_however_it_died(system: Program) -> None:
    breeds = ["Child", "StillBorn", "KilledAtBirth"]
    for breed in breeds:
        system.do("ask", kind="Spawn", breed=breed, count=1)

    def exits() -> list[int]:
        counts: list[int] = system.do("ask", kind="AskExits")["answers"][0]["Exits"]["counts"]
        return counts

    wait_until(lambda: exits() == [0, 1, 1], "the two failed starts to be told")
    system.do("ask", kind="ExitChildren", answers=0)
    system.do("drain")
    wait_until(lambda: exits()[0] == 1, "the graceful exit to be told")
    # Thespian tells graceful exits twice: give the second notice a round through the same mailbox.
    assert system.echo() and exits() == [1, 1, 1]


def test_children_that_die_together_are_all_told(system: Program) -> None:
    children = system.with_children(8)
    system.do("ask", kind="ExitChildren", answers=0)
    system.do("drain")
    for child in children:
        with suppress(ProcessLookupError):
            kill(child)
    wait_until(
        lambda: system.do("ask", kind="AskExits")["answers"][0]["Exits"]["counts"] == [1] * 8,
        "every exit to be told",
    )
