"""The registry: which instances are configured and what is wanted of them, and how their processes crashed."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from core.instances import Desired, InstanceConfig
from core.records import CrashRecord, InstanceRecord
from store.codec import Undecodable, from_json, to_json
from store.database import open_database, reading, writing
from store.paging import Page, decode_cursor, make_page
from store.schema import REGISTRY, crashes, instances, sealed

KEPT_CRASHES = 20


def open_registry(url: str, now: float, *, aside: Path | None = None, recreate: bool = False) -> Engine:
    """The registry's engine, for Registry and TokenStore; see `store.database.open_database` for its errors."""
    return open_database(url, REGISTRY, now, aside=aside, recreate=recreate)


class Registry:
    """Instances and crashes; every method is one transaction, durable when it returns. Raises StoreFailed."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def load(self) -> tuple[InstanceRecord, ...]:
        """All instances by id."""
        with reading(self._engine) as db:
            rows = db.execute(select(instances).order_by(instances.c.instance_id)).all()
            return tuple(_instance(row.instance_id, row.body, row.crc) for row in rows)

    def save(self, record: InstanceRecord) -> None:
        """Insert or replace one instance."""
        body = _body(record)
        values = {
            "instance_id": record.instance_id,
            "body": body,
            "crc": sealed(record.instance_id, body),
        }
        with writing(self._engine) as db:
            known = instances.c.instance_id == record.instance_id
            if not db.execute(update(instances).where(known).values(values)).rowcount:
                db.execute(insert(instances).values(values))

    def delete(self, instance_id: str) -> bool:
        """Remove an instance and its crashes; False when there is none."""
        with writing(self._engine) as db:
            db.execute(delete(crashes).where(crashes.c.instance_id == instance_id))
            result = db.execute(delete(instances).where(instances.c.instance_id == instance_id))
            return bool(result.rowcount)

    def add_crash(self, crash: CrashRecord) -> None:
        """Keep a crash; only the last KEPT_CRASHES of an instance stay."""
        body = to_json(asdict(crash))
        with writing(self._engine) as db:
            number = (db.execute(select(func.max(crashes.c.number))).scalar() or 0) + 1
            row = {"number": number, "instance_id": crash.instance_id, "body": body}
            row["crc"] = sealed(number, crash.instance_id, body)
            db.execute(insert(crashes).values(row))
            mine = crashes.c.instance_id == crash.instance_id
            kept = select(crashes.c.number).where(mine).order_by(crashes.c.number.desc()).limit(KEPT_CRASHES)
            db.execute(delete(crashes).where(mine, crashes.c.number.not_in(kept)))

    def prune_crashes(self, oldest: float) -> int:
        """Drop crashes before `oldest` (epoch seconds), from the first one on, and those of instances that are gone.

        Returns how many.
        """
        with writing(self._engine) as db:
            homeless = crashes.c.instance_id.not_in(select(instances.c.instance_id))
            dropped = int(db.execute(delete(crashes).where(homeless)).rowcount)
            while True:
                first = select(crashes.c.number, crashes.c.body).order_by(crashes.c.number).limit(1)
                row = db.execute(first).one_or_none()
                if row is None or from_json(row.body)["at"] >= oldest:
                    return dropped
                db.execute(delete(crashes).where(crashes.c.number == row.number))
                dropped += 1

    def ids(self) -> frozenset[str]:
        """The ids of all instances."""
        with reading(self._engine) as db:
            return frozenset(db.execute(select(instances.c.instance_id)).scalars())

    def crashes(self, instance_id: str) -> tuple[CrashRecord, ...]:
        """The kept crashes of one instance, newest first."""
        with reading(self._engine) as db:
            return read_crashes(db, instance_id)


def read_crashes(db: Connection, instance_id: str) -> tuple[CrashRecord, ...]:
    """The kept crashes of one instance, newest first."""
    statement = select(crashes).where(crashes.c.instance_id == instance_id).order_by(crashes.c.number.desc())
    return tuple(CrashRecord(**from_json(row.body)) for row in db.execute(statement))


def read_crash_page(db: Connection, instance_id: str, after: str | None, limit: int) -> Page[CrashRecord]:
    """The kept crashes of one instance, newest first, behind the cursor `after`. Raises BadCursor."""
    of = crashes.c.instance_id == instance_id
    newest = crashes.c.number.desc()
    below = crashes.c.number < decode_cursor("crashes", after)
    rows = db.execute(select(crashes).where(of, below).order_by(newest).limit(limit + 1))
    found = [(row.number, CrashRecord(**from_json(row.body))) for row in rows]
    total = int(db.execute(select(func.count()).select_from(crashes).where(of)).scalar_one())
    return make_page("crashes", found, limit, total)


def _body(record: InstanceRecord) -> str:
    return to_json(
        {
            "config": record.config.to_dict(),
            "desired": record.desired.value,
            "created_at": record.created_at,
            "revision": record.revision,
            "quarantine": record.quarantine,
        }
    )


def _instance(instance_id: str, body: str, crc: int) -> InstanceRecord:
    if crc != sealed(instance_id, body):
        raise Undecodable(f"checksum of instance {instance_id} does not fit")
    data: dict[str, Any] = from_json(body)
    try:
        return InstanceRecord(
            instance_id=instance_id,
            config=InstanceConfig.from_dict(data["config"]),
            desired=Desired(data["desired"]),
            created_at=data["created_at"],
            revision=data["revision"],
            quarantine=data["quarantine"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Undecodable(f"instance {instance_id} cannot be read: {type(error).__name__}") from error
