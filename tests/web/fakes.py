"""A root without actors and a store without files, for the web process's tests."""

import itertools
import queue
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

from core import messages as m
from core.instances import InstanceConfig
from core.records import (
    CrashRecord,
    JournalEvent,
    MessageState,
    OutboxMessage,
    Scope,
    TimelineEntry,
    TokenRecord,
    no_token,
)
from core.snapshot import HostSnapshot, InstanceSnapshot
from store.paging import EventPage, Page, decode_cursor, make_page
from store.rows import MessageView, view_of
from store.tokens import new_token

Hook = Callable[[Any], m.CommandReply | None]
WAKE = object()


def snapshot(instance_id: str, **fields: Any) -> InstanceSnapshot:
    config = fields.pop("config", InstanceConfig(url="ws://127.0.0.1:9/"))
    desired = fields.pop("desired", "connected")
    return InstanceSnapshot(instance_id, fields.pop("at", time.time()), config, desired, **fields)


def host(**fields: Any) -> HostSnapshot:
    return HostSnapshot("box", 1, 0.0, **fields)


class FakeRoot:
    """A mailbox whose other end answers at once. `hooks` change or withhold (None) the answer to a command type."""

    root = "root"

    def __init__(self) -> None:
        self.box: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.lock = threading.RLock()
        self.instances: dict[str, InstanceSnapshot] = {}
        self.tokens: dict[str, TokenRecord] = {}
        self.hooks: dict[type, Hook] = {}
        self.told: list[Any] = []
        self.feed, self.seq = "feed-1", 0
        self.host = host()
        self.ready = True
        self.stores: dict[str, str] = {}  # those that cannot be used, and why
        self.broken: Exception | None = None
        self.subscribe_answers = True

    # ── the mailbox ─────────────────────────────────────────────────────────────────────────────────────────────

    def tell(self, address: Any, message: Any) -> None:
        assert address == self.root
        if self.broken:
            raise self.broken
        with self.lock:
            self.told.append(message)
            hook = self.hooks.get(type(message))
            reply = hook(message) if hook else self.answer(message)
        if reply is not None:
            self.box.put(reply)

    def listen(self, timeout_s: float) -> Any | None:
        if self.broken:
            raise self.broken
        try:
            message = self.box.get(timeout=timeout_s) if timeout_s > 0 else self.box.get_nowait()
        except queue.Empty:
            return None
        return None if message is WAKE else message

    def wake(self) -> None:
        self.box.put(WAKE)

    # ── the root behind it ──────────────────────────────────────────────────────────────────────────────────────

    def commands(self, kind: type) -> list[Any]:
        with self.lock:
            return [message for message in self.told if isinstance(message, kind)]

    def put(self, *changed: InstanceSnapshot, removed: Sequence[str] = ()) -> None:
        """Change the fleet and push it."""
        with self.lock:
            self.instances |= {one.instance_id: one for one in changed}
            for instance_id in removed:
                self.instances.pop(instance_id, None)
            self.seq += 1
            delta = m.FleetDelta(self.feed, self.seq, time.time(), self.host, changed, tuple(removed))
            self.box.put(delta)

    def full(self) -> m.FleetSnapshot:
        return m.FleetSnapshot(self.feed, self.seq, time.time(), self.host, tuple(self.instances.values()))

    def answer(self, message: Any) -> Any | None:
        match message:
            case m.Subscribe():
                return self.full() if self.subscribe_answers else None
            case m.PingRoot():
                return m.CommandReply(
                    message.ref, True, data={"pid": 1, "ready": self.ready, "broken": self.stores}
                )
            case m.CreateInstance():
                return self.create(message)
            case m.CreateToken():
                self.tokens[message.token.token_id] = message.token
                return m.CommandReply(message.ref, True)
            case m.RevokeToken():
                found = self.tokens.pop(message.token_id, None)
                return (
                    done(message)
                    if found
                    else refusal(message, "token_not_found", no_token(message.token_id))
                )
            case m.ReloadSettings() | m.RunCleanup():
                return done(message)
            case _:
                return self.answer_about(message)

    def create(self, message: m.CreateInstance) -> m.CommandReply:
        if message.instance_id in self.instances:
            return refusal(message, "instance_exists", f"Instance {message.instance_id} exists already")
        self.put(snapshot(message.instance_id, config=message.config, desired=message.desired.value))
        return done(message)

    def answer_about(self, message: Any) -> m.CommandReply:
        one = self.instances.get(message.instance_id)
        if one is None:
            return refusal(message, "instance_not_found", f"Instance {message.instance_id} not found")
        match message:
            case m.UpdateInstance():
                desired = message.desired.value if message.desired else one.desired
                self.put(
                    replace(
                        one, config=message.config or one.config, desired=desired, revision=one.revision + 1
                    )
                )
            case m.RemoveInstance():
                self.put(removed=[message.instance_id])
        return done(message)


