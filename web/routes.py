"""The route table: every path that this server answers, what answers it, and who may ask."""

from core.records import Scope
from web import legacy
from web.api import actions, admin, changes, cleanup, events, history, instances, outgoing, tokens
from web.routing import Access, Route

V1 = "/api/v1"
ONE = f"{V1}/instances/{{instance_id}}"

READ = (Scope.READ,)
OPERATE = (Scope.OPERATE,)
SEND = (Scope.SEND,)
READ_OR_SEND = (Scope.READ, Scope.SEND)

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
    Route("PATCH", ONE, changes.patch),
    Route("POST", f"{ONE}/connect", actions.connect, OPERATE),
    Route("POST", f"{ONE}/disconnect", actions.disconnect, OPERATE),
    Route("POST", f"{ONE}/restart", actions.restart, OPERATE),
    Route("POST", f"{ONE}/force-retry", actions.force_retry, OPERATE),
    Route("POST", f"{ONE}/reset-circuit-breaker", actions.reset_breaker, OPERATE),
    Route("GET", f"{ONE}/messages", outgoing.list_messages, READ_OR_SEND),
    Route("POST", f"{ONE}/messages", outgoing.submit, SEND),
    Route("GET", f"{ONE}/messages/{{message_id}}", outgoing.show, READ_OR_SEND),
    Route("GET", f"{ONE}/timeline", history.timeline, READ),
    Route("GET", f"{ONE}/crashes", history.crashes, READ),
    Route("GET", f"{ONE}/events", events.instance_events, READ),
    Route("GET", f"{V1}/events", events.all_events, READ),
    Route("GET", f"{V1}/tokens", tokens.list_tokens, fleet_wide=True),
    Route("POST", f"{V1}/tokens", tokens.create, fleet_wide=True),
    Route("POST", f"{V1}/tokens/import", tokens.take_over, fleet_wide=True),
    Route("DELETE", f"{V1}/tokens/{{token_id}}", tokens.revoke, fleet_wide=True),
    Route("GET", f"{V1}/cleanup", cleanup.show, READ, fleet_wide=True),
    Route("POST", f"{V1}/cleanup", cleanup.run, fleet_wide=True),
    Route("DELETE", f"{V1}/cleanup/sessions/{{session}}", cleanup.delete_session, fleet_wide=True),
    Route("POST", f"{V1}/reload", admin.reload, fleet_wide=True),
    Route("GET", f"{V1}/server", admin.server, READ),
)
