"""Functions of the WhatsApp library against the same work in Baileys, which runs in node beside us.

Both get the same stanza and plaintext, and keep their Signal sessions in memory. They take turns, so that both see
the same machine; what is shown is the median of the turns, per operation.
"""

import json
import os
import statistics
import subprocess
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.report import Row, result
from tests.interop.installing import NoNode, installed, require_node
from whatsapp import prekeys
from whatsapp.adv import accept_identity, issue_identity
from whatsapp.decoder import decode
from whatsapp.encoder import encode
from whatsapp.jid import Jid
from whatsapp.keys import KeyPair
from whatsapp.nodes import Node
from whatsapp.prekey_nodes import upload_children
from whatsapp.signal_cipher import SignalCipher
from whatsapp.signal_session import LocalIdentity
from whatsapp.state import MemoryState

REFERENCE = Path(__file__).with_suffix(".mjs")
PLAINTEXT = bytes(100)

# What is asked for by name, how it is called, and how often in a turn.
WORKS = {
    "encrypt": ("Signal message encrypted", 200),
    "decrypt": ("Signal message decrypted", 200),
    "encode": ("message stanza encoded", 2000),
    "decode": ("message stanza decoded", 2000),
    "pairing": ("pair-success verified and signed", 50),
    "pre_keys": ("one-time pre-key made and encoded", 200),
}


