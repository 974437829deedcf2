"""The route table: every path that this server answers, what answers it, and who may ask."""

from core.records import Scope
from web import legacy
from web.api import instances
from web.routing import Access, Route

V1 = "/api/v1"
ONE = f"{V1}/instances/{{instance_id}}"

READ = (Scope.READ,)
OPERATE = (Scope.OPERATE,)

ROUTES: tuple[Route, ...] = (
    Route("GET", "/", legacy.welcome, access=Access.ANYONE),
    Route("GET", "/health", legacy.health, READ, Access.ANYONE_IF_HEALTH_IS_PUBLIC),
    Route("GET", "/health/live", legacy.live, access=Access.ANYONE),
    Route("GET", "/health/ready", legacy.ready, access=Access.ANYONE),
    Route(
        "GET",
        "/circuit-breaker-status/{instance_id}",
        legacy.breaker_status,
        READ,
        Access.ANYONE_IF_HEALTH_IS_PUBLIC,
    ),
    Route("POST", "/force-retry/{instance_id}", legacy.force_retry, OPERATE),
    Route("POST", "/reset-circuit-breaker/{instance_id}", legacy.reset_breaker, OPERATE),
    Route("GET", f"{V1}/instances", instances.list_instances, READ),
    Route("POST", f"{V1}/instances", instances.create),
    Route("GET", ONE, instances.show, READ),
    Route("DELETE", ONE, instances.remove),
    Route("POST", f"{ONE}/force-retry", legacy.force_retry, OPERATE),
    Route("POST", f"{ONE}/reset-circuit-breaker", legacy.reset_breaker, OPERATE),
)
