"""The operator's commands, as the root answers them: checked, made durable, passed on."""

import time
from dataclasses import replace
from pathlib import Path

from actors.root_base import RootBase
from core.instances import Desired, upstream_key
from core.messages import (
    Address,
    CreateInstance,
    CreateToken,
    DeleteInstance,
    DeleteToken,
    DropInstance,
    ForceRetry,
    OpenJournal,
    OpenRegistry,
    ReloadSettings,
    RemoveInstance,
    ResetBreaker,
    RestartInstance,
    RevokeToken,
    SaveToken,
    SettingsChanged,
    SubmitMessage,
    UpdateInstance,
)
from core.records import InstanceRecord, no_token
from store import logs


class RootCommands(RootBase):
    """Commands about instances, tokens and settings."""

    def receiveMsg_CreateInstance(self, message: CreateInstance, sender: Address) -> None:
        limit = self._settings.limits.max_instances
        if message.instance_id in self._records:
            text = f"Instance {message.instance_id} exists already"
            return self._refuse(sender, message.ref, "instance_exists", text)
        if len(self._records) >= limit:
            text = f"{limit} instances exist already (limits.max_instances)"
            return self._refuse(sender, message.ref, "limit_reached", text)
        record = InstanceRecord(message.instance_id, message.config, message.desired, created_at=time.time())
        return self._save(record, sender, message.ref)

    def receiveMsg_UpdateInstance(self, message: UpdateInstance, sender: Address) -> None:
        record = self._found(message, sender)
        if record is None:
            return None
        desired = message.desired or record.desired
        changed = replace(record, config=message.config or record.config, desired=desired)
        if changed == record:
            return self._done(sender, message.ref)
        if changed.config != record.config:
            self._gate.reopen(upstream_key(changed.config), time.monotonic())
        return self._save(replace(changed, revision=record.revision + 1), sender, message.ref)

    def receiveMsg_RemoveInstance(self, message: RemoveInstance, sender: Address) -> None:
        record = self._found(message, sender)
        if record is None:
            return
        del self._records[message.instance_id]

        def dropped() -> None:
            self._feed.remove(message.instance_id)
            if group := self._group_of(message.instance_id):
                self.send(group, DropInstance(message.instance_id, purge=True))
            else:
                self._places.leave(message.instance_id)
            self._done(sender, message.ref)

        def kept() -> None:
            self._records.setdefault(message.instance_id, record)

        absent = ("instance_not_found", f"Instance {message.instance_id} not found")
        self._ask_registry(DeleteInstance(message.ref, message.instance_id), sender, dropped, kept, absent)

    def _place_members(self, group: str) -> None:
        """A group began anew: its instances get their places again, those that it was removing lose them."""
        for instance_id in self._places.members(group):
            if instance_id in self._records:
                self._place_soon(instance_id)
            else:
                self._places.leave(instance_id)

    def receiveMsg_RestartInstance(self, message: RestartInstance, sender: Address) -> None:
        record = self._found(message, sender)
        if record is None:
            return None
        if record.quarantine is None:
            return self._route(message, sender)
        freed = replace(record, quarantine=None)
        return self._save(freed, sender, message.ref, lambda: self._route(message, sender))

    def receiveMsg_ForceRetry(self, message: ForceRetry, sender: Address) -> None:
        record = self._found(message, sender)
        if record is None:
            return None
        if record.desired is Desired.CONNECTED or record.quarantine is not None:
            return self._route(message, sender)
        wanted = replace(record, desired=Desired.CONNECTED, revision=record.revision + 1)
        return self._save(wanted, sender, message.ref, lambda: self._route(message, sender))

    def receiveMsg_ResetBreaker(self, message: ResetBreaker, sender: Address) -> None:
        if self._found(message, sender) is not None:
            self._route(message, sender)

    def receiveMsg_SubmitMessage(self, message: SubmitMessage, sender: Address) -> None:
        if self._found(message, sender) is None:
            return None
        if (low := self._disk_low()) is not None:
            return self._refuse(sender, message.ref, "storage_low", low)
        return self._route(message, sender)

    def receiveMsg_CreateToken(self, message: CreateToken, sender: Address) -> None:
        asked = SaveToken(message.ref, message.token)
        self._ask_registry(asked, sender, lambda: self._done(sender, message.ref), lambda: None)

    def receiveMsg_RevokeToken(self, message: RevokeToken, sender: Address) -> None:
        asked = DeleteToken(message.ref, message.token_id)
        absent = ("token_not_found", no_token(message.token_id))
        self._ask_registry(asked, sender, lambda: self._done(sender, message.ref), lambda: None, absent)

    def receiveMsg_ReloadSettings(self, message: ReloadSettings, sender: Address) -> None:
        self._take_settings(message.settings)
        for group in self._groups.values():
            self.send(group, SettingsChanged(message.settings))
        if self._setup is not None:
            data_dir, log_dir = self._setup.data_dir, self._setup.log_dir
            logs.setup_logging(Path(log_dir), message.settings.log)
            # One that is being restarted begins with the settings that the root has then.
            if self._registry is not None:
                self.send(self._registry, OpenRegistry(data_dir, log_dir, message.settings))
            if self._journal is not None:
                self.send(self._journal, OpenJournal(data_dir, log_dir, message.settings))
        self._push()  # before the answer: from then on the web process goes by the new limits
        self._done(sender, message.ref)
