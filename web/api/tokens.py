"""/api/v1/tokens: a value is shown once, at its making; afterwards only its hash exists."""

from dataclasses import replace
from typing import Any

from core.messages import CreateToken, RevokeToken
from core.records import Scope, TokenRecord
from store.tokens import imported_token, new_token
from web import cursor
from web.answer import Answer, page, rfc3339, success
from web.api import paging
from web.api.models import ImportBody, TokenBody, checked
from web.call import Call
from web.site import Site


def create(site: Site, call: Call) -> Answer:
    """201 with the value, which is never shown again."""
    body = checked(TokenBody, call.json_body(site.settings.now.http.max_body_bytes))
    now_s = site.clock()
    value, token = new_token(
        body.name,
        [Scope(scope) for scope in body.scopes],
        body.instances,
        now=now_s,
        expires_at=None if body.expires_in_s is None else now_s + body.expires_in_s,
        requests_per_minute=body.requests_per_minute,
    )
    return success(_kept(site, token) | {"value": value}, status=201)


def take_over(site: Site, call: Call) -> Answer:
    """201 without the value: who sends it knows it. 409 when it is stored already."""
    body = checked(ImportBody, call.json_body(site.settings.now.http.max_body_bytes))
    now_s = site.clock()
    scopes = [Scope(scope) for scope in body.scopes]
    token = imported_token(body.value, body.name, scopes, body.instances, now=now_s)
    expires_at = None if body.expires_in_s is None else now_s + body.expires_in_s
    token = replace(token, expires_at=expires_at, requests_per_minute=body.requests_per_minute)
    return success(_kept(site, token), status=201)


def _kept(site: Site, token: TokenRecord) -> dict[str, Any]:
    """Make a token durable; it works from the next request on."""
    site.command(lambda ref: CreateToken(ref, token))
    site.history.forget_tokens()
    return shown(token)


def list_tokens(site: Site, call: Call) -> Answer:
    """In the order of their ids; never with a value or a hash."""
    query = paging.checked_query(call)
    everyone = sorted(site.history.tokens(), key=lambda token: token.token_id)
    after = "" if query.after is None else cursor.decode("k", query.after)
    rest = [token for token in everyone if token.token_id > after]
    chosen = rest[: query.limit]
    following = cursor.encode("k", chosen[-1].token_id) if len(rest) > len(chosen) else None
    return page([shown(token) for token in chosen], following, len(everyone))


def revoke(site: Site, call: Call) -> Answer:
    token_id = call.params["token_id"]
    site.command(lambda ref: RevokeToken(ref, token_id))
    site.history.forget_tokens()
    return success({"id": token_id, "revoked": True})


def shown(token: TokenRecord) -> dict[str, Any]:
    return {
        "id": token.token_id,
        "name": token.name,
        "scopes": sorted(scope.value for scope in token.scopes),
        "instances": None if token.instances is None else sorted(token.instances),
        "created_at": rfc3339(token.created_at),
        "expires_at": rfc3339(token.expires_at),
        "requests_per_minute": token.requests_per_minute,
    }
