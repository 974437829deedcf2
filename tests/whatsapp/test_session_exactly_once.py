"""Crashes and redelivery change nothing for the application: each message is told once."""

import pytest

from core.effects import Persist, Send
from tests.whatsapp.talking import BUDI, content, stanzas


def test_a_message_delivered_again_is_confirmed_again_and_not_told(pair):
    anna, budi = pair
    seen = []
    anna.server.spoil = lambda to, node: seen.append(node) or node
    anna.send("m1", content(BUDI))
    for _ in range(3):
        anna.server.deliver(anna.server.device(budi.connection.device.jid), seen[0])
    anna.server.run()
    assert budi.texts() == ["halo"]
    assert len(list(stanzas(budi, "receipt"))) == 4


@pytest.mark.parametrize("durable", [True, False], ids=["crash after the write", "crash before the write"])
def test_a_crash_between_write_and_receipt_loses_and_doubles_nothing(pair, durable):
    anna, budi = pair
    server = anna.server
    device = budi.connection.device
    seen = []
    server.spoil = lambda to, node: seen.append(node) or node
    original = budi.receive

    def crash(data: bytes) -> None:
        effects = budi.session.on_message(data, budi.now_s)
        kinds = [type(effect) for effect in effects]
        if Persist not in kinds:
            budi.act(effects)
            return
        if durable:
            budi.act([effect for effect in effects if not isinstance(effect, Send)])
        budi.crash()
        device.queue.append(seen[0])

    budi.connection._to_client = crash
    anna.send("m1", content(BUDI))
    budi.connection = None
    budi.receive = original
    budi.open()
    assert budi.texts() == ["halo"]
    anna.send("m2", content(BUDI, "lagi"))
    assert budi.texts() == ["halo", "lagi"]


def test_a_sender_that_crashes_after_each_write_is_read_once(pair):
    anna, budi = pair
    for number in range(5):
        anna.send(f"m{number}", content(BUDI, str(number)))
        anna.crash()
        anna.open()
        anna.send(f"m{number}", content(BUDI, str(number)))
    assert budi.texts() == ["0", "1", "2", "3", "4"]
    assert budi.told("message.undecryptable") == []
