"""Before the first process: settings, folders, database, wire key, admin token.

Runs as a short-lived process of its own: the launcher stays small, and the actors process forks before it opens a
database.
"""

import json
import os
import sys
import time

from actors.wire_key import WireKeyError, load_or_create_wire_key
from cli.child import EXIT_CONFIG
from cli.folder import Place
from cli.request import Request
from cli.settings import WrongSettings, load_settings
from cli.settings_json import read_settings, write_settings
from core.config import Settings
from store.errors import StoreError
from store.registry import open_registry
from store.tokens import TokenStore


def run(request: Request, place: Place) -> int:
    """The process: `{"admin_token": …}` on stdout, or every reason on stderr and EXIT_CONFIG."""
    try:
        write_settings(place.settings_file, settings_for(request, place))
        load_or_create_wire_key(place.data.wire_key)
        result = {"admin_token": new_admin_token(place)}
    except WrongSettings as error:
        return refused(["the settings cannot be used:", *error.lines])
    except (StoreError, WireKeyError) as error:
        return refused([str(error)])
    except ValueError as error:
        return refused([f"environment: SAMBUNG_ADMIN_TOKEN: {error}"])
    sys.stdout.write(json.dumps(result))
    return 0


def settings_for(request: Request, place: Place) -> Settings:
    """The settings that hold; for a server that comes back, those it had when the file is wrong by now."""
    try:
        return load_settings(request.config, request.options)
    except WrongSettings as error:
        if not request.again:
            raise
        refused(["the settings cannot be used, the server comes back with its last ones:", *error.lines])
        return read_settings(place.settings_file)


def new_admin_token(place: Place) -> str | None:
    """Make the admin token that the environment gives, or one where there is none; the value of one made just now."""
    now = time.time()
    engine = open_registry(place.data.registry_url, now, aside=place.data.corrupt)
    try:
        tokens = TokenStore(engine)
        given = os.environ.get("SAMBUNG_ADMIN_TOKEN") or None
        tokens.set_admin_from_value(given, now)
        return None if given else tokens.ensure_admin(now)
    finally:
        engine.dispose()


def refused(lines: list[str]) -> int:
    """Say why the server cannot start."""
    sys.stderr.write("sambung: " + "\n  ".join(lines) + "\n")
    return EXIT_CONFIG
