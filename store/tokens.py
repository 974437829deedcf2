"""API tokens: 256-bit random values of which only the SHA-256 is kept.

A plain hash is enough for values of 256 random bits, and lets a digest be looked up.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, select, update

from core.records import Scope, TokenRecord
from store.codec import Undecodable, from_json, to_json
from store.database import reading, writing
from store.errors import TokenTaken
from store.schema import sealed
from store.schema import tokens as table

PREFIX = "sbg_"
# The token made at the first start, and the one given by SAMBUNG_ADMIN_TOKEN or --token.
FIRST_ADMIN_ID = "admin"
GIVEN_ADMIN_ID = "admin-given"
# Values of other servers are shorter than ours; what is shorter than this is found by trying.
LEAST_IMPORTED_CHARS = 8


def digest_of(value: str) -> str:
    """SHA-256 of a token's value, hex."""
    return hashlib.sha256(value.encode(errors="surrogatepass")).hexdigest()


def new_token(
    name: str,
    scopes: Iterable[Scope],
    instances: Iterable[str] | None = None,
    *,
    now: float,
    expires_at: float | None = None,
    requests_per_minute: int | None = None,
) -> tuple[str, TokenRecord]:
    """A random token: its value, to be shown once, and the record to save. Times are epoch seconds."""
    value = PREFIX + secrets.token_urlsafe(32)
    token = token_from_value(value, name, scopes, instances, now=now, expires_at=expires_at)
    return value, replace(token, requests_per_minute=requests_per_minute)


def imported_token(
    value: str, name: str, scopes: Iterable[Scope], instances: Iterable[str], *, now: float
) -> TokenRecord:
    """The record for a value that another server gave out; it is good for these instances only, and never an admin's.

    Raises ValueError, also for a value that is quickly guessed.
    """
    scopes = frozenset(scopes)
    if Scope.ADMIN in scopes:
        raise ValueError("an imported token cannot be an admin's: make a new one for that")
    if len(value) < LEAST_IMPORTED_CHARS:
        raise ValueError(f"a token's value must have at least {LEAST_IMPORTED_CHARS} characters")
    return token_from_value(value, name, scopes, instances, now=now)


def checked_value(value: str) -> str:
    """The value; raises ValueError, which does not repeat it, for one that no header can carry."""
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError("a token's value must be printable ASCII without spaces")
    return value


def token_from_value(
    value: str,
    name: str,
    scopes: Iterable[Scope],
    instances: Iterable[str] | None = None,
    *,
    now: float,
    expires_at: float | None = None,
    token_id: str | None = None,
) -> TokenRecord:
    """The record for a value that somebody else chose.

    Raises ValueError for a value that no header can carry, and for scopes or instances that allow nothing.
    """
    checked_value(value)
    scopes, instances = frozenset(scopes), None if instances is None else frozenset(instances)
    if not scopes or instances == frozenset():
        raise ValueError(
            "a token needs at least one scope, and at least one instance if it is limited to some"
        )
    return TokenRecord(
        token_id=token_id or secrets.token_hex(8),
        name=name,
        digest=digest_of(value),
        scopes=scopes,
        instances=instances,
        created_at=now,
        expires_at=expires_at,
    )


def verify(value: str, candidates: Iterable[TokenRecord], now: float) -> TokenRecord | None:
    """The unexpired token with this value. Every candidate is compared, each in constant time."""
    digest, found = digest_of(value), None
    for token in candidates:
        if hmac.compare_digest(digest, token.digest):
            found = token
    if found is None or (found.expires_at is not None and now >= found.expires_at):
        return None
    return found


