"""Who must be told which text, and who was."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Page:
    """Of one companion. `since`: the number of the last text that was written before it was linked. `owed`: what it
    must be told, `told`: what it was. `perhaps`: what it may be told, because the writer may not have known of it.
    """

    since: int
    owed: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)
    perhaps: set[str] = field(default_factory=set)
    known_to: set[str] = field(default_factory=set)

    @property
    def missing(self) -> Counter[str]:
        return self.owed - self.told

    @property
    def beyond(self) -> dict[str, int]:
        """What it was told and should not have been, or too often."""
        return {
            text: count
            for text, count in (self.told - self.owed).items()
            if count + self.owed[text] > 1 or not (text in self.perhaps or number_of(text) <= self.since)
        }


class Books:
    """Texts have numbers in the order of their writing, so that a text says whether a companion was there already."""

    def __init__(self, numbers: list[str]) -> None:
        self._texts = itertools.count(1)
        self._last = 0
        self._companions: dict[str, list[str]] = {number: [] for number in numbers}
        self.pages: dict[str, Page] = {}
        self._owed_on_phones: dict[str, set[str]] = {number: set() for number in numbers}
        self._on_phones: dict[str, set[str]] = {number: set() for number in numbers}

    def joined(self, name: str, number: str) -> None:
        """A companion is linked and online for the first time."""
        if name not in self._companions[number]:
            self._companions[number].append(name)
            self.page(name).since = self._last

    def page(self, name: str) -> Page:
        return self.pages.setdefault(name, Page(0))

    def written(self, number: str, writer: str | None, to: str, readers: list[str]) -> str:
        """A new text of an account, by a companion or (None) its phone; readers: accounts."""
        self._last = next(self._texts)
        text = f"{number}-{'phone-' if writer is None else ''}{self._last}"
        for account in (*readers, number):
            for name in self._companions[account]:
                if name != writer:
                    self._owe(name, writer, to, text)
            if account != number or writer is not None:
                self._owed_on_phones[account].add(text)
        return text

    def _owe(self, name: str, writer: str | None, to: str, text: str) -> None:
        """A list of devices may be an hour old, and the answer to the first message with it renews it (protocol §12.3).

        In groups everybody gets the message and asks for the key; phones know all devices.
        """
        page = self.page(name)
        late = page.since > 0 and writer is not None and not to.endswith("@g.us")
        if late and writer not in page.known_to:
            page.known_to.add(str(writer))
            page.perhaps.add(text)
        else:
            page.owed[text] += 1

    def told(self, name: str, text: str) -> None:
        self.page(name).told[text] += 1

    def read_on_phone(self, number: str, texts: list[str]) -> None:
        self._on_phones[number].update(texts)

    def missing_on_phone(self, number: str) -> set[str]:
        return self._owed_on_phones[number] - self._on_phones[number]

    def unread(self, number: str) -> bool:
        """Whether something is still on its way to a device of an account."""
        on_its_way = any(self.pages[name].missing for name in self._companions[number])
        return on_its_way or bool(self.missing_on_phone(number))


def number_of(text: str) -> int:
    return int(text.rpartition("-")[2])
