"""What the root must still have written though nobody waits for an answer: crash records and quarantines.

Each is asked of the registry until it says that the write is durable, so nothing is lost with a registry that is being
restarted, that ended unnoticed, or whose disk refuses. A few are asked at a time: many messages queued to one receiver
delay those to all others.
"""

import itertools
from collections.abc import Mapping

from core.messages import SaveCrash, SaveInstance
from core.records import CrashRecord, InstanceRecord

MAX_CRASHES = 500  # 20 an instance are kept in the end
ASKED_AT_ONCE = 16


class Unsaved:
    """Facts by the `ref` of their writes, oldest first."""

    def __init__(self) -> None:
        self._crashes: dict[str, CrashRecord] = {}
        self._quarantined: dict[str, str] = {}
        self._asked: set[str] = set()
        self._numbers = itertools.count(1)

    def crash(self, record: CrashRecord) -> None:
        """The oldest make room."""
        while len(self._crashes) >= MAX_CRASHES:
            self._asked.discard(dropped := next(iter(self._crashes)))
            del self._crashes[dropped]
        self._crashes[self._ref()] = record

    def quarantine(self, instance_id: str) -> None:
        """What is written is the instance's record as it is then."""
        self._quarantined = {ref: one for ref, one in self._quarantined.items() if one != instance_id}
        self._quarantined[self._ref()] = instance_id

    def due(self, records: Mapping[str, InstanceRecord]) -> list[SaveCrash | SaveInstance]:
        """What to ask now; each is asked once until `settled`, `refused` or `registry_gone`."""
        self._quarantined = {ref: one for ref, one in self._quarantined.items() if one in records}
        asked: list[SaveCrash | SaveInstance] = [
            SaveInstance(ref, records[one])
            for ref, one in self._quarantined.items()
            # Freed meanwhile: the command that did it asks for its own write, and may yet be taken back.
            if ref not in self._asked and records[one].quarantine is not None
        ]
        asked += [SaveCrash(ref, one) for ref, one in self._crashes.items() if ref not in self._asked]
        asked = asked[: max(0, ASKED_AT_ONCE - len(self._asked))]
        self._asked.update(one.ref for one in asked)
        return asked

    def settled(self, ref: str) -> bool:
        """It is durable; False when the write was none of these."""
        self._asked.discard(ref)
        crash = self._crashes.pop(ref, None)
        return self._quarantined.pop(ref, None) is not None or crash is not None

    def refused(self, ref: str) -> bool:
        """It has to be asked again; False when the write was none of these."""
        self._asked.discard(ref)
        return ref in self._crashes or ref in self._quarantined

    def registry_gone(self) -> None:
        """What was asked may have been lost."""
        self._asked.clear()

    def _ref(self) -> str:
        return f"root-{next(self._numbers)}"
