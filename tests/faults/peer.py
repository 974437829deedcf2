"""A machine of its own for an upstream: a network namespace with a simulator in it, and rules that drop or reject.

Needs root. Everything is made here, belongs to one test process, and is gone when the namespace is deleted; the rules
of the machine itself are never touched.
"""

import contextlib
import ipaddress
import itertools
import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest

from simulator.client import Simulator

COMMAND_S = 15.0
NUMBERS = itertools.count()
BLACKHOLE = (("INPUT", "dport", "DROP"), ("OUTPUT", "sport", "DROP"))


def ran(*command: str) -> str:
    """The output of a command that has to succeed."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_S, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout


@dataclass(frozen=True)
class Peer:
    """`simulator`: listens inside; `address`: where it is reached from outside. `cable`: its end on this side."""

    name: str
    address: str
    cable: str
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

    def lose(self, port: int, matching: str) -> None:
        """Drop what an `iptables` statistic match picks, in both directions: `--mode nth --every 5 --packet 0`."""
        for chain, match, target in BLACKHOLE:
            chosen = ("-m", "statistic", *matching.split(), "-j", target)
            self.run("iptables", "-A", chain, "-p", "tcp", f"--{match}", str(port), *chosen)

    def narrow(self, kbit_per_s: int) -> None:
        """Everything to and from here shares a narrow line; a packet waits in its queue for up to 400 ms."""
        shape = f"root tbf rate {kbit_per_s}kbit burst 4kb latency 400ms".split()
        self.run("tc", "qdisc", "replace", "dev", inside_of(self.cable), *shape)
        ran("tc", "qdisc", "replace", "dev", self.cable, *shape)

    def move(self) -> None:
        """This machine gets another address on the cable, and loses the one that its connections have."""
        there = ipaddress.IPv4Address(self.address)
        ran("ip", "addr", "del", f"{there - 1}/29", "dev", self.cable)
        ran("ip", "addr", "add", f"{there + 1}/29", "dev", self.cable)

    def _rules(self, change: str, port: int, rules: Sequence[tuple[str, str, str]]) -> None:
        for chain, match, target in rules:
            self.run("iptables", change, chain, "-p", "tcp", f"--{match}", str(port), "-j", *target.split())


@contextlib.contextmanager
def peer() -> Iterator[Peer]:
    """A new one; skips the test where this process may not make one."""
    pid, number = os.getpid(), next(NUMBERS)
    name, cable = f"sambung{pid}x{number}", f"sbo{pid}x{number}"
    here, there = addresses(pid, number)
    try:
        remove_orphans()
        ran("ip", "netns", "add", name)
    except (AssertionError, OSError) as error:
        pytest.skip(f"no network namespace can be made here: {error}")
    try:
        plug(name, cable, here, there)
        within = ("ip", "netns", "exec", name)
        with Simulator.spawn(host=there, control_host=there, within=within) as simulator:
            yield Peer(name, there, cable, simulator)
    finally:
        # The other end of the cable goes with it.
        ran("ip", "netns", "del", name)


def remove_orphans() -> None:
    """Namespaces of test processes that were killed before they could delete them."""
    for line in ran("ip", "netns", "list").splitlines():
        name = line.split()[0]
        owner = name.removeprefix("sambung").partition("x")[0]
        if name.startswith("sambung") and owner.isdigit() and not os.path.exists(f"/proc/{owner}"):
            ran("ip", "netns", "del", name)


def addresses(pid: int, number: int) -> tuple[str, str]:
    """The two ends of a network of their own, in the range that is set apart for tests of networks (RFC 2544).

    Eight addresses each, so that processes with neighbouring numbers have four networks.
    """
    base = ipaddress.IPv4Address("198.18.0.0") + (4 * pid + number) % 2**14 * 8
    return str(base + 1), str(base + 2)


def inside_of(cable: str) -> str:
    """The end of a cable in the namespace."""
    return cable.replace("sbo", "sbi")


def plug(name: str, cable: str, here: str, there: str) -> None:
    """A cable between this machine and the namespace; skips where rules cannot be set."""
    inside = inside_of(cable)
    try:
        ran("ip", "link", "add", cable, "type", "veth", "peer", "name", inside, "netns", name)
        ran("ip", "addr", "add", f"{here}/29", "dev", cable)
        ran("ip", "link", "set", cable, "up")
        inner = ("ip", "-n", name)
        ran(*inner, "link", "set", "lo", "up")
        ran(*inner, "addr", "add", f"{there}/29", "dev", inside)
        ran(*inner, "link", "set", inside, "up")
        ran("ip", "netns", "exec", name, "iptables", "-L", "-n")
    except (AssertionError, OSError) as error:
        pytest.skip(f"no cable or no packet filter for a namespace here: {error}")
