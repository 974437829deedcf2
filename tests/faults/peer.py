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
    name, network = f"sambung{os.getpid()}", f"10.{os.getpid() % 199 + 1}.{os.getpid() // 199 % 254 + 1}"
    outside, inside = f"sbo{os.getpid()}", f"sbi{os.getpid()}"
    try:
        ran("ip", "netns", "add", name)
    except (AssertionError, OSError) as error:
        pytest.skip(f"no network namespace can be made here: {error}")
    try:
        plug(name, outside, inside, network)
        address, within = f"{network}.2", ("ip", "netns", "exec", name)
        with Simulator.spawn(host=address, control_host=address, within=within) as simulator:
            yield Peer(name, address, simulator)
    finally:
        # The other end of the cable goes with it.
        ran("ip", "netns", "del", name)


def plug(name: str, outside: str, inside: str, network: str) -> None:
    """A cable between this machine (.1) and the namespace (.2); skips where rules cannot be set."""
    try:
        ran("ip", "link", "add", outside, "type", "veth", "peer", "name", inside, "netns", name)
        ran("ip", "addr", "add", f"{network}.1/30", "dev", outside)
        ran("ip", "link", "set", outside, "up")
        inner = ("ip", "-n", name)
        ran(*inner, "link", "set", "lo", "up")
        ran(*inner, "addr", "add", f"{network}.2/30", "dev", inside)
        ran(*inner, "link", "set", inside, "up")
        ran("ip", "netns", "exec", name, "iptables", "-L", "-n")
    except (AssertionError, OSError) as error:
        pytest.skip(f"no cable or no packet filter for a namespace here: {error}")
