"""How a command ends when it can't do what was asked."""

FAILED, USAGE, NOT_RUNNING = 1, 2, 3


class CommandFailed(Exception):
    """`message` goes to stderr, one line per problem; `code`: 1 failed, 2 wrong use, 3 the server isn't running."""

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


class NotRunning(CommandFailed):
    """No server runs on this data folder."""

    def __init__(self, folder: object) -> None:
        super().__init__(f"no server runs on {folder}; start it: python3 run.py start", NOT_RUNNING)
