"""The largest messages that an upstream may send: from the socket to the journal within an instance's memory."""

import subprocess
import sys
from pathlib import Path

import pytest

from core.config import Settings
from store.journal import open_journal
from store.layout import DataDir
from store.session import Batch, SessionStore

NOW = 1_795_446_904.0
SIZE = Settings().transport.max_message_bytes
CEILING_MIB = Settings().supervision.memory_mb
FRAME_BYTES = Settings().actors.max_frame_bytes

# One instance: what arrives is decoded and stored; a second process, as after a crash, hands it on to the journal.
INSTANCE = """
import pickle, sys
from pathlib import Path
from actors.local_session import make_protocol
from core.config import Settings
from core.instances import InstanceConfig, Payload
from core.journal_messages import EventBatch
from store.session import Batch, SessionStore
path, kind, making = sys.argv[1:]
size = Settings().transport.max_message_bytes
store = SessionStore.open(Path(path), 1.0)
if making:
    protocol = make_protocol(InstanceConfig(url="ws://h/", payload=Payload(kind), ack_field="id"), Settings())
    protocol.on_open(0.0)
    event, *_ = protocol.on_message(eval(making), 1.0)
    print(event.kind)
    store.commit(Batch(events=[(event.kind, event.data, 1.0)]))
else:
    print(len(pickle.dumps(EventBatch("a", *store.unsent(256)))))
status = Path("/proc/self/status").read_text()
print(int(status.split("VmHWM:")[1].split()[0]) // 1024)
"""

LARGEST = {
    "many lists": ("json", '(b\'{"id":1,"x":[\' + b"[]," * (size // 3))[:size - 4] + b"[]]}"'),
    "many numbers": ("json", 'b"[" + b"1," * (size // 2 - 1) + b"1]"'),
    "open string": ("json", "b'\"' + b'\\\\\"' * (size // 2 - 1)"),
    "one string": ("json", "b'\"' + b',' * (size - 2) + b'\"'"),
    "msgpack lists": ("msgpack", 'b"\\xdd" + (size - 5).to_bytes(4, "big") + b"\\x90" * (size - 5)'),
    "msgpack extensions": (
        "msgpack",
        'b"\\xdd" + (size // 3 - 5).to_bytes(4, "big") + b"\\xd4\\x05x" * (size // 3 - 5)',
    ),
    "four bytes each": ("json", "b'\"' + '😀'.encode() * ((size - 2) // 4) + b'\"'"),
    "two bytes each": ("text", "'é' * (size // 2)"),
    "zeros as text": ("text", "bytes(size)"),
    "zeros": ("binary", "bytes(size)"),
}


def run(*arguments: str) -> list[str]:
    done = subprocess.run(
        check=False,
        args=[sys.executable, "-c", INSTANCE, *arguments],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.split()


@pytest.mark.parametrize(("kind", "making"), LARGEST.values(), ids=LARGEST.keys())
def test_the_largest_messages_fit_into_an_instance(data: DataDir, kind: str, making: str) -> None:
    path = data.session("a")
    made, peak_mib = run(str(path), kind, making)
    assert made in ("message.received", "message.undecodable")
    assert int(peak_mib) < CEILING_MIB
    batch_bytes, peak_mib = run(str(path), kind, "")
    assert int(batch_bytes) < FRAME_BYTES
    assert int(peak_mib) < CEILING_MIB
    assert in_the_journal(data, path) == [made]


def in_the_journal(data: DataDir, path: Path) -> list[str]:
    """The kinds of the events there after the same batch came twice."""
    store, journal = SessionStore.open(path, NOW), open_journal(data.journal_url, NOW)
    for _ in range(2):
        journal.append([("a", *store.unsent(256))], NOW)
    store.close()
    kinds = [event.kind for event in journal.read(0, 10)]
    journal.close()
    return kinds


def test_what_an_earlier_program_stored_goes_on_and_is_read_as_text(data: DataDir) -> None:
    """Such an event is in the session file as it came; neither the instance nor a reader parses it."""
    store, journal = SessionStore.open(data.session("a"), NOW), open_journal(data.journal_url, NOW)
    content = [[] for _ in range(1_100_000)]
    store.commit(Batch(events=[("message.received", {"content": content}, NOW), ("k", {"n": 1}, NOW)]))
    journal.append([("a", *store.unsent(1))], NOW)
    store.acknowledge(1)
    journal.append([("a", *store.unsent(1))], NOW)
    long, short = journal.read(0, 10)
    assert list(long.data) == ["json"] and long.data["json"].startswith('{"content":[[],')
    assert short.data == {"n": 1}
    store.close()
    journal.close()
