"""Make actors/hot_functions.txt: the functions that a process of an instance runs between its fork and its stop.

    .venv/bin/python -m scripts.list_hot_functions

Runs a server with a few instances on the simulator, as the memory benchmark does, with a profile in each process that
is forked. Worth doing again when `bench memory` has grown; a list that is somewhat old is harmless.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.memory import work
from benchmarks.running import bed

TARGET = Path(__file__).resolve().parent.parent / "actors" / "hot_functions.txt"
INSTANCES, MESSAGES = 4, 30
# Longer than a link takes to be stable: pings, heartbeats and what is done now and then are in it, too.
CALM_S = 75.0
# The interpreter's own, and the profile.
OTHERS = ("_frozen", "sitecustomize ")

# Python imports a module of this name when it starts. A process that is told to stop was an instance.
SITECUSTOMIZE = """
import gc, os, sys, threading, types

seen = set()

def profile(frame, event, argument):
    seen.add(frame.f_code)
    if event == "call" and frame.f_code.co_qualname == "InstanceActor.receiveMsg_StopInstance":
        sys.setprofile(None)
        gc.unfreeze()
        functions = [one for one in gc.get_objects() if type(one) is types.FunctionType and one.__code__ in seen]
        with open(os.path.join(os.environ["HOT_FUNCTIONS"], str(os.getpid())), "w") as file:
            file.writelines(f"{one.__module__} {one.__qualname__}\\n" for one in functions)

def begin():
    seen.clear()
    sys.setprofile(profile)
    threading.setprofile(profile)

if "HOT_FUNCTIONS" in os.environ:
    os.register_at_fork(after_in_child=begin)
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as site, tempfile.TemporaryDirectory() as found:
        Path(site, "sitecustomize.py").write_text(SITECUSTOMIZE)
        os.environ |= {"PYTHONPATH": site, "HOT_FUNCTIONS": found}
        with bed(INSTANCES) as server:
            work(server, MESSAGES)
            time.sleep(CALM_S)
        lines = {line for file in Path(found).iterdir() for line in file.read_text().splitlines()}
    if not lines:
        raise SystemExit("no instance was seen to stop")
    lines = {line for line in lines if not line.startswith(OTHERS)}
    TARGET.write_text("".join(f"{line}\n" for line in sorted(lines)))
    sys.stdout.write(f"{len(lines)} functions: {TARGET}\n")


if __name__ == "__main__":
    main()
