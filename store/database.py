"""Databases of registry and journal: everything that SQLite needs and PostgreSQL does not is here.

An engine belongs to the process that opened it: open it after a fork, never before.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import QueuePool, StaticPool

from store import schema as schemas
from store import sqlitefile
from store.codec import Undecodable
from store.damage import changed_tables, damaged_row, seal_tables, table_names
from store.errors import StoreFailed, StoreFault, StoreTooNew
from store.opening import Opened, prepare, settled
from store.schema import Schema

WRITER_CACHE_KIB = 4096
READERS = 16
POOL_TIMEOUT_S = 5.0


def open_database(
    url: str, schema: Schema, now: float, *, aside: Path | None = None, recreate: bool = False
) -> Engine:
    """The engine of the one writer: checks a SQLite file or makes it, and migrates to the current version.

    `now`: epoch seconds; `aside`: folder for a damaged file. Raises StoreCorrupt (a damaged file was set aside, and
    nothing takes its place without the operator: see store.opening), StoreTooNew, StoreFailed.
    """
    engine, opened = open_noting(url, schema, now, aside=aside, recreate=recreate)
    path = sqlite_path(url)
    if path is not None and opened is Opened.RESTORED:
        settled(path)
    return engine


def open_noting(
    url: str, schema: Schema, now: float, *, aside: Path | None = None, recreate: bool = False
) -> tuple[Engine, Opened]:
    """The same with what was found; a restored file's marker is left to the caller."""
    path, opened = sqlite_path(url), Opened.SOUND
    if path is not None:
        place = str(path)
        opened = prepare(
            path,
            now,
            lambda raw: _build(raw, schema, place),
            lambda raw: _verify(raw, schema, place),
            aside=aside,
            recreate=recreate,
            quick_s=schema.quick_s,
        )
    engine = _engine(url, read_only=False)
    try:
        with writing(engine) as connection:
            if schemas.migrate(connection, schema, _place(engine)) and path is not None:
                seal_tables(_sqlite(connection.connection.driver_connection))
    except BaseException:
        engine.dispose()
        raise
    return engine, opened


def open_reader(url: str) -> Engine:
    """An engine that cannot write, for many threads; a SQLite file need not exist before the first query."""
    return _engine(url, read_only=True)


@contextlib.contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction, committed at the end; errors of the database become StoreFailed."""
    with _faults(engine), engine.begin() as connection:
        yield connection


@contextlib.contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One consistent view; errors of the database become StoreFailed."""
    with _faults(engine), engine.connect() as connection:
        yield connection


def give_back(engine: Engine) -> None:
    """Return a part of the pages that deleted rows left to the file system (PostgreSQL does it by itself)."""
    if engine.dialect.name != "sqlite":
        return
    with _faults(engine), contextlib.closing(engine.raw_connection()) as raw:
        sqlitefile.give_back(_sqlite(raw.driver_connection), 4096)


def sqlite_path(url: str) -> Path | None:
    """The file of a SQLite URL, None for another database. Raises ValueError for a URL without a file."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return None
    if not parsed.database or parsed.database == ":memory:":
        raise ValueError(f"{url}: a store needs a file (sqlite:////absolute/path.db)")
    return Path(parsed.database)


def _engine(url: str, *, read_only: bool) -> Engine:
    path = sqlite_path(url)
    if path is None:
        return create_engine(url, pool_pre_ping=True, pool_timeout=POOL_TIMEOUT_S)

    def connect() -> sqlite3.Connection:
        cache_kib = 1024 if read_only else WRITER_CACHE_KIB
        return sqlitefile.connect(path, read_only=read_only, shared=True, cache_kib=cache_kib)

    engine = create_engine(
        url,
        creator=connect,
        poolclass=QueuePool,
        pool_size=READERS if read_only else 1,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT_S,
    )
    _begin_explicitly(engine, "BEGIN" if read_only else "BEGIN IMMEDIATE")
    return engine


def _begin_explicitly(engine: Engine, statement: str) -> None:
    """sqlite3 begins transactions late and commits before some statements by itself; ours are exact."""

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(statement)


def _build(raw: sqlite3.Connection, schema: Schema, place: str) -> None:
    """Make the tables on a sqlite3 connection that stays the caller's."""
    engine = create_engine("sqlite://", creator=lambda: raw, poolclass=StaticPool)
    _begin_explicitly(engine, "BEGIN")
    with _faults(engine), engine.begin() as connection:
        schemas.migrate(connection, schema, place)


def _verify(raw: sqlite3.Connection, schema: Schema, place: str) -> str | None:
    """What is wrong with the file's content in words, None when all is well. Raises StoreTooNew."""
    versions = schemas.schema_version.name
    # The version first: a newer program may have tables that this one would take for damaged.
    if problem := damaged_row(raw, [versions]):
        return problem
    names = table_names(raw)
    if not names:
        return None
    found = f"SELECT version FROM {versions} WHERE name = ?"
    row = raw.execute(found, (schema.name,)).fetchone() if versions in names else None
    if row is None:
        return f"it is not a {schema.name} database: tables without a schema version"
    if row[0] > len(schema.steps):
        raise StoreTooNew(place, row[0], len(schema.steps))
    return changed_tables(raw) or damaged_row(raw, [table.name for table in schema.checked])


def _place(engine: Engine) -> str:
    """How errors name this database: the file, or the URL without its password."""
    url: URL = engine.url
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return url.render_as_string(hide_password=True)


def _sqlite(connection: Any) -> sqlite3.Connection:
    assert isinstance(connection, sqlite3.Connection)
    return connection


@contextlib.contextmanager
def _faults(engine: Engine) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        if isinstance(error.orig, sqlite3.Error):
            raise sqlitefile.failed(_place(engine), error.orig) from error
        raise StoreFailed(_place(engine), StoreFault.UNAVAILABLE, _words(error.orig)) from error
    except sqlite3.Error as error:
        raise sqlitefile.failed(_place(engine), error) from error
    except (Undecodable, UnicodeDecodeError) as error:
        detail = str(error) if isinstance(error, Undecodable) else sqlitefile.UNREADABLE
        raise StoreFailed(_place(engine), StoreFault.DAMAGED, detail) from error
    except SQLAlchemyError as error:
        raise StoreFailed(_place(engine), StoreFault.UNAVAILABLE, type(error).__name__) from error


def _words(error: Any) -> str:
    """The first line of a driver's error: later lines may quote values."""
    return str(error).partition("\n")[0][:200]
