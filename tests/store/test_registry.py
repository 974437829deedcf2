"""The registry: instances and crashes, durable and bounded."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Engine

from core.instances import Desired, InstanceConfig, LoginConfig, Payload, PingConfig
from core.records import CrashRecord, InstanceRecord
from store.layout import DataDir
from store.registry import Registry, open_registry

NOW = 1_795_446_904.0

FULL = InstanceRecord(
    "toko-1.a_B",
    InstanceConfig(
        url="wss://user:secret@example.test:8443/ws?key=1",
        headers={"Authorization": "Bearer x", "X-É": "ü"},
        subprotocols=("a", "b"),
        proxy="http://u:p@127.0.0.1:3128",
        ca_file="/etc/ca.pem",
        payload=Payload.MSGPACK,
        hello=({"op": "hello", "big": 2**80}, ["x", None]),
        ping=PingConfig({"op": "ping"}, 12.5, 3.0),
        login=LoginConfig({"ok": True}, {"ok": False}),
        ack_field="id",
        overrides={"breaker": {"failure_threshold": 3}},
    ),
    Desired.DISCONNECTED,
    NOW,
    7,
    "5 restarts in 60 s: \ud83d text",
)


@pytest.fixture
def engine(data: DataDir) -> Iterator[Engine]:
    opened = open_registry(data.registry_url, NOW)
    yield opened
    opened.dispose()


@pytest.fixture
def registry(engine: Engine) -> Registry:
    return Registry(engine)


def crash(instance_id: str, at: float) -> CrashRecord:
    return CrashRecord(instance_id, at, 42, "signal 9 (SIGKILL)", "open", "Traceback…\n  é", 4096)


def test_a_new_registry_is_empty(registry: Registry) -> None:
    assert registry.load() == ()
    assert registry.crashes("a") == ()
    assert registry.delete("a") is False


def test_every_field_of_an_instance_comes_back_after_a_restart(engine: Engine, data: DataDir) -> None:
    Registry(engine).save(FULL)
    engine.dispose()
    again = open_registry(data.registry_url, NOW)
    assert Registry(again).load() == (FULL,)
    again.dispose()


def test_saving_again_replaces(registry: Registry) -> None:
    registry.save(FULL)
    changed = replace(FULL, desired=Desired.CONNECTED, revision=8, quarantine=None)
    registry.save(changed)
    assert registry.load() == (changed,)


def test_instances_are_told_apart_by_case_and_come_in_order(registry: Registry) -> None:
    for instance_id in ("b", "B", "a"):
        registry.save(replace(FULL, instance_id=instance_id))
    assert [record.instance_id for record in registry.load()] == ["B", "a", "b"]
    assert registry.delete("B") is True
    assert [record.instance_id for record in registry.load()] == ["a", "b"]


def test_the_last_crashes_of_each_instance_are_kept(registry: Registry) -> None:
    registry.add_crash(crash("b", 1.0))
    for number in range(25):
        registry.add_crash(crash("a", float(number)))
    kept = registry.crashes("a")
    assert [record.at for record in kept] == [float(n) for n in range(24, 4, -1)]
    assert kept[0] == crash("a", 24.0)
    assert registry.crashes("b") == (crash("b", 1.0),)


def test_a_new_instance_does_not_inherit_the_crashes_of_a_removed_one(registry: Registry) -> None:
    registry.save(replace(FULL, instance_id="a"))
    registry.add_crash(crash("a", 1.0))
    registry.add_crash(crash("b", 2.0))
    registry.delete("a")
    registry.save(replace(FULL, instance_id="a"))
    assert registry.crashes("a") == ()
    assert len(registry.crashes("b")) == 1
