"""Which devices a user has: cached, asked for when unknown or old (protocol §12.3)."""

import json
from collections.abc import Callable, Iterable

from whatsapp import lid_map
from whatsapp.errors import StateCorrupt
from whatsapp.jid import Jid
from whatsapp.queries import Answer, QueryFailure
from whatsapp.session_core import SessionCore
from whatsapp.state import Recent, StateReader, StateWriter
from whatsapp.turn import Turn
from whatsapp.usync import UserInfo, contact_query, device_query, parse_answer

FRESH_S = 3600.0
_CACHE = Recent("devices", 5000)

Devices = dict[Jid, tuple[Jid, ...]]  # user → devices, both under the LID where it is known


class Directory:
    """Devices of users, by their LID as soon as it is known."""

    def __init__(self, core: SessionCore) -> None:
        self._core = core

    def devices(
        self, turn: Turn, users: Iterable[Jid], then: Callable[[Turn, Devices | QueryFailure], None]
    ) -> None:
        """`then` gets every user that has devices; one without is missing."""
        wanted = [known_as(turn.tx, user) for user in users]
        found = {user: self._cached(turn, user) for user in dict.fromkeys(wanted)}
        missing = [user for user, devices in found.items() if devices is None]

        def answered(turn: Turn, answer: Answer) -> None:
            if isinstance(answer, QueryFailure):
                then(turn, answer)
                return
            self._learn(turn, parse_answer(answer))
            then(turn, self._together(turn, found))

        if missing:
            query = device_query(missing, self._core.queries.next_id())
            self._core.ask(turn, "usync", "get", (query,), answered)
        else:
            then(turn, {user: devices for user, devices in found.items() if devices})

    def _together(self, turn: Turn, before: dict[Jid, tuple[Jid, ...] | None]) -> Devices:
        """What is known after an answer. While it was on its way a list may have been dropped, have become too old, or
        have got another name: the user still has devices, those that were known when the question was asked.
        """
        together = {}
        for user, devices in before.items():
            name = known_as(turn.tx, user)
            known = self._cached(turn, name)
            together[name] = devices if known is None else known
        return {name: devices for name, devices in together.items() if devices}

    def on_whatsapp(
        self, turn: Turn, phones: list[Jid], then: Callable[[Turn, list[UserInfo] | QueryFailure], None]
    ) -> None:
        """Which of these numbers are on WhatsApp, and their LIDs."""

        def answered(turn: Turn, answer: Answer) -> None:
            if isinstance(answer, QueryFailure):
                then(turn, answer)
                return
            users = parse_answer(answer)
            self._learn(turn, users)
            then(turn, users)

        query = contact_query(phones, self._core.queries.next_id())
        self._core.ask(turn, "usync", "get", (query,), answered)

    def _cached(self, turn: Turn, user: Jid) -> tuple[Jid, ...] | None:
        stored = _CACHE.get(turn.tx, str(user))
        if stored is None:
            return None
        try:
            entry = json.loads(stored)
            if not 0 <= self._core.wall_s() - entry["at"] <= FRESH_S:
                return None
            return tuple(Jid(user.user, server, device) for server, device in entry["devices"])
        except (ValueError, KeyError, TypeError):
            raise StateCorrupt(f"stored device list of {len(stored)} bytes cannot be read") from None

    def _learn(self, turn: Turn, users: list[UserInfo]) -> None:
        lid_map.learn_all(turn.tx, ((one.jid, one.lid) for one in users if one.lid is not None))
        for info in users:
            if info.devices is not None:
                user = known_as(turn.tx, info.jid)
                listed = [[_server(user, device), device.device] for device in info.devices]
                entry = {"at": self._core.wall_s(), "devices": listed}
                _CACHE.put(turn.tx, str(user), json.dumps(entry).encode())


def known_as(state: StateReader, user: Jid) -> Jid:
    """The user's LID where it is known, else the address as it is."""
    plain = user.without_device
    return lid_map.lid_of(state, plain) or plain


def forget(state: StateWriter, user: Jid) -> None:
    """The user's device list changed: ask again before the next message."""
    plain = user.without_device
    for address in (plain, known_as(state, plain)):
        state.delete(_CACHE.space, str(address))


def _server(user: Jid, device: Jid) -> str:
    """The server part of a device under its user's address: a list may have come under the other one."""
    if device.is_hosted:
        return "hosted.lid" if user.is_lid else "hosted"
    return user.server
