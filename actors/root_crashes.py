"""Crashes of instances, as the root keeps them: counted at once, written as soon as the registry can."""

from dataclasses import replace

from actors.root_sweep import RootSweep
from actors.unsaved import Unsaved
from core.messages import Address, InstanceCrashed, RegistryDone, RegistryFailed, RegistryLoaded
from store import logs

ASK_AGAIN_S = 2.0


class RootCrashes(RootSweep):
    """Crash records and quarantines."""

    def __init__(self) -> None:
        super().__init__()
        self._unsaved = Unsaved()
        self._asking_again = False

    def receiveMsg_InstanceCrashed(self, message: InstanceCrashed, sender: Address) -> None:
        crash = message.record
        text = f"Process of instance {crash.instance_id} (pid {crash.pid}) ended: {crash.cause}"
        about = {"crashed_pid": crash.pid, "cause": crash.cause}
        logs.log_event("instance.crashed", text, "ERROR", crash.instance_id, **about)
        record = self._records.get(crash.instance_id)
        if message.quarantine is not None and record is not None:
            self._records[crash.instance_id] = replace(record, quarantine=message.quarantine)
            self._unsaved.quarantine(crash.instance_id)
        self._unsaved.crash(crash)
        self._save_unsaved()

    def _save_unsaved(self) -> None:
        """Ask for what is due; without a registry it waits for the next one."""
        if self._registry is not None:
            for asked in self._unsaved.due(self._records):
                self.send(self._registry, asked)

    def receiveMsg_RegistryLoaded(self, message: RegistryLoaded, sender: Address) -> None:
        self._unsaved.registry_gone()
        self._save_unsaved()

    def receiveMsg_RegistryDone(self, message: RegistryDone, sender: Address) -> None:
        if self._unsaved.settled(message.ref):
            self._save_unsaved()
        else:
            super().receiveMsg_RegistryDone(message, sender)

    def receiveMsg_RegistryFailed(self, message: RegistryFailed, sender: Address) -> None:
        if not self._unsaved.refused(message.ref):
            super().receiveMsg_RegistryFailed(message, sender)
        elif not self._asking_again:
            self._asking_again = True
            self.wake_after(ASK_AGAIN_S, "unsaved", 0)

    def on_wake(self, name: str, epoch: int) -> None:
        if name == "unsaved":
            self._asking_again = False
            self._save_unsaved()
        else:
            super().on_wake(name, epoch)
