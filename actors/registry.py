"""The registry actor: the only writer of configuration, wanted state, tokens and crash records."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from actors.part import PartActor
from actors.process import crash_path, crash_text
from core.messages import (
    Address,
    DeleteInstance,
    DeleteToken,
    OpenRegistry,
    PurgeSession,
    RegistryBroken,
    RegistryDone,
    RegistryFailed,
    RegistryLoaded,
    RegistrySwept,
    SaveCrash,
    SaveInstance,
    SaveToken,
    SweepRegistry,
)
from store.errors import LockBusy, StoreError, TokenTaken
from store.layout import DataDir
from store.leftovers import drop_crash_files, orphaned_sessions, purge_session, session_left

if TYPE_CHECKING:
    from store.registry import Registry
    from store.tokens import TokenStore

MAX_STACK = 65_536


class RegistryActor(PartActor):
    part = "registry"

    def __init__(self) -> None:
        super().__init__()
        self._registry: Registry | None = None
        self._tokens: TokenStore | None = None
        self._data = DataDir(Path())

    def receiveMsg_OpenRegistry(self, message: OpenRegistry, sender: Address) -> None:
        self.begin(sender, message.log_dir, message.settings)
        if self._registry is not None:
            return
        # Imported here, SQLAlchemy is in this process alone; in the root it would be in all that are forked from it.
        from store.registry import Registry, open_registry
        from store.tokens import TokenStore

        data = self._data = DataDir(Path(message.data_dir))
        try:
            engine = open_registry(data.registry_url, time.time(), aside=data.corrupt)
            registry = Registry(engine)
            self.send(sender, RegistryLoaded(registry.load()))
            self._registry, self._tokens = registry, TokenStore(engine)
        except StoreError as error:
            self.send(sender, RegistryBroken(str(error)))

    def receiveMsg_SaveInstance(self, message: SaveInstance, sender: Address) -> None:
        one = message.record.instance_id
        if message.new and session_left(self._data, one):
            text = (
                f"The session file of a removed instance {one} is still there, with the messages that it accepted. "
                f"Delete it: run.py cleanup delete {one} (DELETE /api/v1/cleanup/sessions/{one}); or choose another id"
            )
            return self.send(sender, RegistryFailed(message.ref, "session_left", text))
        return self._write(message.ref, sender, lambda r, t: r.save(message.record))

    def receiveMsg_DeleteInstance(self, message: DeleteInstance, sender: Address) -> None:
        self._write(message.ref, sender, lambda r, t: r.delete(message.instance_id))

    def receiveMsg_SaveToken(self, message: SaveToken, sender: Address) -> None:
        self._write(message.ref, sender, lambda r, t: t.save(message.token))

    def receiveMsg_DeleteToken(self, message: DeleteToken, sender: Address) -> None:
        self._write(message.ref, sender, lambda r, t: t.delete(message.token_id))

    def receiveMsg_SaveCrash(self, message: SaveCrash, sender: Address) -> None:
        record = message.record
        whole = replace(record, stack=record.stack or self._stack_of(record.pid))

        def add(registry: Registry, _tokens: TokenStore) -> None:
            # Asked again when the answer to the first time was lost with the process that wrote it.
            kept = registry.crashes(record.instance_id)
            if not any((one.pid, one.at) == (record.pid, record.at) for one in kept):
                registry.add_crash(whole)
            with contextlib.suppress(OSError):  # it has its place now; a sweep removes what stays
                crash_path(self._data.crash, record.pid).unlink(missing_ok=True)

        self._write(message.ref, sender, add)

    def receiveMsg_PurgeSession(self, message: PurgeSession, sender: Address) -> None:
        self._write(message.ref, sender, lambda r, t: purge_session(self._data, message.instance_id))

    def receiveMsg_SweepRegistry(self, message: SweepRegistry, sender: Address) -> None:
        if self._registry is None:
            return self.send(sender, RegistrySwept(message.number, problem="the registry is not open"))
        try:
            swept = RegistrySwept(
                message.number,
                orphaned_sessions(self._data, self._registry.ids()),
                self._registry.prune_crashes(message.oldest),
                drop_crash_files(self._data.crash, message.oldest),
            )
        except StoreError as error:
            swept = RegistrySwept(message.number, problem=f"registry: {error}")
        return self.send(sender, swept)

    def _stack_of(self, pid: int) -> str:
        """What the process left when it ended."""
        try:
            return (crash_text(self._data.crash, pid) or "")[-MAX_STACK:]
        except OSError:
            return ""

    def _write(self, ref: str, sender: Address, write: Callable[[Registry, TokenStore], object]) -> None:
        """Do one write and answer only when it is durable."""
        if self._registry is None or self._tokens is None:
            self.send(sender, RegistryFailed(ref, "storage_failed", "the registry is not open"))
            return
        try:
            found = write(self._registry, self._tokens)
        except TokenTaken as taken:
            self.send(sender, RegistryFailed(ref, "token_exists", str(taken)))
            return
        except LockBusy as busy:
            self.send(sender, RegistryFailed(ref, "busy", str(busy)))
            return
        except StoreError as error:
            self.send(sender, RegistryFailed(ref, "storage_failed", str(error)))
            return
        self.send(sender, RegistryDone(ref, found is not False))
