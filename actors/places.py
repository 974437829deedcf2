"""Which group each instance belongs to, and which of them wait to be started."""

import os
from collections import Counter
from collections.abc import Iterable

from actors.start_queue import StartQueue

# So many processes may be starting at a time on the whole host. Everything that a link needs from above (permits,
# reports) goes through the root: with a thousand starting at once it got a fortieth of a processor, and nobody dialled.
AT_ONCE_PER_PROCESSOR = 4


class Places:
    """`homes`: instance → group."""

    def __init__(self) -> None:
        self.homes: dict[str, str] = {}
        self.starts = StartQueue(AT_ONCE_PER_PROCESSOR * (os.cpu_count() or 1))

    def settle(self, instance_id: str, groups: Iterable[str], size: int) -> str:
        """Its group: the one it has, else the first of at most `size` with room, else a new name."""
        if instance_id not in self.homes:
            members = Counter(dict.fromkeys(groups, 0))
            members.update(self.homes.values())
            roomy = (name for name, count in members.items() if count < size)
            self.homes[instance_id] = next(roomy, f"g{len(members) + 1}")
        return self.homes[instance_id]

    def members(self, group: str) -> list[str]:
        return [instance_id for instance_id, home in self.homes.items() if home == group]

    def leave(self, instance_id: str) -> None:
        self.homes.pop(instance_id, None)
