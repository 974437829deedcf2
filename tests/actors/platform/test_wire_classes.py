"""The allow-list: our messages travel, nothing else is ever looked up."""

import importlib
import importlib.resources
import os
import pickle
import pickletools
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Any

import pytest

from actors import wire_classes
from actors.wire_classes import ALLOWED, CORE_MODULES, PLATFORM_CLASSES, AllowList, message_classes
from actors.wire_codec import FrameRefused, Refusal
from core.failures import Failure, FailureKind


class Command:
    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


@dataclass(frozen=True)
class Stranger:
    text: str


class Plain:
    pass


def global_of(module: str, name: str) -> bytes:
    """A pickle that only names something."""
    return (
        b"\x80\x04\x8c"
        + bytes([len(module)])
        + module.encode()
        + b"\x8c"
        + bytes([len(name)])
        + name.encode()
        + b"\x93."
    )


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("posix", "system"),
        ("builtins", "eval"),
        ("builtins", "getattr"),
        ("builtins", "object"),
        ("subprocess", "Popen"),
        ("functools", "partial"),
        ("operator", "attrgetter"),
        ("logging", "FileHandler"),
        ("logging.config", "listen"),
        ("socket", "socket"),
        ("thespian.actors", "ValidateSource"),
        ("thespian.actors", "ActorSystem"),
        ("thespian.actors", "ActorAddress.__init__"),
        ("thespian.system.sourceLoader", "loadModuleFromHashSource"),
        ("thespian.system.messages.admin", "RegisterSourceAuthority"),
        ("thespian.system.transport", "ForwardMessage"),
        ("core.failures", "POLICIES"),
        ("core.failures", "dataclass"),
        ("core.backoff", "delay_s"),
        ("core.failures", "Failure.__class__"),
        ("no.such.module", "Anything"),
    ],
    ids=str,
)
def test_other_names_are_refused(module: str, name: str) -> None:
    with pytest.raises(FrameRefused) as caught:
        ALLOWED.load(global_of(module, name))
    assert caught.value.refusal is Refusal.DISALLOWED
    assert f"{module}.{name}" in str(caught.value)


@pytest.mark.parametrize("protocol", range(6))
def test_a_shell_command_is_refused_in_every_pickle_protocol(protocol: int, tmp_path: Any) -> None:
    marker = tmp_path / "executed"
    with pytest.raises(FrameRefused):
        ALLOWED.load(pickle.dumps(("sender", Command(os.system, f"touch {marker}")), protocol))
    assert not marker.exists()


@pytest.mark.parametrize("payload", [b"", b"\x80", b"cposix\n", b"\x80\x05N", b"\xff" * 40, b"\x82\x01."])
def test_broken_payloads_are_refused(payload: bytes) -> None:
    with pytest.raises(FrameRefused):
        ALLOWED.load(payload)


def test_every_core_module_with_messages_is_listed() -> None:
    for name in CORE_MODULES:
        assert list(message_classes(name)), f"{name} defines no message; take it off the list"
    core = importlib.import_module("core")
    found = {
        f"core.{file.stem}" for file in importlib.resources.files(core).iterdir() if file.suffix == ".py"
    }
    assert set(CORE_MODULES) <= found


def test_everything_inside_a_core_message_may_travel() -> None:
    missing = {
        f"{owner.__module__}.{owner.__qualname__}.{field.name}: {name}"
        for module in CORE_MODULES
        for owner in message_classes(module)
        if is_dataclass(owner)
        for field in fields(owner)
        for name in named_classes(field.type, owner.__module__)
        if (name.__module__, name.__qualname__) not in ALLOWED.names()
    }
    assert not missing


def named_classes(annotation: Any, module_name: str) -> list[type]:
    """The project's dataclasses and enums in an annotation."""
    if isinstance(annotation, str):
        annotation = eval(annotation, vars(importlib.import_module(module_name)))
    inner = [
        each for part in getattr(annotation, "__args__", ()) for each in named_classes(part, module_name)
    ]
    ours = isinstance(annotation, type) and annotation.__module__.startswith("core.")
    return (
        [*inner, annotation] if ours and (is_dataclass(annotation) or issubclass(annotation, Enum)) else inner
    )


def test_a_failure_survives_the_journey() -> None:
    failure = Failure(FailureKind.TIMEOUT, "no answer", retry_after_s=3.5)
    assert ALLOWED.load(wire_classes.dump(failure)) == failure


def test_enum_members_are_pickled_without_getattr() -> None:
    for module in CORE_MODULES:
        for each in message_classes(module):
            if issubclass(each, Enum):
                for member in each:
                    names = {arg for _, arg, _ in pickletools.genops(wire_classes.dump(member))}
                    assert "getattr" not in names
                    assert ALLOWED.load(wire_classes.dump(member)) is member


@pytest.mark.parametrize(
    "candidate", [Plain, dict, os.stat_result, Command, AllowList], ids=lambda c: c.__name__
)
def test_only_dataclasses_and_enums_can_be_allowed(candidate: type) -> None:
    with pytest.raises(ValueError, match="may not travel"):
        AllowList().allow(candidate)


def test_a_local_class_cannot_be_allowed() -> None:
    @dataclass
    class Local:
        text: str

    with pytest.raises(ValueError, match="can't be found by its name"):
        AllowList().allow(Local)


def test_an_allowed_class_travels_and_a_similar_name_does_not() -> None:
    allowed = AllowList()
    allowed.allow(Failure)
    assert allowed.find("core.failures", "Failure") is Failure
    for module, name in [
        ("core.failures", "FailureKind"),
        ("core", "failures.Failure"),
        ("core.failures ", "Failure"),
    ]:
        with pytest.raises(FrameRefused):
            allowed.find(module, name)


def test_the_platform_list_names_classes_that_exist() -> None:
    for module, names in PLATFORM_CLASSES.items():
        for name in names:
            assert isinstance(getattr(importlib.import_module(module), name), type)
