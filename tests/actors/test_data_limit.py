"""The limit of a process's own memory: in processes of their own, since it is the whole process's."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from instance_bench import Actor, quiet, setup

from actors import dialler, exits
from actors.data_limit import DataLimit, room_bytes
from actors.dialler import Dialler
from core import payload
from core.config import OutboxSettings, Settings, SupervisionSettings, TransportSettings
from core.instances import Payload
from core.protocol import Endpoint
from core.watchdog import FAR, MIB
from store import codec

HOME = Path(__file__).parents[2]
START = "from actors.data_limit import DataLimit\nMIB, taken, limit = 1 << 20, [], DataLimit()\n"
GROW = """
try:
    while len(taken) < 4096:
        taken.append(bytearray(MIB))
except MemoryError:
    pass
"""


def ran(code: str) -> list[int]:
    """What a process of its own prints."""
    done = subprocess.run(
        [sys.executable, "-c", START + code],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=HOME,
    )
    assert done.returncode == 0, done.stderr
    return [int(word) for word in done.stdout.split()]


def test_a_process_gets_what_it_may_take_and_no_more() -> None:
    count, near, lifted = ran(
        "limit.keep(200 * MIB)\n" + GROW + "print(len(taken), int(limit.near))\n"
        "limit.lift()\ntaken.append(bytearray(400 * MIB))\nprint(1)"
    )
    assert 190 <= count <= 200, "and not what others have taken before"
    assert (near, lifted) == (1, 1)


def test_a_process_that_gave_everything_back_was_near_its_limit_all_the_same() -> None:
    assert ran("limit.keep(200 * MIB)\n" + GROW + "taken.clear()\nprint(int(limit.near))") == [1]


def test_a_process_that_asked_for_too_much_at_once_was_never_near_its_limit() -> None:
    code = "limit.keep(200 * MIB)\ntry:\n    bytearray(300 * MIB)\nexcept MemoryError:\n    print(int(limit.near))"
    assert ran(code) == [0]


def test_a_higher_ceiling_counts_at_once() -> None:
    lower, higher = ran(
        f"limit.keep(100 * MIB)\n{GROW}print(len(taken))\nlimit.keep(300 * MIB)\n{GROW}print(len(taken))"
    )
    assert lower <= 100 < 290 <= higher <= 300


@pytest.mark.parametrize("hard", ["120 << 20", "-1"], ids=["hard", "soft"])
def test_a_lower_limit_of_the_systems_stays(hard: str) -> None:
    first = f"import resource\nresource.setrlimit(resource.RLIMIT_DATA, (120 << 20, {hard}))\nlimit = DataLimit()\n"
    [count] = ran(first + "limit.keep(500 * MIB)\n" + GROW + "print(len(taken))")
    assert count <= 120


@pytest.mark.parametrize("memory_mb", [16, 256, 4096])
@pytest.mark.parametrize("message_mb", [1, 16, 64])
def test_the_limit_is_beyond_the_ceiling_and_beyond_what_messages_need(
    memory_mb: int, message_mb: int
) -> None:
    settings = Settings(
        supervision=SupervisionSettings(memory_mb=memory_mb),
        transport=TransportSettings(max_message_bytes=message_mb * MIB),
        outbox=OutboxSettings(max_message_bytes=MIB),
    )
    room = room_bytes(settings)
    assert room >= (1 + FAR) * memory_mb * MIB, "who grows slowly is found by those who look"
    assert room >= (memory_mb + 32 * message_mb) * MIB


def test_an_instance_keeps_to_the_settings_in_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[int] = []
    quiet(monkeypatch)
    monkeypatch.setattr(DataLimit, "keep", lambda _, room: kept.append(room))
    first, actor = setup(tmp_path), Actor()
    actor.receiveMsg_ConfigureInstance(first, "group")
    changed = Settings(supervision=SupervisionSettings(memory_mb=512))
    actor.receiveMsg_ConfigureInstance(replace(first, settings=changed), "group")
    assert kept == [room_bytes(first.settings), room_bytes(changed)]


def test_a_crash_at_the_limit_says_so() -> None:
    assert exits.describe(exits.EXIT_LIMIT) == (
        "ended itself: an allocation failed (MemoryError) at the limit far above supervision.memory_mb"
    )


def no_memory(*_: Any, **__: Any) -> Any:
    raise MemoryError


def dialled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialler, "parse_target", no_memory)
    Dialler(TransportSettings(), no_memory).start(Endpoint("ws://127.0.0.1:9/"), 1, 0.0)


def unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec.msgpack, "unpackb", no_memory)
    codec.unpackb(b"\x01")


def received(_: pytest.MonkeyPatch) -> None:
    payload.decode(Payload.MSGPACK, b"\x01", no_memory)


@pytest.mark.parametrize("act", [dialled, unpacked, received], ids=lambda act: act.__name__)
def test_want_of_memory_is_not_taken_for_a_fault_of_settings_files_or_peers(
    monkeypatch: pytest.MonkeyPatch, act: Any
) -> None:
    """It would be remembered as one: a link parked for good, a sound file set aside, a message told as damaged."""
    with pytest.raises(MemoryError):
        act(monkeypatch)
