"""What the server's processes hold: private memory and descriptors, the most of any one process of each role."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import psutil

from soak.bed import Bed
from soak.invariants import leaked

MIB = 2**20
# Connections between actors come and go; a process that has done more has touched more of its pages.
SLACK_FDS = 6
SLACK_MIB = {"instance": 3.0}
SLACK_OTHER_MIB = 16.0


@dataclass(slots=True)
class Weights:
    """By role ("instance", "group", "root", …): the most MiB (USS) and the most descriptors of one process."""

    mib: dict[str, float] = field(default_factory=dict)
    fds: dict[str, float] = field(default_factory=dict)


def weighed(bed: Bed) -> Weights:
    found = Weights()
    for part, process in bed.processes().items():
        role = role_of(part)
        if role is None:
            continue
        with suppress(psutil.Error, OSError):
            mib = psutil.Process(process.pid).memory_full_info().uss / MIB
            fds = len(os.listdir(f"/proc/{process.pid}/fd"))
            found.mib[role] = max(found.mib.get(role, 0.0), mib)
            found.fds[role] = max(found.fds.get(role, 0.0), fds)
    return found


def role_of(part: str) -> str | None:
    """ "instance s0001" is an instance, "group g1" a group; None for helpers that come and go."""
    word = re.match(r"[a-z]+", part)
    return None if word is None or part.startswith("pid ") else word[0]


def leaks(before: Weights, after: Weights) -> Iterator[str]:
    """Complaints about what has grown too much."""
    yield from leaked("descriptors", before.fds, after.fds, SLACK_FDS)
    for role, mib in after.mib.items():
        slack = SLACK_MIB.get(role, SLACK_OTHER_MIB)
        yield from leaked("private MiB", before.mib, {role: mib}, slack)
