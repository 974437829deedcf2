"""The actors process: starts the actor system and the root, watches the root, stops everything in order.

No thread and no database before `start_system`: it forks.
"""

import contextlib
import faulthandler
import itertools
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from setproctitle import setproctitle

from actors.process import die_with_parent, leave_crashes_to_the_kernel
from actors.supervisor import Supervisor
from actors.system import (
    LimitTooLow,
    Mailbox,
    SystemHandle,
    SystemUnavailable,
    Undelivered,
    WireKeyError,
    start_system,
    write_instance_file,
)
from actors.watchman import last_words
from cli.actors_options import system_options
from cli.answer_watch import AnswerWatch, misses
from cli.child import EXIT_CONFIG
from cli.folder import Place
from cli.heartbeat import beating
from cli.housekeeping import Housekeeping
from cli.settings_json import read_settings
from cli.version import VERSION, build_id
from core.config import Settings
from core.messages import CommandReply, PingRoot, PrepareStop, StartRoot
from store.logs import setup_logging

log = logging.getLogger("sambung.actors")

PREPARE_STOP_S = 3.5
STOP_S = 2.5
DISK_S = 45.0


def run(place: Place, parent_pid: int, started_at: float, page: int | None = None) -> int:
    """The process; the exit code tells the launcher whether another start can help. `started_at`: of the server."""
    die_with_parent(parent_pid)
    leave_crashes_to_the_kernel()
    faulthandler.enable()
    alive = beating(page)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # reloads come from the web process, as a command
    setproctitle("sambung: actors")
    sys.stdin = None  # else each process below makes one of its own, on /dev/null: 0.1 MiB
    settings = read_settings(place.settings_file)
    setup_logging(place.logs, settings.log, console=True)
    try:
        handle = start_system(system_options(place, settings))
    except (LimitTooLow, SystemUnavailable, WireKeyError, ValueError) as error:
        log.error("the actors cannot start: %s", error)
        return EXIT_CONFIG
    return watched(handle, place, settings, started_at, alive)


def watched(
    handle: SystemHandle,
    place: Place,
    settings: Settings,
    started_at: float,
    alive: Callable[[float], None],
) -> int:
    """Create the root, let it build the tree, and stay until SIGTERM (0) or until the tree is lost (1)."""
    try:
        root = handle.create_root(Supervisor)
        house = Housekeeping(place.data.root, place.logs, settings)
        tree = Tree(place, handle, handle.mailbox(), root, house, alive)
        tree.judge_by(settings)
        data, host = str(place.data.root), socket.gethostname()
        tree.mailbox.tell(root, StartRoot(settings, data, str(place.logs), host, started_at, VERSION))
        write_instance_file(place.data.actors_file, handle.record(build_id()))
        return tree.watch()
    except SystemUnavailable as error:
        log.error("the actors are lost: %s", error)
        return 1
    finally:
        # A disk that became read-only keeps it; who reads it sees that this process has ended.
        with contextlib.suppress(OSError):
            place.data.actors_file.unlink(missing_ok=True)
        report = handle.stop(STOP_S)
        left = f", still there: {report.left}" if report.left else ""
        log.info(
            "the actors have ended: %d needed SIGTERM, %d SIGKILL%s", report.terminated, report.killed, left
        )


@dataclass(slots=True)
class Tree:
    """The running tree, seen from the process that started it."""

    place: Place
    handle: SystemHandle
    mailbox: Mailbox
    root: Any
    house: Housekeeping
    alive: Callable[[float], None]
    stopping: bool = False
    root_pid: int | None = None
    admin_answers: int = 0
    pulse: AnswerWatch = field(default_factory=AnswerWatch)
    admin: AnswerWatch = field(default_factory=AnswerWatch)
    numbers: Any = field(default_factory=itertools.count)

    def watch(self) -> int:
        """Ping the root and the admin until SIGTERM (0) or until one is lost (1)."""
        signal.signal(signal.SIGTERM, self._on_stop)
        while not self.stopping:
            now_s = time.monotonic()
            self.alive(0.0)
            if self._lost(now_s):
                return 1
            if self.pulse.due_in_s(now_s) == 0.0:
                self._ask(now_s)
                self.handle.reap()
                self._keep_house(now_s)
            if not self._hear(self.mailbox.listen(self.pulse.due_in_s(time.monotonic()))):
                log.error("the root has ended")
                return 1
        self._prepare_stop()
        return 0

    def _lost(self, now_s: float) -> bool:
        """Whether the admin or the root is gone or hangs; the stack of one that hangs goes to the log."""
        if not self.handle.running():
            log.error("the actor system's admin has ended")
            return True
        if self.mailbox.admin_answers > self.admin_answers:
            self.admin_answers = self.mailbox.admin_answers
            self.admin.answered()
        hung: list[tuple[str, int | None]] = []
        if self.admin.failed(now_s):
            hung.append(("actor system's admin", self.handle.admin_pid))
        if self.pulse.failed(now_s):
            hung.append(("root", self.root_pid))
        for name, pid in hung:
            grace_s = self.house.settings.supervision.abort_grace_s
            stack = "" if pid is None else last_words(pid, self.place.data.crash, grace_s)
            log.error("the %s does not answer%s", name, f"; its stack:\n{stack}" if stack else "")
        return bool(hung)

    def judge_by(self, settings: Settings) -> None:
        """They may be silent as long as other supervisors."""
        self.pulse.misses = self.admin.misses = misses(settings.supervision.silence_s)

    def _ask(self, now_s: float) -> None:
        """The admin is on nobody's way to the root: it is asked itself."""
        self.mailbox.tell(self.root, PingRoot(self._ref()))
        self.mailbox.ping_admin()
        self.pulse.asked(now_s)
        self.admin.asked(now_s)

    def _keep_house(self, now_s: float) -> None:
        """Rotate, measure, tell the root; by the settings in force, which a reload may have changed."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            self.house.settings = read_settings(self.place.settings_file)
            self.judge_by(self.house.settings)
        # A disk may stand still for long: that says nothing of the tree, whose links need none meanwhile.
        if now_s >= self.house.due_at_s:
            self.alive(DISK_S)
        if (figures := self.house.round(now_s)) is not None:
            self.mailbox.tell(self.root, figures)

    def _hear(self, message: object) -> bool:
        """False when the root can't be reached."""
        match message:
            case CommandReply():
                self.pulse.answered()
                self.root_pid = message.data.get("pid", self.root_pid)
            case Undelivered():
                return False
        return True

    def _prepare_stop(self) -> None:
        """Let every link send its Close frame."""
        ref, deadline = self._ref(), time.monotonic() + PREPARE_STOP_S
        self.mailbox.tell(self.root, PrepareStop(ref))
        while (rest := deadline - time.monotonic()) > 0:
            match self.mailbox.listen(rest):
                case CommandReply(ref=answered) if answered == ref:
                    return
                case Undelivered():
                    break
        log.warning("not every link was closed in time")

    def _ref(self) -> str:
        return f"actors-{os.getpid()}-{next(self.numbers)}"

    def _on_stop(self, _number: int, _frame: Any) -> None:
        self.stopping = True
        self.mailbox.wake()
