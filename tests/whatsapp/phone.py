"""The phone of an account, as a companion sees it."""

from tests.whatsapp.scripted_client import Client
from tests.whatsapp.scripted_server import WALL_S, Server
from whatsapp import message_pb2 as wa
from whatsapp import padding, prekeys
from whatsapp.keys import KeyPair
from whatsapp.nodes import Node
from whatsapp.prekey_nodes import Upload
from whatsapp.signal_cipher import SignalCipher
from whatsapp.signal_session import LocalIdentity
from whatsapp.state import MemoryState


class Phone:
    """Device 0 of an account: it can write to the companion."""

    def __init__(self, server: Server, number: str) -> None:
        self.server = server
        self.device = server.add(number, 0)
        self.device.take = lambda node: None
        self.state = MemoryState()
        self.identity = LocalIdentity(KeyPair.generate(server.rng), 7)
        self.cipher = SignalCipher(self.identity, server.rng)
        with self.state.transaction() as tx:
            signed = prekeys.rotate_signed(tx, self.identity, WALL_S, server.rng)
            self.device.upload = Upload(prekeys.bundle(self.identity, signed), ())

    def write(self, client: Client, message: wa.Message, *, padded: bool = True, **attrs: str) -> None:
        own = client.connection.device
        with self.state.transaction() as tx:
            if not list(tx.keys("session")):
                account = client.session._core.account
                signed = prekeys.signed(client.stored)
                self.cipher.start_session(tx, "c.1", prekeys.bundle(account.local_identity, signed))
            plain = message.SerializeToString()
            plaintext = padding.pad(plain, self.server.rng) if padded else plain
            encrypted = self.cipher.encrypt(tx, "c.1", plaintext)
        enc = Node("enc", {"v": "2" if padded else "3", "type": encrypted.type}, encrypted.data)
        stanza = {
            "id": f"P{len(self.server.heard)}",
            "from": self.device.lid,
            "t": "1",
            "type": "text",
            **attrs,
        }
        self.server.deliver(own, Node("message", stanza, (enc,)))
        self.server.run()
