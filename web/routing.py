"""One table of routes: what answers, and who may ask. Dispatch, `Allow`, rights and the API's description use it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from core.records import Scope
from web.answer import Answer
from web.call import Call
from web.errors import ApiError

Handler = Callable[[Any, Call], Answer]


class Access(Enum):
    """Who may call a route without a token."""

    NOBODY = "nobody"
    ANYONE = "anyone"
    ANYONE_IF_HEALTH_IS_PUBLIC = "anyone if health.public"


@dataclass(frozen=True, slots=True)
class Route:
    """`path`: segments, `{name}` takes one. `scopes`: any of them suffices; what is not named needs ADMIN.

    `fleet_wide`: a token that is limited to some instances may not use it.
    """

    method: str
    path: str
    handler: Handler
    scopes: tuple[Scope, ...] = (Scope.ADMIN,)
    access: Access = Access.NOBODY
    fleet_wide: bool = False


@dataclass(frozen=True, slots=True)
class Resource:
    """All methods of one path."""

    segments: tuple[str, ...]
    routes: dict[str, Route] = field(default_factory=dict)

    @property
    def allow(self) -> str:
        """The value of the Allow header; HEAD works wherever GET does."""
        methods = set(self.routes) | ({"HEAD"} if "GET" in self.routes else set())
        return ", ".join(sorted(methods))

    def match(self, segments: tuple[str, ...]) -> dict[str, str] | None:
        """The named parts, None when the path is another."""
        params: dict[str, str] = {}
        for own, given in zip(self.segments, segments, strict=True):
            if own.startswith("{"):
                params[own[1:-1]] = given
            elif own != given:
                return None
        return params


class Router:
    """Finds the route of a method and path; literal segments win over named ones."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._by_length: dict[int, list[Resource]] = {}
        self.routes = tuple(routes)
        for route in self.routes:
            self._resource(route.path).routes[route.method] = route
        for resources in self._by_length.values():
            resources.sort(key=lambda resource: [part.startswith("{") for part in resource.segments])

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """Raises ApiError: 404 for an unknown path, 405 with Allow for a method that the path lacks."""
        segments = split_path(path)
        for resource in self._by_length.get(len(segments), ()):
            params = resource.match(segments)
            if params is None:
                continue
            route = resource.routes.get("GET" if method == "HEAD" else method)
            if route is None:
                raise _not_allowed(method, resource)
            return route, params
        raise ApiError("not_found", "There is nothing at this path")

    def _resource(self, path: str) -> Resource:
        segments = split_path(path)
        same_length = self._by_length.setdefault(len(segments), [])
        for resource in same_length:
            if resource.segments == segments:
                return resource
        same_length.append(Resource(segments))
        return same_length[-1]


def split_path(path: str) -> tuple[str, ...]:
    """Segments of a path; one slash at the end does not count."""
    inner = path.removeprefix("/").removesuffix("/")
    return tuple(inner.split("/")) if inner else ()


def _not_allowed(method: str, resource: Resource) -> ApiError:
    text = f"{method} is not allowed here (allowed: {resource.allow})"
    return ApiError("method_not_allowed", text, headers={"Allow": resource.allow})