class Device:
    """A Signal party with its state in memory."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.state = MemoryState()
        self.identity = LocalIdentity(KeyPair.generate(os.urandom), 5)
        self.cipher = SignalCipher(self.identity, os.urandom)
        with self.state.transaction() as tx:
            prekeys.rotate_signed(tx, self.identity, time.time(), os.urandom)

    def start(self, other: "Device") -> None:
        with other.state.transaction() as tx:
            bundle = prekeys.bundle(other.identity, prekeys.signed(tx), prekeys.fresh(tx, os.urandom))
        with self.state.transaction() as tx:
            self.cipher.start_session(tx, other.address, bundle)

    def encrypt(self, other: "Device", plaintext: bytes) -> tuple[str, bytes]:
        with self.state.transaction() as tx:
            made = self.cipher.encrypt(tx, other.address, plaintext)
        return made.type, made.data

    def decrypt(self, other: "Device", type_: str, data: bytes) -> bytes:
        with self.state.transaction() as tx:
            return self.cipher.decrypt(tx, other.address, type_, data).plaintext


def pair_of_devices() -> tuple[Device, Device]:
    """Two that have talked, so that neither sends pkmsg any more."""
    one, other = Device("6281100000001.1"), Device("6281100000002.1")
    one.start(other)
    other.decrypt(one, *one.encrypt(other, b"a"))
    one.decrypt(other, *other.encrypt(one, b"b"))
    return one, other


class Ours:
    """The works. Each prepares what it needs and returns what is measured."""

    def __init__(self) -> None:
        self.stanza = stanza()
        self.encoded = encode(self.stanza)
        self.identity = KeyPair.generate(os.urandom)
        self.adv_secret = os.urandom(32)
        account = KeyPair.generate(os.urandom)
        self.vouched = issue_identity(
            account, self.identity.public, self.adv_secret, key_index=1, now_s=time.time(), rng=os.urandom
        )
        self.reading = pair_of_devices()
        self.writing = pair_of_devices()  # what nobody reads must not fill the other pair's skipped keys

    def encrypt(self, times: int) -> Callable[[], None]:
        anna, budi = self.writing
        return lambda: repeat(times, lambda: anna.encrypt(budi, PLAINTEXT))

    def decrypt(self, times: int) -> Callable[[], None]:
        anna, budi = self.reading
        messages = [anna.encrypt(budi, PLAINTEXT) for _ in range(times)]

        def work() -> None:
            for message in messages:
                budi.decrypt(anna, *message)

        return work

    def encode(self, times: int) -> Callable[[], None]:
        return lambda: repeat(times, lambda: encode(self.stanza))

    def decode(self, times: int) -> Callable[[], None]:
        return lambda: repeat(times, lambda: decode(self.encoded))

    def pairing(self, times: int) -> Callable[[], None]:
        identity, secret = self.identity, self.adv_secret
        return lambda: repeat(times, lambda: accept_identity(self.vouched, secret, identity, os.urandom))

    def pre_keys(self, times: int) -> Callable[[], None]:
        def work() -> None:
            device = Device("new")
            with device.state.transaction() as tx:
                keys = prekeys.batch(tx, times, os.urandom)
                encode(Node("iq", {}, upload_children(device.identity, prekeys.signed(tx), keys)))

        return work

    def given(self) -> dict[str, Any]:
        """What the reference works on, too."""
        pairing = {
            "identity": base64(self.vouched),
            "adv_secret": base64(self.adv_secret),
            "public": base64(self.identity.public),
            "private": base64(self.identity.private),
        }
        return {"plaintext": base64(PLAINTEXT), "stanza": base64(self.encoded), "pairing": pairing}


def run(turns: int = 10, divisor: int = 1) -> dict[str, Any]:
    """The median time of each work. `divisor`: do only that part of it, to see that it works."""
    ours = Ours()
    taken: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in WORKS}
    with reference(ours) as theirs:
        for turn in range(turns + 1):
            for name, (_, times) in WORKS.items():
                count = max(1, times // divisor)
                pair = measured(ours, name, count) / count, asked(theirs, name, count) / count
                if turn > 0:  # the first is warm-up
                    for times_s, one_s in zip(taken[name], pair, strict=True):
                        times_s.append(one_s)
    rows = [
        Row(f"{WORKS[name][0]}, against Baileys", median_us(mine), "µs", median_us(theirs))
        for name, (mine, theirs) in taken.items()
    ]
    return result(rows, turns=turns, operations={name: times for name, (_, times) in WORKS.items()})


def measured(ours: Ours, name: str, times: int) -> float:
    work: Callable[[], None] = getattr(ours, name)(times)
    began_s = time.perf_counter()
    work()
    return time.perf_counter() - began_s


def asked(process: "subprocess.Popen[str]", name: str, times: int) -> float:
    found: float = exchange(process, {"do": name, "times": times})["seconds"]
    return found


def exchange(process: "subprocess.Popen[str]", line: dict[str, Any]) -> dict[str, Any]:
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(json.dumps(line) + "\n")
    process.stdin.flush()
    answer = process.stdout.readline()
    if not answer:
        raise RuntimeError("Baileys ended: see above")
    found: dict[str, Any] = json.loads(answer)
    return found


@contextmanager
def reference(ours: Ours) -> Iterator["subprocess.Popen[str]"]:
    """Baileys in node. RuntimeError when it cannot run here, or reads the stanza differently."""
    try:
        node, _ = require_node()
        folder = installed()
    except NoNode as error:
        raise RuntimeError(str(error)) from None
    process = subprocess.Popen(
        [node, str(REFERENCE), str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        if exchange(process, ours.given())["stanza"] != base64(ours.encoded):
            raise RuntimeError("Baileys writes the stanza differently: this would not be the same work")
        yield process
    finally:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


def stanza() -> Node:
    """A text for two devices, as large as they usually are."""
    to = [Node("to", {"jid": Jid("123456789012345", "lid", device)}, (enc(device),)) for device in (0, 7)]
    attrs = {"id": "3EB0A1B2C3D4E5F60718", "to": Jid("123456789012345", "lid"), "type": "text"}
    return Node("message", attrs, (Node("participants", {}, tuple(to)),))


def enc(device: int) -> Node:
    return Node("enc", {"v": "2", "type": "msg"}, bytes([device]) * 160)


def repeat(times: int, act: Callable[[], object]) -> None:
    for _ in range(times):
        act()


def median_us(times_s: list[float]) -> float:
    return statistics.median(times_s) * 1e6


def base64(data: bytes) -> str:
    return b64encode(data).decode()
