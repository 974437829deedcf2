"""Room on the stack: a loop's calls must not map and unmap memory, wherever the loop happens to begin."""

import resource
import subprocess
import sys

import pytest

# Recurses to every depth of one chunk and makes many calls there; prints the most page faults of any depth: a chunk
# that is mapped anew has a page without memory behind it.
PROGRAM = """
import resource
from actors.stack_room import roomy

def leaf(n):
    return n + 1

def calls():
    for n in range(2000):
        leaf(n)

{decorator}
def loop():
    calls()

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    loop()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def deeper(depth):
    return [] if depth == 0 else [faults(), *deeper(depth - 1)]

deeper(1)
print(max(deeper(250)))
"""


def most_faults(decorator: str) -> int:
    program = PROGRAM.format(decorator=decorator)
    return int(
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    )


@pytest.mark.skipif(resource.getpagesize() != 4096, reason="counts pages of 4 KiB")
def test_calls_at_a_chunks_end_cost_no_memory_traffic_in_a_roomy_function() -> None:
    assert most_faults("@roomy") < 500


def test_without_it_some_depth_pays_for_every_call() -> None:
    """Should this fail on a new Python, then the decorator is not needed there."""
    assert most_faults("") > 1500
