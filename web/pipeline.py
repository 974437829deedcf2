"""One request from its path to its answer: method, token, right, id, then the handler."""

import logging
from dataclasses import replace

from store.errors import BadCursor, StoreError
from web import cors, peer
from web.answer import Answer, failure
from web.auth import authorised
from web.call import Call
from web.errors import ApiError
from web.routing import Router
from web.site import Site

log = logging.getLogger("sambung.web")


class Pipeline:
    """Answers calls; deny by default: a route without a word about access needs an admin's token."""

    def __init__(self, site: Site, router: Router) -> None:
        self._site = site
        self._router = router

    def client_address(self, call: Call) -> str:
        """Whom the request comes from, by the proxies that are trusted now."""
        return peer.client_address(call.peer, call.headers, self._site.settings.now.http.trusted_proxies)

    def answer(self, call: Call) -> tuple[Answer, Call]:
        """The answer, and the call with what was learnt about it. Only bugs raise."""
        origins = self._site.settings.now.http.cors_origins
        asked = cors.preflight(call, origins)
        if asked is not None:
            return asked, call
        answer, call = self._answer(call)
        return cors.with_cors(answer, call, origins), call

    def _answer(self, call: Call) -> tuple[Answer, Call]:
        try:
            route, params = self._router.find(call.method, call.path)
            call = replace(call, params=params)
            principal = authorised(self._site.auth, self._site.settings.now, route, call)
            call = replace(call, principal=principal)
            return route.handler(self._site, call), call
        except ApiError as error:
            return failure(error), call
        except BadCursor as error:
            return failure(ApiError("invalid_cursor", str(error))), call
        except StoreError as error:
            log.warning("a read from the store failed: %s", error)
            return failure(
                ApiError("storage_failed", "The storage cannot be read now; the log says more")
            ), call
