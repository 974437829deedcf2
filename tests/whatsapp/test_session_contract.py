"""The session keeps the contract of every protocol (`core.protocol.Protocol`)."""

import json
import random

from core.effects import Emit, Send
from tests.core.protocol_contract import ProtocolContract
from tests.core.protocol_host import Frame, Peer, Subject
from tests.whatsapp.scripted_client import Client, linked
from tests.whatsapp.scripted_connection import Connection
from tests.whatsapp.scripted_server import WALL_S, Server
from whatsapp.session import Session
from whatsapp.state import MemoryState

OWN, OTHER = "6281100001", "6281100002"


class WhatsAppPeer(Peer):
    """The scripted server with one more client on it, who reads what the session writes, and writes back."""

    def __init__(self, server: Server, other: Client) -> None:
        super().__init__()
        self._server = server
        self._other = other
        self._connection: Connection | None = None
        self._out: list[Frame] = []

    def opened(self) -> list[Frame]:
        if self._connection is not None:
            self._connection.close()
        self._out = []
        self._connection = Connection(self._server, self._out.append)
        return []

    def hears(self, sent: Send) -> list[Frame]:
        if self._connection is None or self._connection.closed:
            self.opened()
        self._connection.receive(sent.data)
        self._server.run()
        texts = self._other.texts()[len(self.heard) :]
        self.heard += [json.dumps({"to": OTHER, "text": text}).encode() for text in texts]
        return self._taken()

    def says(self, number: int) -> Frame:
        self._other.send(f"s{number}", json.dumps({"to": OWN, "text": str(number)}).encode())
        return b"".join(self._taken())

    def _taken(self) -> list[Frame]:
        taken, self._out[:] = list(self._out), []
        return taken


def make_subject() -> Subject:
    server = Server()
    own, other = linked(server, OWN), linked(server, OTHER)
    # Frames are numbered, so what the server says must not overtake its own acknowledgements.
    server.ack_receipts = False
    own.close()
    other.send("hello", json.dumps({"to": "6281100009", "text": "warm the caches"}).encode())
    state = MemoryState.load(own.stored.rows())
    session = Session(own.settings, state, random.Random(5).randbytes, lambda: WALL_S)
    account = own.session._core.account
    secrets = (
        account.adv_secret.hex(),
        account.noise.private.hex(),
        account.identity.private.hex(),
        repr(account.identity.private),
    )
    return Subject(
        session,
        WhatsAppPeer(server, other),
        lambda n: json.dumps({"to": OTHER, "text": f"text {n}"}).encode(),
        number_of,
        secrets,
    )


def number_of(emit: Emit) -> int:
    return int(emit.data["content"]["text"])


class TestSession(ProtocolContract):
    def subject(self) -> Subject:
        return make_subject()
