"""Kills writers at random moments and looks at what they leave: `killing.py STORE FOLDER ROUNDS SEED`.

A program of its own, because it forks: each writer is a child that reports every write once it is durable. Prints
JSON: kills, acknowledged writes, `lost` (acknowledged but gone), `torn` (written in part), `unreadable` stores.
"""

import json
import os
import random
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from core.effects import Change
from core.instances import InstanceConfig
from core.records import CrashRecord, InstanceRecord, OutboxMessage, Scope, StoredEvent
from store.codec import from_json, to_json
from store.errors import StoreError
from store.journal import open_journal
from store.registry import Registry, open_registry
from store.session import Batch, SessionStore
from store.tokens import TokenStore, digest_of, token_from_value

DEADLINE_S = 30
WRITES = 200

Writer = Callable[[Path, int], Iterator[str]]
Reader = Callable[[Path], tuple[set[str], bool]]


def write_session(path: Path, round_number: int) -> Iterator[str]:
    store = SessionStore.open(path, time.time())
    for number in range(WRITES):
        name = f"{round_number}-{number}"
        store.commit(
            Batch(
                changes=[Change("s", name, name.encode() * 50)],
                events=[("k", {"name": name}, 1.0)],
                outbox=[OutboxMessage(name, name.encode() * 200, 1.0, 2.0)],
            )
        )
        yield name


def read_session(path: Path) -> tuple[set[str], bool]:
    store = SessionStore.open(path, time.time())
    loaded, unsent = store.load(), store.unsent(100_000)[1]
    store.close()
    names = {key for _, key in loaded.entries}
    numbers = [event.number for event in unsent]
    whole = (
        names == {from_json(event.data)["name"] for event in unsent} == {m.message_id for m in loaded.pending}
        and numbers == list(range(1, len(numbers) + 1))
        and loaded.next_event_number == len(numbers) + 1
        and all(value == key.encode() * 50 for (_, key), value in loaded.entries.items())
    )
    return names, whole


def write_registry(path: Path, round_number: int) -> Iterator[str]:
    engine = open_registry(f"sqlite:///{path}", time.time())
    registry, tokens = Registry(engine), TokenStore(engine)
    for number in range(WRITES):
        name = f"{round_number}-{number}"
        registry.save(InstanceRecord(name, InstanceConfig(url=f"ws://127.0.0.1/{name * 50}")))
        yield f"instance {name}"
        tokens.save(token_from_value(name, name, {Scope.READ}, now=1.0))
        yield f"token {name}"
        registry.add_crash(CrashRecord(name, 1.0, 2, "signal 9", "open", "stack " * 100))
        yield f"crash {name}"


def read_registry(path: Path) -> tuple[set[str], bool]:
    engine = open_registry(f"sqlite:///{path}", time.time())
    registry, tokens = Registry(engine), TokenStore(engine)
    found = {f"instance {record.instance_id}" for record in registry.load()}
    names = [name.partition(" ")[2] for name in found]
    found |= {f"token {token.name}" for token in tokens.list()}
    found |= {f"crash {name}" for name in names if registry.crashes(name)}
    whole = all(token.digest == digest_of(token.name) for token in tokens.list())
    engine.dispose()
    return found, whole


def write_journal(path: Path, round_number: int) -> Iterator[str]:
    journal = open_journal(f"sqlite:///{path}", time.time())
    for number in range(WRITES):
        names = [f"{round_number}-{number}-{part}" for part in range(8)]
        events = [
            StoredEvent(part + 1, name, to_json({"x": name * 20}), 1.0) for part, name in enumerate(names)
        ]
        journal.append([("a", f"{round_number}-{number}", events)], time.time())
        yield " ".join(names)


def read_journal(path: Path) -> tuple[set[str], bool]:
    journal = open_journal(f"sqlite:///{path}", time.time())
    events = journal.read(0, 1_000_000)
    last = journal.last_number()
    journal.close()
    kinds = [event.kind for event in events]
    batches = {" ".join(kinds[start : start + 8]) for start in range(0, len(kinds), 8)}
    whole = [event.number for event in events] == list(range(1, last + 1)) and all(
        len({kind.rpartition("-")[0] for kind in batch.split()}) == 1 for batch in batches
    )
    return batches, whole


STORES: dict[str, tuple[Writer, Reader]] = {
    "session": (write_session, read_session),
    "registry": (write_registry, read_registry),
    "journal": (write_journal, read_journal),
}


def run_writer(write: Writer, path: Path, round_number: int, out: int) -> None:
    try:
        for name in write(path, round_number):
            os.write(out, f"{name}\n".encode())
    finally:
        os._exit(0)


def acknowledged_until_killed(write: Writer, path: Path, round_number: int, rng: random.Random) -> set[str]:
    """Start a writer, kill it at a random moment; the writes it reported."""
    inside, outside = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(inside)
        run_writer(write, path, round_number, outside)
    os.close(outside)
    data, wanted = b"", rng.randrange(20)
    deadline = time.monotonic() + DEADLINE_S
    while data.count(b"\n") < wanted and select.select([inside], [], [], deadline - time.monotonic())[0]:
        data += os.read(inside, 65536)
    time.sleep(rng.uniform(0, 0.004))  # the random moment
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while more := os.read(inside, 65536):
        data += more
    os.close(inside)
    return set(data.decode().splitlines())


def main(kind: str, folder: Path, rounds: int, seed: int) -> dict[str, int]:
    write, read = STORES[kind]
    rng = random.Random(seed)
    known: set[str] = set()
    result = {"kills": 0, "acknowledged": 0, "lost": 0, "torn": 0, "unreadable": 0}
    for round_number in range(rounds):
        # A fresh store every few rounds, so that kills hit the making of one as well.
        path = folder / f"{round_number // 6}.db"
        known = known if round_number % 6 else set()
        known |= acknowledged_until_killed(write, path, round_number, rng)
        result["kills"] += 1
        result["acknowledged"] += len(known)
        try:
            found, whole = read(path)
        except StoreError as error:
            print(error, file=sys.stderr)
            result["unreadable"] += 1
            continue
        result["lost"] += len(known - found)
        known = found
        result["torn"] += not whole
    return result


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))))
