"""What an instance of this host works with: its own SQLite file as the store, and the protocol it is configured for."""

from core.config import Settings
from core.instances import InstanceConfig
from core.plain import PlainProtocol
from core.protocol import Protocol
from core.records import OutboxMessage, StoredEvent
from store.packing import pack, unpack
from store.session import Batch, SessionStore


def make_protocol(config: InstanceConfig, settings: Settings) -> Protocol:
    """The protocol that a configuration asks for."""
    return PlainProtocol(config, pack, unpack, settings.transport.ping_interval_s)


class LocalSession:
    """The instance's own SQLite file as the runtime's store: durable on return."""

    def __init__(self, store: SessionStore) -> None:
        self._store = store

    def submit(self, number: int, batch: Batch) -> bool:
        self._store.commit(batch)
        return True

    def unsent(self, limit: int) -> tuple[str, tuple[StoredEvent, ...]]:
        return self._store.unsent(limit)

    def acknowledge(self, up_to: int) -> None:
        self._store.acknowledge(up_to)

    def message(self, message_id: str) -> OutboxMessage | None:
        return self._store.message(message_id)
