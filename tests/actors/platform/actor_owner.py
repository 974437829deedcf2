"""The program that starts or visits an actor system for a test. One JSON command per line in, one answer per line out.

usage: actor_owner.py OPTIONS_JSON
"""

import json
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import actor_cast as cast

from actors.system import (
    ROOT_NAME,
    Mailbox,
    SystemHandle,
    SystemOptions,
    SystemUnavailable,
    Undelivered,
    attach,
    start_system,
    write_instance_file,
)

LISTEN_S = 20.0


class Session:
    def __init__(self, wanted: dict[str, Any]) -> None:
        self.wanted = wanted
        self.handle: SystemHandle | None = None
        self.mailbox: Mailbox | None = None

    def options(self) -> SystemOptions:
        known = {"bind", "port", "max_frame_bytes", "start_method", "max_instances"}
        return SystemOptions(
            bytes.fromhex(self.wanted["key"]),
            Path(self.wanted["log_dir"]),
            **{name: value for name, value in self.wanted.items() if name in known},
        )

    def start(self) -> dict[str, Any]:
        if self.wanted.get("thread"):
            threading.Thread(target=threading.Event().wait, daemon=True).start()
        self.handle = start_system(self.options())
        return {"admin": self.handle.admin_pid, "port": self.handle.port}

    def root(self) -> dict[str, Any]:
        assert self.handle is not None
        self.handle.create_root(cast.Root)
        self.mailbox = self.handle.mailbox()
        return {}

    def visit(self, instance_file: str = "", build: str = "", timeout_s: float = 5.0) -> dict[str, Any]:
        path = Path(instance_file) if instance_file else None
        self.mailbox = attach(self.options(), path, build=build, timeout_s=timeout_s)
        return {}

    def find(self) -> dict[str, Any]:
        assert self.mailbox is not None
        return {"root": str(self.mailbox.find(ROOT_NAME, 5.0))}

    def record(self, path: str, build: str) -> dict[str, Any]:
        assert self.handle is not None
        record = self.handle.record(build)
        write_instance_file(Path(path), record)
        return asdict(record)

    def ask(self, kind: str, answers: int = 1, **fields: Any) -> dict[str, Any]:
        """Tell the root a message of `cast`; its answers as text."""
        assert self.mailbox is not None
        self.mailbox.tell(self.mailbox.root, getattr(cast, kind)(**fields))
        return {"answers": [described(self.mailbox.listen(LISTEN_S)) for _ in range(answers)]}

    def ask_captured(self, kind: str, answers: int = 1, **fields: Any) -> dict[str, Any]:
        """`ask`, with the bytes that went out for it (hexadecimal)."""
        assert self.mailbox is not None
        transport: Any = self.mailbox._transport
        frames: list[str] = []
        seal = transport._seal

        def recording(intent: Any) -> None:
            seal(intent)
            frames.append(intent.serMsg.hex())

        transport._seal = recording
        try:
            return {**self.ask(kind, answers, **fields), "frames": frames}
        finally:
            del transport._seal

    def echo_many(self, count: int, outstanding: int = 500) -> dict[str, Any]:
        """Echo numbers, so many of them on their way at a time."""
        assert self.mailbox is not None
        received: list[object] = []
        for number in range(count):
            self.mailbox.tell(self.mailbox.root, cast.Echo(str(number)))
            if number - len(received) >= outstanding:
                received.append(self.mailbox.listen(LISTEN_S))
        received += [self.mailbox.listen(LISTEN_S) for _ in range(count - len(received))]
        wrong = [described(each) for number, each in enumerate(received) if each != cast.Echo(str(number))]
        return {"wrong": wrong[:3]}

    def echo_big(self, size_bytes: int) -> dict[str, Any]:
        return self.ask("Echo", text="x" * size_bytes)

    def drain(self) -> dict[str, Any]:
        """listen(0) until it returns None."""
        assert self.mailbox is not None
        drained = 0
        while self.mailbox.listen(0) is not None:
            drained += 1
        return {"drained": drained}

    def woken(self) -> dict[str, Any]:
        """How long listen(LISTEN_S) takes when another thread wakes it."""
        assert self.mailbox is not None
        listening_s = time.monotonic()
        waker = threading.Thread(target=self.mailbox.wake)
        waker.start()
        heard = self.mailbox.listen(LISTEN_S)
        waker.join()
        return {"heard": described(heard), "took_s": time.monotonic() - listening_s}

    def wake_drain_listen(self) -> dict[str, Any]:
        """How long listen(LISTEN_S) takes after a wake that came before a drain."""
        assert self.mailbox is not None
        self.mailbox.wake()
        self.drain()
        started_s = time.monotonic()
        self.mailbox.listen(LISTEN_S)
        return {"took_s": time.monotonic() - started_s}

    def stop(self, deadline_s: float = 10.0) -> dict[str, Any]:
        assert self.handle is not None
        if self.mailbox is not None:
            self.mailbox.close()
            self.mailbox = None
        started_s = time.monotonic()
        report = self.handle.stop(deadline_s)
        return {**asdict(report), "took_s": time.monotonic() - started_s}

    def running(self) -> dict[str, Any]:
        assert self.handle is not None
        return {"running": self.handle.running()}

    def reap(self) -> dict[str, Any]:
        assert self.handle is not None
        self.handle.reap()
        return {}


def described(message: object) -> Any:
    if isinstance(message, Undelivered):
        return {"undelivered": type(message.message).__name__, "reason": message.reason}
    if is_dataclass(message) and not isinstance(message, type):
        return {type(message).__name__: json.loads(json.dumps(asdict(message), default=str))}
    return message if message is None else repr(message)


def main() -> None:
    session = Session(json.loads(sys.argv[1]))
    for line in sys.stdin:
        command = json.loads(line)
        action: Callable[..., dict[str, Any]] = getattr(session, command.pop("do"))
        try:
            answer = action(**command)
        except (SystemUnavailable, RuntimeError, ValueError) as problem:
            answer = {"error": type(problem).__name__, "text": str(problem)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
