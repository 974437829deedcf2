"""Who asks, and may they: tokens in four places, scopes, instance lists.

Only SHA-256 hashes are kept and compared, in constant time; a token's value appears in no log and no error.
"""

import hmac
import time
from collections.abc import Callable

from core.config import Settings
from core.instances import valid_id
from core.records import Scope
from store.tokens import digest_of, verify
from web.call import ANYONE, Call, Principal, parse_query
from web.errors import ApiError, instance_not_found
from web.peer import is_local
from web.quotas import Quotas
from web.routing import Access, Route
from web.sources import TokenSource

BEARER = "bearer "
CLI = "cli"


def presented_token(call: Call, *, query_token: bool) -> str | None:
    """The token of a request. Raises ApiError when it comes by two ways at once, or by a way turned off."""
    found = _in_headers(call)
    in_query = [value for name, value in parse_query(call.query_string) if name == "access_token"]
    if in_query and not query_token:
        raise ApiError(
            "unauthorized",
            "Tokens in the query are turned off (auth.query_token); send Authorization: Bearer TOKEN",
        )
    found += in_query
    if len(found) > 1:
        raise ApiError("several_tokens", "Send the token by one method only")
    return found[0] if found else None


def _in_headers(call: Call) -> list[str]:
    found = [call.headers[name] for name in ("x-api-key", "apikey") if name in call.headers]
    authorization = call.headers.get("authorization")
    if authorization is not None:
        if not authorization.lower().startswith(BEARER):
            raise ApiError("unauthorized", "The Authorization header must be: Bearer TOKEN")
        found.append(authorization[len(BEARER) :].strip())
    return found


class Authenticator:
    """Finds the owner of a token among the stored ones and the CLI's. `clock`: epoch seconds.

    `quotas`: what was counted so far.
    """

    def __init__(
        self,
        source: TokenSource,
        cli_digest: str | None,
        clock: Callable[[], float] = time.time,
        quotas: Quotas | None = None,
    ) -> None:
        self._source = source
        self._cli_digest = cli_digest
        self._clock = clock
        self.quotas = quotas or Quotas()

    def principal(self, value: str, *, local: bool) -> Principal | None:
        """The owner of a token value; None when nobody's, expired, or the CLI's from another machine."""
        if self._cli_digest is not None and hmac.compare_digest(digest_of(value), self._cli_digest):
            return Principal(CLI, CLI, frozenset({Scope.ADMIN})) if local else None
        found = verify(value, self._source.tokens(), self._clock())
        if found is None:
            return None
        return Principal(found.token_id, found.name, found.scopes, found.instances, found.requests_per_minute)

    def still_valid(self, principal: Principal) -> bool:
        """Whether the token of an earlier request has not been revoked and not expired since."""
        if principal.token_id == CLI:
            return True
        now_s = self._clock()
        return any(
            token.token_id == principal.token_id and (token.expires_at is None or now_s < token.expires_at)
            for token in self._source.tokens()
        )


def authorised(auth: Authenticator, settings: Settings, route: Route, call: Call) -> Principal:
    """Token, its quota, then right, then whether the instance exists for this token.

    Raises ApiError 400, 401, 403, 404, 429.
    """
    if is_public(route, settings):
        _refuse_several(call)
        return ANYONE
    value = presented_token(call, query_token=settings.auth.query_token)
    principal = auth.principal(value, local=is_local(call.peer, call.headers)) if value else None
    if principal is None:
        raise _nobody(auth, settings, call.peer, value)
    _check_quota(auth, settings, principal)
    check_right(route, principal)
    instance_id = call.params.get("instance_id")
    if instance_id is not None and not (valid_id(instance_id) and principal.sees(instance_id)):
        raise instance_not_found(instance_id)
    return principal


def _refuse_several(call: Call) -> None:
    """Nobody looks at a token here, but two of them are a mistake everywhere."""
    try:
        presented_token(call, query_token=True)
    except ApiError as error:
        if error.code == "several_tokens":
            raise


def _nobody(auth: Authenticator, settings: Settings, address: str, value: str | None) -> ApiError:
    """401; 429 for an address that guesses. Counted only after the look-up, so a valid token always passes."""
    if not value:
        text = "A token is needed: Authorization: Bearer TOKEN"
    else:
        limit = settings.auth.failures_per_minute
        wait_s = auth.quotas.failed(address, limit)
        if wait_s is not None:
            said = f"More than {limit} wrong tokens in a minute from this address (auth.failures_per_minute)"
            return ApiError("too_many_failures", said, headers={"Retry-After": str(wait_s)})
        text = "The token is not valid"
    return ApiError("unauthorized", text, headers={"WWW-Authenticate": 'Bearer realm="sambung"'})


def _check_quota(auth: Authenticator, settings: Settings, principal: Principal) -> None:
    """The CLI's own token has no quota: with it an operator repairs what is wrong."""
    own = principal.requests_per_minute
    limit = settings.limits.requests_per_minute if own is None else own
    if principal.token_id == CLI:
        return
    wait_s = auth.quotas.asked(principal.token_id, limit)
    if wait_s is not None:
        text = f"This token's quota of {limit} requests per minute is used up; wait {wait_s} s"
        raise ApiError("quota_exceeded", text, headers={"Retry-After": str(wait_s)})


def check_right(route: Route, principal: Principal) -> None:
    if not principal.may(*route.scopes):
        needed = " or ".join(scope.value for scope in route.scopes)
        raise ApiError("forbidden", f"The token lacks the right for this (needed: {needed})")
    if route.fleet_wide and principal.instances is not None:
        raise ApiError("forbidden", "The token is limited to some instances; this concerns all of them")


def is_public(route: Route, settings: Settings) -> bool:
    match route.access:
        case Access.ANYONE:
            return True
        case Access.ANYONE_IF_HEALTH_IS_PUBLIC:
            return settings.health.public
        case Access.NOBODY:
            return False
