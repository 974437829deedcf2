"""The end of a process that hangs, shown with a real one."""

import signal
import subprocess
import sys
from pathlib import Path

from actors.watchman import last_words

REPOSITORY = Path(__file__).parents[3]


def test_one_that_hangs_is_told_to_end_with_its_stack(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from actors.process import leave_crashes_to_the_kernel, record_crashes
leave_crashes_to_the_kernel()
record_crashes(Path(sys.argv[1]))
def the_place_of_the_hang():
    print("hanging", flush=True)
    while True:
        pass
the_place_of_the_hang()
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=REPOSITORY) as hanging:
        assert hanging.stdout is not None and hanging.stdout.readline() == b"hanging\n"
        assert "the_place_of_the_hang" in last_words(hanging.pid, tmp_path, 10.0)
        assert hanging.wait(10.0) == -signal.SIGABRT
    assert last_words(hanging.pid, tmp_path, 0.0) == "", "it has ended: nobody else with its number is hit"
