"""The tables of registry and journal, for SQLite and PostgreSQL alike, and the steps from version to version.

`body` and `data` are ASCII JSON. `crc` is the checksum of the other columns in order, see store.codec.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    insert,
    select,
    update,
)
from sqlalchemy import inspect as inspect_database

from store.codec import Undecodable, checksum
from store.errors import StoreTooNew

Step = Callable[[Connection], None]


@dataclass(frozen=True, slots=True)
class Schema:
    """One store's tables. `steps[n]` leads from version n to n + 1; a new store runs them all.

    `checked`: the tables whose rows are all compared with their checksums when a SQLite file is opened. `quick_s`: for
    a file that grows large, look only at its structure then, for at most so many seconds.
    """

    name: str
    metadata: MetaData
    steps: tuple[Step, ...]
    checked: tuple[Table, ...]
    quick_s: float | None = None


def _crc() -> Column[Any]:
    return Column("crc", BigInteger, nullable=False)


_versions = MetaData()
# Two stores may share one PostgreSQL database: each has its row.
schema_version = Table(
    "schema_version",
    _versions,
    Column("name", String(32), primary_key=True),
    Column("version", Integer, nullable=False),
    _crc(),
)

_registry = MetaData()
instances = Table(
    "instances", _registry, Column("instance_id", String(64), primary_key=True), Column("body", Text), _crc()
)
tokens = Table(
    "tokens",
    _registry,
    Column("token_id", String(64), primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("body", Text, nullable=False),
    _crc(),
)
crashes = Table(
    "crashes",
    _registry,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("instance_id", String(64), nullable=False),
    Column("body", Text, nullable=False),
    _crc(),
    Index("crashes_of_instance", "instance_id", "number"),
)

_journal = MetaData()
events = Table(
    "events",
    _journal,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("instance_id", String(64), nullable=False),
    Column("kind", String(128), nullable=False),
    Column("at", Float(53), nullable=False),
    Column("stored_at", Float(53), nullable=False),
    Column("data", Text, nullable=False),
    _crc(),
    Index("events_of_instance", "instance_id", "number"),
)
# Up to which number each stream is stored; outlives its events, so that retention brings no duplicate back.
streams = Table(
    "streams",
    _journal,
    Column("instance_id", String(64), primary_key=True),
    Column("stream", String(64), primary_key=True),
    Column("up_to", BigInteger, nullable=False),
    _crc(),
)
# `last_number`: the last one given out, ever. `total_bytes`: what the stored events take, about.
counters = Table(
    "counters", _journal, Column("name", String(32), primary_key=True), Column("value", BigInteger), _crc()
)

REGISTRY = Schema("registry", _registry, (_registry.create_all,), (instances, tokens, crashes))
# Events are compared when they are read: a gigabyte of them at every start would take too long.
JOURNAL = Schema("journal", _journal, (_journal.create_all,), (streams, counters), quick_s=5.0)


def sealed(*fields: Any) -> int:
    """The `crc` of a row with these columns."""
    return checksum(*fields)


def migrate(connection: Connection, schema: Schema, place: str) -> bool:
    """Bring the store to the current version in the caller's transaction; True when that took a step.

    Raises StoreTooNew naming `place`, Undecodable for tables without a readable version.
    """
    version, known = _version(connection, schema), len(schema.steps)
    if version > known:
        raise StoreTooNew(place, version, known)
    for step in schema.steps[version:]:
        step(connection)
    values = {"name": schema.name, "version": known, "crc": sealed(schema.name, known)}
    if version == 0:
        _versions.create_all(connection)
        connection.execute(insert(schema_version).values(values))
    elif version < known:
        connection.execute(update(schema_version).where(schema_version.c.name == schema.name).values(values))
    return version < known


def _version(connection: Connection, schema: Schema) -> int:
    """The stored version, 0 for a database without this schema's tables."""
    names = set(inspect_database(connection).get_table_names())
    row = None
    if schema_version.name in names:
        mine = schema_version.c.name == schema.name
        row = connection.execute(select(schema_version).where(mine)).one_or_none()
    if row is not None:
        return int(row.version)
    if names.intersection(schema.metadata.tables):
        raise Undecodable("tables without a schema version")
    return 0