def done(message: Any, **data: Any) -> m.CommandReply:
    return m.CommandReply(message.ref, True, data=data)


def refusal(message: Any, code: str, text: str, **data: Any) -> m.CommandReply:
    return m.CommandReply(message.ref, False, code, text, data)


class FakeHistory:
    """The store's queries, in lists."""

    def __init__(self, root: FakeRoot) -> None:
        self.root = root
        self.journal: list[JournalEvent] = []
        self.last = 0  # numbers never come back, even when the list is cleared
        self.entries: dict[str, list[TimelineEntry]] = {}
        self.sent: dict[str, list[OutboxMessage]] = {}
        self.crashed: dict[str, list[CrashRecord]] = {}
        self.error: Exception | None = None
        self.lost: set[int] = set()

    def add_token(
        self, *scopes: Scope, instances: Sequence[str] | None = None, expires_at: float | None = None
    ) -> str:
        value, token = new_token("test", scopes, instances, now=time.time(), expires_at=expires_at)
        self.root.tokens[token.token_id] = token
        return value

    def emit(self, instance_id: str, kind: str = "message.received", **data: Any) -> JournalEvent:
        self.last += 1
        event = JournalEvent(self.last, instance_id, kind, data, 1_700_000_000.5)
        self.journal.append(event)
        return event

    def tokens(self) -> Sequence[TokenRecord]:
        return tuple(self.root.tokens.values())

    def forget_tokens(self) -> None:
        return None

    def events(
        self,
        after: int,
        limit: int,
        instances: Collection[str] | None,
        kinds: Collection[str] | None,
        max_bytes: int,
    ) -> EventPage:
        if self.error:
            raise self.error
        found = [event for event in self._matching(instances, kinds) if event.number > after]
        sizes = itertools.accumulate(len(repr(event.data)) for event in found)
        fit = sum(1 for size in sizes if size <= max_bytes)
        chosen = found[: min(limit, max(1, fit))]
        return EventPage(tuple(chosen), len(found) > len(chosen))

    def count_events(self, instances: Collection[str] | None, kinds: Collection[str] | None) -> int:
        return len(self._matching(instances, kinds))

    def last_event(self) -> int:
        return self.last

    def is_lost(self, number: int) -> bool:
        return number in self.lost

    def timeline(self, instance_id: str, after: str | None, limit: int) -> Page[TimelineEntry]:
        return _page("timeline", self.entries.get(instance_id, []), after, limit)

    def crashes(self, instance_id: str, after: str | None, limit: int) -> Page[CrashRecord]:
        return _page("crashes", self.crashed.get(instance_id, []), after, limit)

    def messages(
        self, instance_id: str, state: MessageState | None, after: str | None, limit: int
    ) -> Page[MessageView]:
        found = [view_of(one) for one in self.sent.get(instance_id, []) if state in (None, one.state)]
        return _page("messages", found, after, limit)

    def message(self, instance_id: str, message_id: str) -> MessageView | None:
        return next(
            (view_of(one) for one in self.sent.get(instance_id, []) if one.message_id == message_id), None
        )

    def _matching(
        self, instances: Collection[str] | None, kinds: Collection[str] | None
    ) -> list[JournalEvent]:
        return [
            event
            for event in list(self.journal)
            if (instances is None or event.instance_id in instances)
            and (kinds is None or event.kind in kinds)
        ]


def _page(name: str, items: Sequence[Any], after: str | None, limit: int) -> Page[Any]:
    below = decode_cursor(name, after)
    rows = [(number, item) for number, item in enumerate(items, 1)][::-1]
    return make_page(name, [row for row in rows if row[0] < below][: limit + 1], limit, len(items))
