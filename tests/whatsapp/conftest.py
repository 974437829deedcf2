"""Shared by the tests of whatsapp/: the vectors, seeded randomness, and parties that talk to each other."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.whatsapp.scripted_client import Client, linked
from tests.whatsapp.scripted_server import Server
from tests.whatsapp.talking import ANNA, BUDI
from whatsapp import prekeys
from whatsapp.keys import KeyPair, Rng
from whatsapp.signal_cipher import Decrypted, Encrypted, SignalCipher
from whatsapp.signal_session import LocalIdentity, PreKeyBundle
from whatsapp.state import MemoryState


@pytest.fixture
def server() -> Server:
    """A scripted server, with nobody linked yet."""
    return Server()


@pytest.fixture
def pair(server: Server) -> tuple[Client, Client]:
    """Anna and Budi, who are linked and have not talked yet."""
    return linked(server, ANNA), linked(server, BUDI)


def seeded(seed: int) -> Rng:
    return random.Random(seed).randbytes


@dataclass
class Party:
    """A device with stored state; `address` is what others call it."""

    address: str
    rng: Rng
    state: MemoryState = field(default_factory=MemoryState)

    def __post_init__(self) -> None:
        self.identity = LocalIdentity(KeyPair.generate(self.rng), 1 + self.rng(1)[0])
        self.cipher = SignalCipher(self.identity, self.rng)
        with self.state.transaction() as tx:
            prekeys.rotate_signed(tx, self.identity, 1_800_000_000, self.rng)

    def bundle(self, one_time: bool = True) -> PreKeyBundle:
        with self.state.transaction() as tx:
            key = prekeys.fresh(tx, self.rng) if one_time else None
            return prekeys.bundle(self.identity, prekeys.signed(tx), key)

    def start(self, other: "Party", one_time: bool = True) -> bool:
        bundle = other.bundle(one_time)
        with self.state.transaction() as tx:
            return self.cipher.start_session(tx, other.address, bundle)

    def encrypt(self, other: "Party", plaintext: bytes) -> Encrypted:
        with self.state.transaction() as tx:
            return self.cipher.encrypt(tx, other.address, plaintext)

    def decrypt(self, other: "Party", message: Encrypted) -> Decrypted:
        with self.state.transaction() as tx:
            return self.cipher.decrypt(tx, other.address, message.type, message.data)

    def rows(self) -> dict[tuple[str, str], bytes]:
        return {(space, key): value for space, key, value in self.state.rows()}


@pytest.fixture(scope="session")
def vectors() -> dict[str, Any]:
    return json.loads(Path(__file__).with_name("wa-vectors.json").read_text())


@pytest.fixture(scope="session")
def make_rng() -> Callable[[int], Rng]:
    return seeded


@pytest.fixture(scope="session")
def make_party() -> Callable[[str, int], Party]:
    return lambda address, seed: Party(address, seeded(seed))
