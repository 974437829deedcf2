"""Messages, records and snapshots: values that travel, compare and keep secrets to themselves."""

import importlib
import pickle
from dataclasses import FrozenInstanceError, fields, is_dataclass
from typing import Any

import pytest

from core import messages, records, snapshot
from core.effects import Change, Record, Send
from core.instances import Desired, InstanceConfig
from core.records import CrashRecord, InstanceRecord, OutboxMessage, Scope, TokenRecord
from core.snapshot import InstanceSnapshot

SECRET = "s3cr3t"


def values_of(module_name: str) -> list[type]:
    module = importlib.import_module(module_name)
    return [one for one in vars(module).values() if is_dataclass(one) and one.__module__ == module_name]


MODULES = (*messages.MODULES, records.__name__, snapshot.__name__, "core.effects", "core.link_events")
VALUES = [one for name in MODULES for one in values_of(name)]


def filled(kind: Any) -> Any:
    """A value with a different plain thing in every field."""
    return kind(**{spec.name: (spec.name, number) for number, spec in enumerate(fields(kind))})


@pytest.mark.parametrize("kind", VALUES, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_a_value_is_frozen_slotted_and_travels(kind: type) -> None:
    value = filled(kind)
    assert pickle.loads(pickle.dumps(value)) == value
    assert not hasattr(value, "__dict__")
    for spec in fields(value):
        with pytest.raises(FrozenInstanceError):
            setattr(value, spec.name, None)


@pytest.mark.parametrize(
    "value",
    [
        messages.SubmitMessage("r", "toko1", "m1", SECRET.encode()),
        messages.CreateInstance(
            "r", "toko1", InstanceConfig(url=f"wss://h/?key={SECRET}"), Desired.CONNECTED
        ),
        messages.SaveToken("r", TokenRecord("t1", "ops", SECRET)),
        OutboxMessage("m1", SECRET.encode(), 0.0, 1.0),
        InstanceRecord("toko1", InstanceConfig(headers={"Authorization": SECRET})),
        InstanceSnapshot("toko1", 0.0, InstanceConfig(hello=(SECRET,)), "connected"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_keeps_its_secrets_out_of_its_repr(value: object) -> None:
    assert SECRET not in repr(value)


def test_a_token_may_read_by_default_and_nothing_more() -> None:
    assert TokenRecord("t1", "ops", "digest").scopes == frozenset({Scope.READ})


def test_a_crash_record_needs_no_stack() -> None:
    assert CrashRecord("toko1", 0.0, 1, "signal 9", "open").stack == ""


@pytest.mark.parametrize("kind", [Record, Change, Send], ids=lambda kind: kind.__name__)
def test_equal_values_are_equal(kind: type) -> None:
    assert filled(kind) == filled(kind)
