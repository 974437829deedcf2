"""Programs that own or visit actor systems, and a look at their processes."""

import json
import os
import secrets
import select
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[2]
DEADLINE_S = 60.0


class Program:
    """`actor_owner.py` as a child process, driven by commands."""

    def __init__(self, python: str, log_dir: Path, **wanted: Any) -> None:
        self.log_dir = log_dir
        self.wanted = {"key": secrets.token_hex(32), "log_dir": str(log_dir), **wanted}
        self.errors = (log_dir / f"stderr-{secrets.token_hex(4)}.txt").open("w+b")
        path = os.pathsep.join([str(HERE), str(REPOSITORY), os.environ.get("PYTHONPATH", "")])
        self.process = subprocess.Popen(
            [python, str(HERE / "actor_owner.py"), json.dumps(self.wanted)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            env={**os.environ, "PYTHONPATH": path},
            cwd=log_dir,
        )
        self.admin = 0
        self.port = 0

    def do(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Send a command; its answer within DEADLINE_S."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps({"do": command, **arguments}).encode() + b"\n")
        self.process.stdin.flush()
        ready, _, _ = select.select([self.process.stdout], [], [], DEADLINE_S)
        line = self.process.stdout.readline() if ready else b""
        assert line, f"no answer to {command}: {self.stderr()}"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def start(self) -> None:
        """Start the system and its root."""
        answer = self.do("start")
        assert "error" not in answer, answer
        self.admin, self.port = answer["admin"], answer["port"]
        assert self.do("root") == {}

    def echo(self, text: str = "hello") -> bool:
        return self.do("ask", kind="Echo", text=text)["answers"] == [
            {"Echo": {"text": text, "mood": "Mood.CALM"}}
        ]

    def with_children(self, count: int) -> list[int]:
        """Let the root create children; their pids, once they answer."""
        self.do("ask", kind="Spawn", breed="Child", count=count)
        assert len(self.do("ask", kind="Forward", text="born", answers=count)["answers"]) == count
        return titled(self.admin, "Child")

    def stderr(self) -> str:
        self.errors.flush()
        self.errors.seek(0)
        return self.errors.read().decode("utf-8", "replace")

    def close(self) -> None:
        """End the program and, by the kernel's hand, everything below it."""
        with suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait(DEADLINE_S)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with suppress(BrokenPipeError):
                    stream.close()
        if self.admin:
            wait_until(lambda: not tree(self.admin), "the tree to end")
        self.errors.close()


def tree(admin_pid: int) -> list[int]:
    """Pids of the living processes in the admin's session."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):
            state = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[0]
            if os.getsid(int(name)) == admin_pid and state not in "ZX":
                found.append(int(name))
    return sorted(found)


def title(pid: int) -> str:
    """What the process calls itself."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""  # it ended between the listing and the look


def titled(admin_pid: int, text: str) -> list[int]:
    """The processes of the tree that call themselves `sambung: text`."""
    return [pid for pid in tree(admin_pid) if title(pid) == f"sambung: {text}"]


def wait_until(condition: Callable[[], Any], what: str, deadline_s: float = DEADLINE_S) -> float:
    """Wait for something that nothing announces; the seconds it took."""
    started_s = time.monotonic()
    while not condition():
        assert time.monotonic() - started_s < deadline_s, f"waited {deadline_s} s for {what}"
        select.select([], [], [], 0.005)
    return time.monotonic() - started_s


def seconds_to_end(pids: list[int], cause: Callable[[], object]) -> float:
    """How long the processes live on after the cause; fails when one outlives DEADLINE_S."""
    descriptors = [os.pidfd_open(pid) for pid in pids]
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    started_s = time.monotonic()
    cause()
    left = set(descriptors)
    while left:
        ended = poll.poll(DEADLINE_S * 1000)
        assert ended, f"{len(left)} of {pids} live on"
        for descriptor, _ in ended:
            poll.unregister(descriptor)
            left.discard(descriptor)
    took_s = time.monotonic() - started_s
    for descriptor in descriptors:
        os.close(descriptor)
    return took_s


def listeners(pids: list[int]) -> dict[tuple[str, int], int]:
    """(address, port) → pid of every TCP socket on which one of the processes listens; IPv6 as its hex text."""
    owners: dict[str, int] = {}
    for pid in pids:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                target = os.readlink(descriptor)
                if target.startswith("socket:["):
                    owners[target[8:-1]] = pid
    found = {}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in owners:
                host, port = fields[1].split(":")
                text = ".".join(str(byte) for byte in bytes.fromhex(host)[::-1]) if table == "tcp" else host
                found[text, int(port, 16)] = owners[fields[9]]
    return found


def rss_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError(f"{pid} has no VmRSS")


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
