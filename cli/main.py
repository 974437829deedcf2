"""The entry point: `python3 run.py COMMAND`. Without a command: `serve`.

Exit codes: 0 ok, 1 failed, 2 wrong use, 3 the server isn't running. Results go to stdout, everything else to stderr;
with `-o json` a failure is JSON there, too.
The processes below the launcher start here as well; they load nothing of the command line.
"""

import errno
import os
import sys

from cli.failure import FAILED, CommandFailed, told

INTERRUPTED = 130
HIDDEN = ("_actors", "_web", "_prepare", "_serve", "_keeper")


def main() -> int:
    """Run what the command line says; the exit code."""
    arguments = sys.argv[1:]
    if sys.stdout is None:  # closed by the caller: who asks for no result gets none
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    try:
        if arguments and arguments[0] in HIDDEN:
            from cli.hidden import run_hidden

            return run_hidden(arguments[0], arguments[1:])
        from cli.program import run

        return run(arguments)
    except CommandFailed as failure:
        sys.stderr.write(told(failure.name, failure.message, arguments))
        return failure.code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # `run.py … | head`; nothing more can be said, not even by the interpreter's end
        sys.stdout = None
        return FAILED
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        sys.stdout = None  # nor can what is left in its buffer be written
        sys.stderr.write(told("failed", f"the result cannot be written: {error.strerror}", arguments))
        return FAILED
