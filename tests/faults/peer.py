"""A machine of its own for an upstream: a network namespace with a simulator in it, and rules that drop or reject.

Needs root. Everything is made here, belongs to one test process, and is gone when the namespace is deleted; the rules
of the machine itself are never touched.
"""

import contextlib
import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest

from simulator.client import Simulator

COMMAND_S = 15.0
BLACKHOLE = (("INPUT", "dport", "DROP"), ("OUTPUT", "sport", "DROP"))


def ran(*command: str) -> str:
    """The output of a command that has to succeed."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_S, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout


@dataclass(frozen=True)
class Peer:
    """`simulator`: listens inside; `address`: where it is reached from outside."""

    name: str
    address: str
    simulator: Simulator

    def run(self, *command: str) -> str:
        """A command inside."""
        return ran("ip", "netns", "exec", self.name, *command)

    def reject(self, port: int) -> None:
        """Answer every segment to this port with RST."""
        self._rules("-A", port, [("INPUT", "dport", "REJECT --reject-with tcp-reset")])

    def accept(self, port: int) -> None:
        """Take `reject` back."""
        self._rules("-D", port, [("INPUT", "dport", "REJECT --reject-with tcp-reset")])

    def blackhole(self, port: int) -> None:
        """Drop what comes to this port and what leaves it: neither side hears of the other any more."""
        self._rules("-A", port, BLACKHOLE)

    def heal(self, port: int) -> None:
        """Take `blackhole` back."""
        self._rules("-D", port, BLACKHOLE)

    def _rules(self, change: str, port: int, rules: Sequence[tuple[str, str, str]]) -> None:
        for chain, match, target in rules:
            self.run("iptables", change, chain, "-p", "tcp", f"--{match}", str(port), "-j", *target.split())


@contextlib.contextmanager
def peer() -> Iterator[Peer]:
    """A new one; skips the test where this process may not make one."""
    pid = os.getpid()
    name, outside, inside = f"sambung{pid}", f"sbo{pid}", f"sbi{pid}"
    here, there = addresses(pid)
    try:
        remove_orphans()
        ran("ip", "netns", "add", name)
    except (AssertionError, OSError) as error:
        pytest.skip(f"no network namespace can be made here: {error}")
    try:
        plug(name, outside, inside, here, there)
        within = ("ip", "netns", "exec", name)
        with Simulator.spawn(host=there, control_host=there, within=within) as simulator:
            yield Peer(name, there, simulator)
    finally:
        # The other end of the cable goes with it.
        ran("ip", "netns", "del", name)


def remove_orphans() -> None:
    """Namespaces of test processes that were killed before they could delete them."""
    for line in ran("ip", "netns", "list").splitlines():
        owner = line.split()[0].removeprefix("sambung")
        if owner.isdigit() and not os.path.exists(f"/proc/{owner}"):
            ran("ip", "netns", "del", f"sambung{owner}")


def addresses(number: int) -> tuple[str, str]:
    """The two ends of a network of their own, in the range that is set apart for tests of networks (RFC 2544)."""
    high, low = divmod(number % 2**15, 64)
    return (
        f"198.{18 + high // 256}.{high % 256}.{4 * low + 1}",
        f"198.{18 + high // 256}.{high % 256}.{4 * low + 2}",
    )


def plug(name: str, outside: str, inside: str, here: str, there: str) -> None:
    """A cable between this machine and the namespace; skips where rules cannot be set."""
    try:
        ran("ip", "link", "add", outside, "type", "veth", "peer", "name", inside, "netns", name)
        ran("ip", "addr", "add", f"{here}/30", "dev", outside)
        ran("ip", "link", "set", outside, "up")
        inner = ("ip", "-n", name)
        ran(*inner, "link", "set", "lo", "up")
        ran(*inner, "addr", "add", f"{there}/30", "dev", inside)
        ran(*inner, "link", "set", inside, "up")
        ran("ip", "netns", "exec", name, "iptables", "-L", "-n")
    except (AssertionError, OSError) as error:
        pytest.skip(f"no cable or no packet filter for a namespace here: {error}")
