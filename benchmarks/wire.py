"""What the authenticated wire costs: an ask round trip on it, against stock Thespian in the same run.

Two worker processes, one system each; they take turns of a few hundred asks, so that both see the same machine.
"""

import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from thespian.actors import Actor

from benchmarks.report import Row, Rule, Target, p50_ms, p99_ms, result
from core.failures import Failure, FailureKind

REPOSITORY = Path(__file__).parent.parent
TURNS = 12
ASKS_PER_TURN = 200
LARGEST_RATIO = Target(Rule.AT_MOST, 1.6)

MESSAGE = Failure(FailureKind.TIMEOUT, "no answer within the deadline", retry_after_s=30.0)


class Echo(Actor):
    def receiveMessage(self, message: Any, sender: Any) -> None:
        if isinstance(message, Failure):
            self.send(sender, message)


def run(turns: int = TURNS, asks_per_turn: int = ASKS_PER_TURN) -> dict[str, Any]:
    """p50 and p99 of both."""
    with (
        tempfile.TemporaryDirectory() as folder,
        worker("stock", folder) as stock,
        worker("wire", folder) as wire,
    ):
        workers = {"stock": stock, "wire": wire}
        taken: dict[str, list[float]] = {name: [] for name in workers}
        for each in workers.values():
            take_turn(each, asks_per_turn)  # warm-up
        for _ in range(turns):
            for name, each in workers.items():
                taken[name] += take_turn(each, asks_per_turn)
    return shown(taken)


def shown(taken: dict[str, list[float]]) -> dict[str, Any]:
    """`taken`: seconds of each round trip, by worker."""
    wire, stock = taken["wire"], taken["stock"]
    rows = [
        Row(
            "ask on the authenticated wire, p50, against stock",
            p50_ms(wire),
            "ms",
            p50_ms(stock),
            LARGEST_RATIO,
        ),
        Row("ask on the authenticated wire, p99", p99_ms(wire), "ms", p99_ms(stock)),
    ]
    return result(rows, asks=len(wire))


@contextmanager
def worker(name: str, folder: str) -> Iterator["subprocess.Popen[str]"]:
    """A process with a system of that name, "stock" or "wire"; it ends with the block."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(REPOSITORY),
        "THESPIAN_BASE_IPADDR": "127.0.0.1",
        "THESPLOG_FILE": str(Path(folder) / "stock.log"),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.wire", name, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        cwd=REPOSITORY,
        text=True,
    )
    assert process.stdout is not None
    try:
        if process.stdout.readline() != "ready\n":
            raise RuntimeError(f"the {name} worker did not start")
        yield process
    finally:
        end(process)


def take_turn(worker: "subprocess.Popen[str]", asks: int) -> list[float]:
    assert worker.stdin is not None and worker.stdout is not None
    worker.stdin.write(f"{asks}\n")
    worker.stdin.flush()
    times_s: list[float] = json.loads(worker.stdout.readline())
    return times_s


def end(worker: "subprocess.Popen[str]") -> None:
    """Let the worker stop its system; it ends by itself when its input does."""
    assert worker.stdin is not None and worker.stdout is not None
    worker.stdin.close()
    try:
        worker.wait(30)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.wait()
    worker.stdout.close()


def serve(ask: Callable[[], Any]) -> None:
    """In the worker: answer each line (a number of asks) with a list of seconds."""
    print("ready", flush=True)
    for line in sys.stdin:
        times_s = []
        for _ in range(int(line)):
            started_s = time.perf_counter()
            answer = ask()
            times_s.append(time.perf_counter() - started_s)
            if answer != MESSAGE:
                raise RuntimeError(f"the actor answered {answer!r}")
        print(json.dumps(times_s), flush=True)


def wire_worker(folder: Path) -> None:
    from actors.system import SystemOptions, start_system

    handle = start_system(SystemOptions(secrets.token_bytes(32), folder))
    root = handle.create_root(Echo)
    mailbox = handle.mailbox()

    def ask() -> object:
        mailbox.tell(root, MESSAGE)
        return mailbox.listen(30.0)

    try:
        serve(ask)
    finally:
        mailbox.close()
        handle.stop()


def stock_worker() -> None:
    from thespian.actors import ActorSystem
    from thespian.system.transport.IPBase import IPActorAddress

    # Stock Thespian listens on every address and unpickles what anybody sends: not on this machine.
    IPActorAddress.bindArgs = property(lambda self: (("127.0.0.1", self.bindname[1]),))  # type: ignore[assignment]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    system = ActorSystem("multiprocTCPBase", {"Admin Port": port})
    try:
        echo = system.createActor(Echo)
        serve(lambda: system.ask(echo, MESSAGE, 30))
    finally:
        system.shutdown()


def main(arguments: list[str]) -> None:
    match arguments:
        case ["stock", _]:
            stock_worker()
        case ["wire", folder]:
            wire_worker(Path(folder))
        case _:
            raise SystemExit("a worker of benchmarks.wire is called with its name and a folder")


if __name__ == "__main__":
    main(sys.argv[1:])
