"""Tokens by either way: over HTTP while a server runs, else straight in the data folder."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from cli.client import Client
from cli.failure import USAGE, CommandFailed
from cli.folder import Place, launcher_of
from cli.serve import holding
from core.instances import valid_id
from core.records import Scope
from store.errors import StoreError
from store.registry import open_registry
from store.tokens import TokenStore, new_token
from web.api.tokens import shown

V1 = "/api/v1/tokens"


class Tokens(Protocol):
    """What both ways can do; tokens are dicts in the API's shape."""

    def create(
        self, name: str, scopes: list[str], instances: list[str] | None, expires_in_s: float | None
    ) -> dict[str, Any]: ...

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

    def create(
        self, name: str, scopes: list[str], instances: list[str] | None, expires_in_s: float | None
    ) -> dict[str, Any]:
        wanted = {"name": name, "scopes": scopes, "instances": instances, "expires_in_s": expires_in_s}
        made: dict[str, Any] = self._client.call("POST", V1, wanted)["data"]
        return made

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

    def create(
        self, name: str, scopes: list[str], instances: list[str] | None, expires_in_s: float | None
    ) -> dict[str, Any]:
        now = time.time()
        wanted = [checked_scope(scope) for scope in scopes]
        for instance_id in instances or ():
            if not valid_id(instance_id):
                raise CommandFailed(f"{instance_id!r} is no instance id", USAGE)
        expires_at = None if expires_in_s is None else now + expires_in_s
        value, token = new_token(name, wanted, instances, now=now, expires_at=expires_at)
        with self._store() as store:
            store.save(token)
        return shown(token) | {"value": value}

    def list(self) -> list[dict[str, Any]]:
        with self._store() as store:
            return [shown(token) for token in store.list()]

    def revoke(self, token_id: str) -> None:
        with self._store() as store:
            if not store.delete(token_id):
                raise CommandFailed(f"there is no token {token_id}")


def checked_scope(text: str) -> Scope:
    """The scope of that name."""
    try:
        return Scope(text)
    except ValueError:
        allowed = ", ".join(scope.value for scope in Scope)
        raise CommandFailed(f"--scope must be one of {allowed} (got {text!r})", USAGE) from None
