"""What can go wrong with a store. Standard library only: instance processes import it.

StoreError
 ├── StoreCorrupt      the file is damaged; it was set aside and is not replaced without the operator
 ├── StoreTooNew       the file was written by a newer version
 ├── StoreFailed       a read or write failed; nothing of it happened. `fault` says why
 ├── LockBusy          another process holds the lock
 ├── MessageConflict   the message id is taken by other content
 └── BadCursor         a page cursor that this store did not make
"""

from enum import Enum
from pathlib import Path


class StoreError(Exception):
    """Anything a store refuses or cannot do; the text names the file and what to do, and holds no secret.

    `next_step`: what the operator can do, once more without the rest; None where time may mend it.
    """

    next_step: str | None = None


class StoreCorrupt(StoreError):
    """A damaged store. `path`: where it was; `moved_to`: where it is now, None when it could not be moved."""

    def __init__(self, path: Path | str, moved_to: Path | None, text: str, next_step: str) -> None:
        super().__init__(f"{text}. {next_step}")
        self.path = path
        self.moved_to = moved_to
        self.next_step = next_step


class StoreTooNew(StoreError):
    """A store whose schema version is above the one this program knows."""

    def __init__(self, path: Path | str, found: int, known: int) -> None:
        self.next_step = "start the newer program again, or restore a copy made before the upgrade"
        super().__init__(
            f"{path} has schema version {found}, this program knows versions up to {known}: {self.next_step}"
        )
        self.found = found
        self.known = known


class StoreFault(Enum):
    """Why a store cannot read or write; the value is what to do about it."""

    FULL = "the disk is full: free space, then try again"
    READ_ONLY = "the file or its folder is read-only: make it writable for this user"
    LOCKED = "another process keeps the file locked: find and stop it"
    DAMAGED = "the file turned out to be damaged: restart, so that it is checked and set aside"
    SET_ASIDE = "the file was found damaged and moved away: put a sound copy in its place or accept the loss"
    MISSING = "the file or its folder cannot be opened: check that it exists and belongs to this user"
    IO = "the storage reports an error: check the disk and the system log"
    UNAVAILABLE = "the database does not answer: check that it runs and can be reached"


class StoreFailed(StoreError):
    """One operation failed as a whole: what was stored before is unchanged, and so is what is in memory."""

    def __init__(self, path: Path | str, fault: StoreFault, detail: str) -> None:
        super().__init__(f"{path}: {fault.value} ({detail})")
        self.path = path
        self.fault = fault


class LockBusy(StoreError):
    """`holder_pid`: the process that holds the lock, None when it is not known."""

    def __init__(self, path: Path | str, holder_pid: int | None) -> None:
        holder = "another process" if holder_pid is None else f"process {holder_pid}"
        super().__init__(f"{path} is held by {holder}: stop it first")
        self.path = path
        self.holder_pid = holder_pid


class TokenTaken(StoreError):
    """A token's value must be unique, or revoking one would leave the other."""

    def __init__(self, token_id: str) -> None:
        super().__init__(f"this token's value is stored already, as token {token_id}: revoke that one first")
        self.token_id = token_id


class MessageConflict(StoreError):
    """The id of an accepted message was used again with other content."""

    def __init__(self, message_id: str) -> None:
        super().__init__(f"message id {message_id} is taken by a message with other content: use a new id")
        self.message_id = message_id


class BadCursor(StoreError):
    """A page cursor that was not made by this list."""

    def __init__(self) -> None:
        super().__init__("the cursor is not one that this list returned: start again without it")
