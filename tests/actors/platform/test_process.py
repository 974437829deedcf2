"""What each process does first, shown with real child processes."""

import os
import select
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from actor_programs import wait_until

from actors import process
from actors.limits import LimitTooLow, needed_files, raise_file_limit

REPOSITORY = Path(__file__).parents[3]


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_pipes_to_children_are_known_until_the_child_is_let_go() -> None:
    """A younger child closes them: multiprocessing would leave it two of each elder sibling."""
    ended = run(
        """
        import multiprocessing, os, stat, time
        from actors.process import pipes_to_children
        fork = multiprocessing.get_context("fork")
        children = [fork.Process(target=time.sleep, args=(60,), daemon=True) for _ in range(2)]
        for child in children:
            child.start()
        pipes = pipes_to_children()
        assert len(set(pipes)) == 4 and all(stat.S_ISFIFO(os.fstat(each).st_mode) for each in pipes), pipes
        assert {child.sentinel for child in children} < set(pipes)
        for child in children:
            child.kill()
            child.join()
            child.close()
        assert pipes_to_children() == []
        """
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_full_collection_leaves_the_pages_shared_with_the_parent_alone() -> None:
    ended = run(
        """
        import gc, os
        from actors.process import spare_what_is_shared
        many = [[number] for number in range(200_000)]

        def private_kib():
            with open("/proc/self/smaps_rollup") as rollup:
                return next(int(line.split()[1]) for line in rollup if line.startswith("Private_Dirty"))

        for spare in (lambda: None, spare_what_is_shared):
            if os.fork() == 0:
                spare()
                before = private_kib()
                gc.collect()
                print(private_kib() - before, flush=True)
                os._exit(0)
            os.wait()
        """
    )
    plain_kib, spared_kib = map(int, ended.stdout.split())
    assert spared_kib < plain_kib / 10, ended


def alive(pid: int) -> bool:
    return process.start_id(pid) is not None


def test_a_child_dies_with_its_parent() -> None:
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent(
                """
                import os, sys, time
                from actors.process import die_with_parent
                me = os.getpid()
                if os.fork() == 0:
                    die_with_parent(me)
                    print(os.getpid(), flush=True)
                time.sleep(60)
                """
            ),
        ],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait(60)
    parent.stdout.close()
    assert wait_until(lambda: not alive(child), "the child to end") < 1.0


def test_a_parent_that_ended_too_early_is_noticed() -> None:
    ended = run("import os; from actors.process import die_with_parent; die_with_parent(os.getppid() + 1)")
    assert ended.returncode == -signal.SIGKILL


def test_orphans_become_children_of_their_adopter() -> None:
    outcome = run(
        """
        import os, signal
        from actors.process import adopt_orphans
        adopt_orphans()
        reading, writing = os.pipe()
        if os.fork() == 0:
            if os.fork() == 0:
                os.read(reading, 1)
                os._exit(7)
            os._exit(0)
        os.wait()
        os.write(writing, b"x")
        print(os.waitstatus_to_exitcode(os.wait()[1]))
        """
    )
    assert outcome.stdout.strip() == "7", outcome.stderr


@pytest.mark.parametrize("number", process.CRASH_SIGNALS, ids=lambda number: number.name)
@pytest.mark.parametrize("forked", [False, True], ids=["first process", "forked child"])
def test_a_crash_ends_the_process_and_leaves_its_stack(
    tmp_path: Path, number: signal.Signals, forked: bool
) -> None:
    code = """
        import os, sys
        from pathlib import Path
        from actors.process import leave_crashes_to_the_kernel, record_crashes
        def prepare():
            leave_crashes_to_the_kernel()
            record_crashes(Path(sys.argv[1]))
        prepare()
        if sys.argv[3] == "True":
            child = os.fork()
            if child:
                os._exit(-os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
            prepare()
        def the_place_of_the_crash():
            os.kill(os.getpid(), int(sys.argv[2]))
        the_place_of_the_crash()
        """
    ended = run(code, str(tmp_path), str(int(number)), str(forked))
    assert abs(ended.returncode) == number
    texts = [process.crash_text(tmp_path, int(path.stem[6:])) for path in tmp_path.glob("crash-*.txt")]
    assert [text for text in texts if text and "the_place_of_the_crash" in text]


def test_ctrl_c_is_ignored() -> None:
    ended = run(
        """
        import os, signal
        from actors.process import leave_crashes_to_the_kernel
        leave_crashes_to_the_kernel()
        os.kill(os.getpid(), signal.SIGINT)
        print("alive")
        """
    )
    assert (ended.returncode, ended.stdout.strip()) == (0, "alive")


def test_stacks_go_to_stderr_when_the_folder_cannot_be_written(tmp_path: Path) -> None:
    ended = run(
        """
        import os, signal, sys
        from pathlib import Path
        from actors.process import leave_crashes_to_the_kernel, record_crashes
        leave_crashes_to_the_kernel()
        record_crashes(Path(sys.argv[1]))
        os.kill(os.getpid(), signal.SIGABRT)
        """,
        str(tmp_path / "missing"),
    )
    assert ended.returncode == -signal.SIGABRT
    assert "Crash stacks go to stderr" in ended.stderr and "Fatal Python error: Aborted" in ended.stderr


def test_no_crash_leaves_no_text(tmp_path: Path) -> None:
    assert process.crash_text(tmp_path, 1) is None
    process.crash_path(tmp_path, 1).touch()
    assert process.crash_text(tmp_path, 1) is None


def test_crashes_of_an_earlier_run_are_cleared(tmp_path: Path) -> None:
    folder = tmp_path / "run" / "crash"
    process.clear_crashes(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    process.crash_path(folder, 1).write_text("old")
    (folder / "kept").touch()
    process.clear_crashes(folder)
    assert [path.name for path in folder.iterdir()] == ["kept"]


def test_a_process_keeps_its_start_id_and_a_zombie_has_none() -> None:
    assert process.start_id(os.getpid()) == process.start_id(os.getpid())
    child = subprocess.Popen([sys.executable, "-c", ""])
    descriptor = os.pidfd_open(child.pid)
    select.select([descriptor], [], [], 60)
    os.close(descriptor)
    assert process.start_id(child.pid) is None
    child.wait(60)
    assert process.start_id(child.pid) is None


@pytest.mark.parametrize(
    ("max_instances", "group_size", "least"),
    [(1, 32, 256), (200, 32, 400), (5000, 32, 900), (64, 64, 500)],
)
def test_files_are_computed_for_the_busiest_process(max_instances: int, group_size: int, least: int) -> None:
    needed = needed_files(max_instances, group_size, open_now=10)
    assert least < needed < 2500
    assert needed_files(max_instances + 32, group_size, 10) >= needed
    assert needed_files(max_instances, group_size, 20) == needed + 10


def test_the_soft_limit_is_raised_and_a_low_hard_limit_is_named() -> None:
    ended = run(
        """
        import resource
        from actors.limits import LimitTooLow, raise_file_limit
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 1000))
        assert raise_file_limit(1000) == 1000
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (1000, 1000)
        try:
            raise_file_limit(1001)
        except LimitTooLow as problem:
            print(problem)
        """
    )
    assert "needs 1001 open files" in ended.stdout and "hard limit is 1000" in ended.stdout, ended.stderr
    assert "LimitNOFILE=1001" in ended.stdout
    assert issubclass(LimitTooLow, Exception) and callable(raise_file_limit)
