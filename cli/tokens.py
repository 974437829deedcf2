"""Tokens by either way: over HTTP while a server runs, else straight in the data folder."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from cli.client import Client
from cli.failure import USAGE, CommandFailed
from cli.folder import Place, launcher_of
from cli.serve import holding
from core.instances import ID_RULE, valid_id
from core.records import Scope, no_token
from store.errors import StoreError
from store.registry import open_registry
from store.tokens import TokenStore, imported_token, new_token
from web.api.tokens import shown

V1 = "/api/v1/tokens"
LONGEST_NAME = 100
IMPORTABLE = tuple(scope for scope in Scope if scope is not Scope.ADMIN)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A token to be made: as the API's body. `instances`: None = all."""

    name: str
    scopes: list[str]
    instances: list[str] | None = None
    expires_in_s: float | None = None
    requests_per_minute: int | None = None


class Tokens(Protocol):
    """What both ways can do; tokens are dicts in the API's shape."""

    def create(self, wanted: Wanted) -> dict[str, Any]:
        """The new token with its `value`."""
        ...

    def take_over(self, wanted: Wanted, value: str) -> dict[str, Any]:
        """Store a value that another server gave out."""
        ...

    def list(self) -> list[dict[str, Any]]: ...

    def revoke(self, token_id: str) -> None: ...


def tokens_of(data: Path | None) -> Tokens:
    """The way that works now. A running server has to be asked, because it is the one that writes."""
    place = Place.choose(data)
    return OnlineTokens(Client.of(place)) if launcher_of(place) else OfflineTokens(place)


class OnlineTokens:
    """Asks the running server."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def create(self, wanted: Wanted) -> dict[str, Any]:
        checked(wanted)  # here as well: the server's words name fields of a body, not options
        made: dict[str, Any] = self._client.call("POST", V1, asdict(wanted))["data"]
        return made

    def take_over(self, wanted: Wanted, value: str) -> dict[str, Any]:
        checked(wanted, IMPORTABLE)
        body = asdict(wanted) | {"value": value}
        kept: dict[str, Any] = self._client.call("POST", f"{V1}/import", body)["data"]
        return kept

    def list(self) -> list[dict[str, Any]]:
        return self._client.all_pages(V1)

    def revoke(self, token_id: str) -> None:
        self._client.call("DELETE", f"{V1}/{quote(token_id, safe='')}")


class OfflineTokens:
    """Writes into the data folder; holds its lock meanwhile, so that no server starts."""

    def __init__(self, place: Place) -> None:
        self._place = place

    @contextlib.contextmanager
    def _store(self) -> Iterator[TokenStore]:
        if not self._place.data.root.is_dir():
            raise CommandFailed(f"{self._place.data.root} is no data folder: name one with --data DIR")
        with holding(self._place):
            try:
                url, aside = self._place.data.registry_url, self._place.data.corrupt
                engine = open_registry(url, time.time(), aside=aside)
                try:
                    yield TokenStore(engine)
                finally:
                    engine.dispose()
            except StoreError as error:
                raise CommandFailed(str(error)) from None

    def create(self, wanted: Wanted) -> dict[str, Any]:
        now = time.time()
        scopes, instances = checked(wanted)
        value, token = new_token(
            wanted.name,
            scopes,
            instances,
            now=now,
            expires_at=expiry(wanted, now),
            requests_per_minute=wanted.requests_per_minute,
        )
        with self._store() as store:
            store.save(token)
        return shown(token) | {"value": value}

    def take_over(self, wanted: Wanted, value: str) -> dict[str, Any]:
        now = time.time()
        scopes, instances = checked(wanted, IMPORTABLE)
        try:
            token = imported_token(value, wanted.name, scopes, instances or (), now=now)
        except ValueError as error:
            raise CommandFailed(str(error), USAGE) from None
        quota = wanted.requests_per_minute
        token = replace(token, expires_at=expiry(wanted, now), requests_per_minute=quota)
        with self._store() as store:
            store.save(token)
        return shown(token)

    def list(self) -> list[dict[str, Any]]:
        with self._store() as store:
            return [shown(token) for token in store.list()]

    def revoke(self, token_id: str) -> None:
        with self._store() as store:
            if not store.delete(token_id):
                raise CommandFailed(no_token(token_id))


def checked(wanted: Wanted, scopes: Sequence[Scope] = tuple(Scope)) -> tuple[list[Scope], list[str] | None]:
    """Scopes (of those allowed) and instances, as the API would accept them; the name is looked at, too."""
    if not 1 <= len(wanted.name) <= LONGEST_NAME:
        raise CommandFailed(
            f"the name must have 1 to {LONGEST_NAME} characters (got {len(wanted.name)})", USAGE
        )
    for instance_id in wanted.instances or ():
        if not valid_id(instance_id):
            raise CommandFailed(f"--instance {instance_id!r}: {ID_RULE}", USAGE)
    return [checked_scope(scope, scopes) for scope in wanted.scopes], wanted.instances


def expiry(wanted: Wanted, now: float) -> float | None:
    return None if wanted.expires_in_s is None else now + wanted.expires_in_s


def checked_scope(text: str, scopes: Sequence[Scope]) -> Scope:
    """The scope of that name."""
    for scope in scopes:
        if scope.value == text:
            return scope
    allowed = ", ".join(scope.value for scope in scopes)
    raise CommandFailed(f"--scope must be one of {allowed} (got {text!r})", USAGE)
