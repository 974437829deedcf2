"""Where everything of one data folder is. Standard library only."""

import os
from dataclasses import dataclass
from pathlib import Path

from core.instances import valid_id
from store.files import os_faults

PRIVATE_FOLDER = 0o700


@dataclass(frozen=True, slots=True)
class DataDir:
    """The paths of one data folder; nothing is touched before `create`."""

    root: Path

    @property
    def registry_db(self) -> Path:
        return self.root / "registry.db"

    @property
    def journal_db(self) -> Path:
        return self.root / "journal.db"

    @property
    def registry_url(self) -> str:
        """The registry's database as SQLAlchemy names it."""
        return f"sqlite:///{self.registry_db.absolute()}"

    @property
    def journal_url(self) -> str:
        return f"sqlite:///{self.journal_db.absolute()}"

    @property
    def instances(self) -> Path:
        return self.root / "instances"

    def session(self, instance_id: str) -> Path:
        """The session file of an instance; raises ValueError for what is no instance id."""
        return self.instances / f"{_checked(instance_id)}.db"

    def lock(self, instance_id: str) -> Path:
        """The lock file of an instance; it outlives the instance, for its epoch must never go back."""
        return self.instances / f"{_checked(instance_id)}.lock"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def actors_file(self) -> Path:
        return self.run / "actors.json"

    @property
    def pid_file(self) -> Path:
        return self.run / "sambung.pid"

    @property
    def server_lock(self) -> Path:
        """Held by the one server that may use this folder."""
        return self.run / "server.lock"

    @property
    def wire_key(self) -> Path:
        return self.root / "wire.key"

    @property
    def admin_token(self) -> Path:
        return self.root / "admin-token"

    @property
    def cli_token(self) -> Path:
        return self.root / "cli-token"

    @property
    def crash(self) -> Path:
        """Folder of the stacks that faulthandler writes."""
        return self.root / "crash"

    @property
    def corrupt(self) -> Path:
        """Folder that damaged files are moved to."""
        return self.root / "corrupt"

    @property
    def logs(self) -> Path:
        """The log folder of a server started with a data folder of its own."""
        return self.root / "logs"

    def create(self) -> None:
        """Make the folders (0700) and set this process's umask so that its files are 0600; raises StoreFailed.

        A root folder that exists already keeps its mode: it is the operator's.
        """
        os.umask(0o077)
        with os_faults(self.root):
            self.root.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
            for folder in (self.instances, self.run, self.crash, self.corrupt):
                folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
                folder.chmod(PRIVATE_FOLDER)


def _checked(instance_id: str) -> str:
    if not valid_id(instance_id):
        raise ValueError(f"{instance_id!r} is no instance id (allowed: 1..64 of A-Z a-z 0-9 . _ -, no '..')")
    return instance_id