class TokenStore:
    """Tokens in the registry's database; works while the server is down as well. Raises StoreFailed."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def save(self, token: TokenRecord) -> None:
        """Insert or replace by token id. Raises TokenTaken when another id has the same value."""
        with writing(self._engine) as db:
            same = (table.c.digest == token.digest) & (table.c.token_id != token.token_id)
            taken = db.execute(select(table.c.token_id).where(same)).scalar()
            if taken is not None:
                raise TokenTaken(taken)
            _put(db, token)

    def delete(self, token_id: str) -> bool:
        """False when there is none."""
        with writing(self._engine) as db:
            return bool(db.execute(delete(table).where(table.c.token_id == token_id)).rowcount)

    def list(self) -> tuple[TokenRecord, ...]:
        """All tokens, expired ones too, oldest first."""
        with reading(self._engine) as db:
            return read_tokens(db)

    def by_digest(self, digest: str) -> TokenRecord | None:
        with reading(self._engine) as db:
            row = db.execute(select(table).where(table.c.digest == digest)).one_or_none()
            return None if row is None else _token(row)

    def ensure_admin(self, now: float) -> str | None:
        """Make the first admin token when no usable one is there; its value then, else None."""
        with writing(self._engine) as db:
            if any(_rules_all(token, now) for token in read_tokens(db)):
                return None
            value, token = new_token("first admin", {Scope.ADMIN}, now=now)
            _put(db, replace(token, token_id=FIRST_ADMIN_ID))
            return value

    def set_admin_from_value(self, value: str | None, now: float) -> bool:
        """Make `value` an admin token in place of the one given before; None takes that one back.

        True when something changed. Raises ValueError for a value that is short or that no header can carry.
        """
        with writing(self._engine) as db:
            before = db.execute(select(table.c.digest).where(table.c.token_id == GIVEN_ADMIN_ID)).scalar()
            if value is None:
                db.execute(delete(table).where(table.c.token_id == GIVEN_ADMIN_ID))
                return before is not None
            token = token_from_value(value, "given at start", {Scope.ADMIN}, now=now, token_id=GIVEN_ADMIN_ID)
            if len(value) < LEAST_IMPORTED_CHARS:
                raise ValueError(f"a token's value must have at least {LEAST_IMPORTED_CHARS} characters")
            if token.digest == before:
                return False
            # The value may be that of another token: it is the given one from now on.
            db.execute(delete(table).where(table.c.digest == token.digest))
            _put(db, token)
            return True


def read_tokens(db: Connection) -> tuple[TokenRecord, ...]:
    """All tokens, oldest first."""
    found = [_token(row) for row in db.execute(select(table))]
    return tuple(sorted(found, key=lambda token: (token.created_at, token.token_id)))


def _rules_all(token: TokenRecord, now: float) -> bool:
    live = token.expires_at is None or now < token.expires_at
    return live and Scope.ADMIN in token.scopes and token.instances is None


def _put(db: Connection, token: TokenRecord) -> None:
    body = to_json(
        {
            "name": token.name,
            "scopes": sorted(scope.value for scope in token.scopes),
            "instances": None if token.instances is None else sorted(token.instances),
            "created_at": token.created_at,
            "expires_at": token.expires_at,
            "requests_per_minute": token.requests_per_minute,
        }
    )
    values = {"token_id": token.token_id, "digest": token.digest, "body": body}
    values["crc"] = sealed(*values.values())  # type: ignore[assignment]
    if not db.execute(update(table).where(table.c.token_id == token.token_id).values(values)).rowcount:
        db.execute(insert(table).values(values))


def _token(row: Any) -> TokenRecord:
    if row.crc != sealed(row.token_id, row.digest, row.body):
        raise Undecodable(f"checksum of token {row.token_id} does not fit")
    data = from_json(row.body)
    return TokenRecord(
        token_id=row.token_id,
        name=data["name"],
        digest=row.digest,
        scopes=frozenset(Scope(scope) for scope in data["scopes"]),
        instances=None if data["instances"] is None else frozenset(data["instances"]),
        created_at=data["created_at"],
        expires_at=data["expires_at"],
        requests_per_minute=data.get("requests_per_minute"),  # a row from before quotas has none
    )
