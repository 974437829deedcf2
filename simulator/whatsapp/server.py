"""The WhatsApp server without I/O: bytes of connections in, outputs out.

server = Server(ServerSettings(), rng, wall_s)
server.opened(1)                    # a client connected; numbers are the caller's and never used twice
server.received(1, data)            # one WebSocket message
server.closed(1)                    # it is gone
server.account("6281…").scan(qr)    # people and their phones: see `people.Person`
server.drain()                      # what is to be written, ended and saved, in order
server.next_at_s, server.tick()     # when to call `tick` next, by the same clock as `wall_s`
"""

from collections.abc import Callable, Iterable

from simulator.whatsapp.accounts import Account
from simulator.whatsapp.admission import Admission
from simulator.whatsapp.link import Link, Stage
from simulator.whatsapp.outputs import Output
from simulator.whatsapp.people import Person
from simulator.whatsapp.server_core import ServerCore
from simulator.whatsapp.server_parts import Parts
from simulator.whatsapp.settings import ServerSettings
from simulator.whatsapp.waking import restore
from whatsapp import wire_pb2 as wire
from whatsapp.channel import ServerChannel
from whatsapp.errors import ProtocolError
from whatsapp.keys import Rng
from whatsapp.nodes import Node
from whatsapp.protobufs import parse


class Server:
    """`wall_s`: epoch seconds now. `rows`: what an earlier server saved, (space, key, value)."""

    def __init__(
        self,
        settings: ServerSettings,
        rng: Rng,
        wall_s: Callable[[], float],
        rows: Iterable[tuple[str, str, bytes]] = (),
    ) -> None:
        self.core = ServerCore(settings, rng, wall_s)
        self.parts = Parts(self.core)
        self._admission = Admission(self.core, self.parts.linking, self.parts.delivery, self.parts.refusals)
        restore(self.core, self.parts, rows)

    @property
    def root_key(self) -> bytes:
        """What clients must trust."""
        return self.core.authority.root.public

    # ── connections ──────────────────────────────────────────────────────────────────────────────────────────────

    def opened(self, number: int) -> None:
        """A client connected."""
        core = self.core
        chain = core.authority.chain(core.wall_s(), core.rng, self.parts.certificate_flaw)
        channel = ServerChannel(core.authority.static, chain, core.rng)
        core.links[number] = Link(number, channel, core.outputs, self._note)

    def received(self, number: int, data: bytes) -> None:
        """One WebSocket message. What does not authenticate ends the connection."""
        link = self.core.links.get(number)
        if link is None or link.stage is Stage.OVER:
            return
        try:
            received = link.channel.receive(data)
            if received.reply:
                link.write(received.reply)
            if received.established and link.channel.client is not None:
                link.payload = parse(wire.ClientPayload, link.channel.client.payload)
                self._admission.admit(link)
        except ProtocolError as error:
            self.core.observed.complain(link.who, str(error))
            link.end(abort=True)
        else:
            for node in received.nodes:
                self._take(link, node)
        self.core.settle()

    def closed(self, number: int) -> None:
        """The connection is gone."""
        link = self.core.links.pop(number, None)
        if link is not None:
            link.over()
            self.parts.linking.candidates.pop(number, None)
        self.core.settle()

    def tick(self) -> None:
        """Do what is due."""
        self.core.settle()

    @property
    def next_at_s(self) -> float | None:
        """When something is due next, epoch seconds."""
        return self.core.next_at_s

    def drain(self) -> list[Output]:
        """What is to be done since the last time, in order."""
        outputs = list(self.core.outputs)
        self.core.outputs.clear()
        return outputs

    # ── people ───────────────────────────────────────────────────────────────────────────────────────────────────

    def person(self, number: str, name: str = "", lid: str = "") -> Person:
        """The account with this number, made when there is none yet, and the person who holds its phone."""
        account = self.core.accounts.by_number(number) or self.parts.new_account(number, name, lid)
        return Person(self.core, self.parts, account)

    def people(self) -> list[Account]:
        return list(self.core.accounts)

    # ── inside ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _take(self, link: Link, node: Node) -> None:
        self.core.observed.note(self.core.wall_s(), link.who, False, node)
        try:
            if link.stage is Stage.UNLINKED:
                self._unlinked(link, node)
            elif link.stage is Stage.OPEN and link.spot is not None:
                self.parts.stanzas.take(link.spot, node, link.send)
        except ProtocolError as error:
            self.core.observed.complain(link.who, f"<{node.tag}>: {error}")
            malformed = Node("xml-not-well-formed")
            link.end(Node("stream:error", {}, (malformed,)))

    def _unlinked(self, link: Link, node: Node) -> None:
        if node.tag != "iq":
            return
        if node.optional("type") in ("result", "error"):
            self.parts.linking.answered(link, node)
        else:
            self.parts.unlinked_queries.take(link, node)

    def _note(self, link: Link, node: Node) -> None:
        self.core.observed.note(self.core.wall_s(), link.who, True, node)
