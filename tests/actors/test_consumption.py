"""What the kernel says of a process, beside what the process did."""

import os
import signal
import subprocess
import sys
import time

from actors.consumption import cpu_time, exact_private_bytes, private_bytes

MIB = 1024 * 1024
PROGRAM = """
import sys, time
taken = bytearray(64 << 20)
end = time.process_time() + 0.2
while time.process_time() < end:
    pass
print("done", flush=True)
sys.stdin.read()
"""


def test_another_process_is_measured() -> None:
    command = [sys.executable, "-c", PROGRAM]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as one:
        assert one.stdout is not None and one.stdout.readline() == b"done\n"
        cpu = cpu_time(one.pid, time.monotonic())
        assert cpu is not None and 0.2 <= cpu.run_s < 5.0 and cpu.wait_s >= 0.0
        for used in (private_bytes(one.pid), exact_private_bytes(one.pid)):
            assert used is not None and 64 * MIB <= used < 128 * MIB
    assert cpu_time(one.pid, 0.0) is None
    assert private_bytes(one.pid) is None
    assert exact_private_bytes(one.pid) is None


def test_memory_that_is_shared_with_the_parent_is_no_forked_process_own() -> None:
    """The cheap figure counts it, the exact one does not."""
    ours = bytearray(64 * MIB)
    pid = os.fork()
    if pid == 0:
        time.sleep(60)
        os._exit(0)
    try:
        cheap, exact = private_bytes(pid), exact_private_bytes(pid)
        assert cheap is not None and exact is not None
        assert exact < 32 * MIB < 64 * MIB <= cheap
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        del ours
