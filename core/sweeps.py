"""What a sweep found, as supervisors and the web process see it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caught:
    """Counts. `stale_links`: connecting or closing beyond every deadline, their processes ended; `orphaned_sessions`:
    session files without instance that were not known before (they are kept); the others were dropped."""

    stale_links: int = 0
    orphaned_sessions: int = 0
    crash_records: int = 0
    crash_files: int = 0
    events: int = 0


NOTHING_CAUGHT = Caught()


@dataclass(frozen=True, slots=True)
class Sweep:
    """One finished sweep. `at`: epoch seconds. `orphans`: the first session files without instance, by instance id;
    `orphan_count`: all of them. `problems`: what could not be looked at, and why."""

    at: float
    duration_s: float
    caught: Caught
    orphans: tuple[str, ...] = ()
    orphan_count: int = 0
    problems: tuple[str, ...] = ()
