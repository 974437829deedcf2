"""How many file descriptors the busiest process of the actor tree needs, and raising the limit to them."""

import os
import resource

_FIXED_CHILDREN = 40  # registry, journal, one per webhook and the like beside the groups
_RESERVE = 256


class LimitTooLow(Exception):
    """The hard limit of open files is below what max_instances needs."""


def needed_files(max_instances: int, group_size: int, open_now: int) -> int:
    """Descriptors of the busiest process.

    A parent holds 4 per child: two pipes of multiprocessing, a connection in each direction. `open_now`: those of the
    process that starts the system.
    """
    groups = -(-max_instances // group_size)
    root_children = groups + _FIXED_CHILDREN
    children = max(root_children, min(group_size, max_instances))
    return 4 * children + open_now + _RESERVE


def open_files() -> int:
    """Descriptors open in this process."""
    return len(os.listdir("/proc/self/fd"))


def shortage() -> str:
    """Why this process can open nothing now, in the system's words; "" when it can."""
    try:
        descriptors = os.pipe()
    except OSError as error:
        return os.strerror(error.errno or 0)
    for descriptor in descriptors:
        os.close(descriptor)
    return ""


def raise_file_limit(needed: int) -> int:
    """Raise the soft limit of open files to the hard one. LimitTooLow when even that is below `needed`.

    Returns the limit in force.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    if hard != unlimited and hard < needed:
        raise LimitTooLow(
            f"limits.max_instances needs {needed} open files per process, the hard limit is {hard}: "
            f"raise it (systemd: LimitNOFILE={needed}; shell: ulimit -Hn {needed}) or lower limits.max_instances"
        )
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard if hard != unlimited else needed
