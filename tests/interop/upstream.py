"""The simulated WhatsApp on a real socket, in a thread of its own, and what people and the network do there."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

from simulator.whatsapp.accounts import Spot
from simulator.whatsapp.knobs import Faults
from simulator.whatsapp.linking import CannotLink
from simulator.whatsapp.people import Person as Owner
from simulator.whatsapp.server import Server
from simulator.whatsapp.service import Service
from simulator.whatsapp.settings import ServerSettings
from whatsapp.jid import Jid
from whatsapp.nodes import Node

T = TypeVar("T")
PATIENCE_S = 20.0
TICK_S = 0.02


@dataclass(frozen=True)
class Person:
    """An account. `lid`: the user part of its hidden address."""

    number: str
    lid: str


class Upstream:
    """A context manager. Methods may be called from any thread; each has happened when it returns."""

    def __init__(self) -> None:
        self._service: Service  # made in its thread, as its store wants
        self._ready: Future[None] = Future()
        self._loop = asyncio.new_event_loop()
        self._stopped = asyncio.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Upstream":
        self._thread.start()
        self._ready.result(PATIENCE_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(PATIENCE_S)

    @property
    def server(self) -> Server:
        """For use in its thread only."""
        return self._service.server

    @property
    def url(self) -> str:
        return self._service.url

    @property
    def root_key(self) -> bytes:
        return self.server.root_key

    # ── people ───────────────────────────────────────────────────────────────────────────────────────────────────

    def person(self, number: str) -> Person:
        """The account with this number and its phone, made when there is none."""
        account = self._with(number, lambda owner: owner.account)
        return Person(account.number, account.lid)

    def scan(self, number: str, qr_text: str) -> int:
        return self._with(number, lambda owner: owner.scan(qr_text))

    def type_code(self, number: str, code: str) -> None:
        """Once the server knows of a code: Baileys shows it without waiting for the server's answer."""
        end_s = time.monotonic() + PATIENCE_S
        while True:
            try:
                return self._with(number, lambda owner: owner.type_code(code))
            except CannotLink:
                if time.monotonic() > end_s:
                    raise
            time.sleep(TICK_S)

    def unlink(self, number: str, device: int) -> None:
        """In the phone's list of linked devices."""
        self._with(number, lambda owner: owner.unlink(device))

    def devices(self, number: str) -> list[int]:
        return self._with(number, lambda owner: sorted(owner.account.devices))

    def phone_texts(self, number: str) -> list[str]:
        """Every text that the phone has, its own devices' included."""
        return self._with(number, lambda owner: [one.get("text") for one in owner.inbox()])

    def phone_sends(self, number: str, to: str, text: str) -> str:
        return self._with(number, lambda owner: owner.send_text(to, text))

    def group(self, subject: str, numbers: list[str], by_lid: bool = True) -> str:
        """Made by the first of them; its address."""

        def make() -> str:
            creator, *others = [self.server.person(number).account for number in numbers]
            return str(self.server.parts.groups.create(creator, subject, others, by_lid).jid)

        return self._do(make)

    def add_member(self, group: str, number: str) -> None:
        self._change(group, "add", number)

    def remove_member(self, group: str, number: str) -> None:
        self._change(group, "remove", number)

    def _change(self, group: str, what: str, number: str) -> None:
        def change() -> None:
            found = self.server.core.groups[Jid.parse(group)]
            creator = self.server.person(found.creator).account
            member = self.server.person(number).account
            by = Spot(creator, creator.devices[0])
            self.server.parts.groups.change_members(found, by, what, [member])

        self._do(change)

    # ── the network ──────────────────────────────────────────────────────────────────────────────────────────────

    def damage(self, number: str, times: int, how: str = "mac", device: int = 1) -> None:
        """Damage the next messages to a device: a name of `knobs.DAMAGES`."""
        knobs = self.server.parts.knobs.by_device
        self._do(lambda: knobs.update({f"{number}:{device}": Faults(corrupt=times, damage=how)}))

    @contextmanager
    def by_number_only(self) -> Iterator[None]:
        """Within this block the server tells nobody's LID."""
        core = self.server.core
        usual = core.settings
        self._do(lambda: setattr(core, "settings", replace(usual, tells_lids=False)))
        try:
            yield
        finally:
            self._do(lambda: setattr(core, "settings", usual))

    def written_to(self, number: str, device: int = 1) -> list[Jid]:
        """Where a device's messages went."""
        who = f"{number}:{device}"
        return self._do(
            lambda: [
                one.node.jid_attr("to")
                for one in self.server.core.observed.seen
                if one.who == who and not one.outward and one.node.tag == "message"
            ]
        )

    def retries(self, number: str, device: int = 1) -> int:
        """How often a device asked for a message again."""
        who = f"{number}:{device}"

        def count() -> int:
            return sum(
                one.who == who
                and not one.outward
                and one.node.tag == "receipt"
                and one.node.optional("type") == "retry"
                for one in self.server.core.observed.seen
            )

        return self._do(count)

    @contextmanager
    def held_back(self, number: str, count: int, device: int = 1) -> Iterator[None]:
        """Messages to a device wait until the end of the block and until there are `count`; the last comes first."""
        delivery = self.server.parts.delivery
        deliver, waiting = delivery.deliver, list[tuple[Spot, Node]]()

        def hold(spot: Spot, node: Node) -> None:
            if spot.key == f"{number}:{device}" and node.tag == "message":
                waiting.append((spot, node))
            else:
                deliver(spot, node)

        def release() -> None:
            delivery.deliver = deliver  # type: ignore[method-assign]
            for spot, node in reversed(waiting):
                deliver(spot, node)

        self._do(lambda: setattr(delivery, "deliver", hold))
        try:
            yield
            end_s = time.monotonic() + PATIENCE_S
            while len(waiting) < count and time.monotonic() < end_s:
                time.sleep(TICK_S)
        finally:
            self._do(release)

    def complaints(self) -> list[str]:
        """What no client that keeps to the protocol does."""
        return self._do(lambda: list(self.server.core.observed.complaints))

    def errors(self) -> list[str]:
        """The server's own mistakes."""
        return self._do(lambda: self._service.errors)

    # ── in its thread ────────────────────────────────────────────────────────────────────────────────────────────

    def _with(self, number: str, act: Callable[[Owner], T]) -> T:
        return self._do(lambda: act(self.server.person(number)))

    def _do(self, act: Callable[[], T]) -> T:
        async def run() -> T:
            found = self._service.act(act)
            self._service.act(self.server.tick)
            return found

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(PATIENCE_S)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._service = Service(ServerSettings(), None)
        await self._service.start("127.0.0.1", 0)
        self._ready.set_result(None)
        await self._stopped.wait()
        await self._service.stop()
