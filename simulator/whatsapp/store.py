"""The server's rows in one SQLite file, so that accounts, devices and queues outlive the process."""

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

from simulator.whatsapp.outputs import Save

FILE = "whatsapp.sqlite3"


class Store:
    """`folder`: where the file is; None: in memory only. Raises sqlite3.Error, OSError."""

    def __init__(self, folder: Path | None) -> None:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(":memory:" if folder is None else folder / FILE)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS rows (space TEXT, key TEXT, value BLOB NOT NULL, PRIMARY KEY (space, key))"
            " WITHOUT ROWID"
        )
        self._database.commit()

    def rows(self) -> Iterator[tuple[str, str, bytes]]:
        yield from self._database.execute("SELECT space, key, value FROM rows")

    def save(self, saves: Iterable[Save]) -> None:
        """All in one transaction."""
        with self._database:
            for save in saves:
                if save.value is None:
                    self._database.execute(
                        "DELETE FROM rows WHERE space = ? AND key = ?", (save.space, save.key)
                    )
                else:
                    self._database.execute(
                        "INSERT OR REPLACE INTO rows VALUES (?, ?, ?)", (save.space, save.key, save.value)
                    )

    def close(self) -> None:
        self._database.close()
