"""Between the root and the registry, the only writer of configuration, wanted states, tokens and crash records."""

from dataclasses import dataclass

from core.config import Settings
from core.records import CrashRecord, InstanceRecord, TokenRecord


@dataclass(frozen=True, slots=True)
class OpenRegistry:
    """First message to the registry: where its data folder is."""

    data_dir: str
    log_dir: str
    settings: Settings


@dataclass(frozen=True, slots=True)
class RegistryLoaded:
    records: tuple[InstanceRecord, ...]


@dataclass(frozen=True, slots=True)
class RegistryBroken:
    """The registry's store cannot be used; the text says what to do."""

    text: str


@dataclass(frozen=True, slots=True)
class SaveInstance:
    """`new`: nobody may have this id, a session file that a removed instance left included."""

    ref: str
    record: InstanceRecord
    new: bool = False


@dataclass(frozen=True, slots=True)
class DeleteInstance:
    ref: str
    instance_id: str


@dataclass(frozen=True, slots=True)
class SaveToken:
    ref: str
    token: TokenRecord


@dataclass(frozen=True, slots=True)
class DeleteToken:
    ref: str
    token_id: str


@dataclass(frozen=True, slots=True)
class SaveCrash:
    """The same record once more changes nothing."""

    ref: str
    record: CrashRecord


@dataclass(frozen=True, slots=True)
class RegistryDone:
    """The write `ref` is durable; `found` False when there was nothing to change."""

    ref: str
    found: bool = True


@dataclass(frozen=True, slots=True)
class RegistryFailed:
    ref: str
    code: str
    text: str
