"""How a command ends when it can't do what was asked, and how that is told: in words, or as JSON to who wants JSON."""

from collections.abc import Sequence
from itertools import pairwise

FAILED, USAGE, NOT_RUNNING = 1, 2, 3
NAMES = {FAILED: "failed", USAGE: "usage", NOT_RUNNING: "not_running"}


class CommandFailed(Exception):
    """`message` goes to stderr, one line per problem; `code`: 1 failed, 2 wrong use, 3 the server isn't running.

    `name`: the same for programs; for what the server refused, the API's own code.
    """

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.message = message
        self.code = code

    @property
    def name(self) -> str:
        return NAMES[self.code]


class NotRunning(CommandFailed):
    """No server runs on this data folder."""

    def __init__(self, folder: object) -> None:
        super().__init__(f"no server runs on {folder}; start it: python3 run.py start", NOT_RUNNING)


def wants_json(arguments: Sequence[str]) -> bool:
    """Does this command line say `-o json`, in any of the ways that an option can be written?"""
    before = arguments[: arguments.index("--")] if "--" in arguments else arguments
    if "-ojson" in before or "--output=json" in before:
        return True
    return any(name in ("-o", "--output") and value == "json" for name, value in pairwise(before))


def told(name: str, message: str, arguments: Sequence[str]) -> str:
    """What stderr gets of a failure."""
    if wants_json(arguments):
        import json  # for this only: processes that never tell anything load this module, too

        return json.dumps({"error": {"code": name, "message": message}}, ensure_ascii=False) + "\n"
    return f"sambung: {message}\n"
