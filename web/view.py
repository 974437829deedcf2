"""Snapshots as JSON: the shapes of the contract (§1 health, §7 instance)."""

from typing import Any

from core import availability
from core.availability import Span
from core.health import ACTIVATED, CONNECTING, FleetCounts, score
from core.snapshot import Fleet, InstanceSnapshot
from web.answer import rfc3339, shown_times


def instance(one: InstanceSnapshot, now_s: float) -> dict[str, Any]:
    """An instance as the API shows it; the configuration without its secrets."""
    return {
        "id": one.instance_id,
        "link": one.config.link.value,
        "desired": one.desired,
        "link_state": one.link_state,
        "breaker_state": one.breaker_state,
        "reason": one.reason,
        "next_step": one.next_step,
        "since": rfc3339(one.since) if one.since else None,
        "attempts": one.attempts,
        "recent_failures": one.recent_failures,
        "next_retry_in_s": remaining_s(one.next_retry_at, now_s),
        "pid": one.pid,
        "host": one.host,
        "restarts": one.restarts,
        "availability": share(one.run),
        "last_frame_age_s": None if one.last_frame_at is None else age_s(one.last_frame_at, now_s),
        "config": one.config.masked(),
        "availability_24h": share(one.day),
        "availability_30d": share(one.month),
        "outage_s": round(one.run.outage_s, 3),
        "outage_24h_s": round(one.day.outage_s, 3),
        "outage_30d_s": round(one.month.outage_s, 3),
    }


def breaker_status(one: InstanceSnapshot, now_s: float) -> dict[str, Any]:
    """The data of `/circuit-breaker-status/{id}`."""
    return {
        "instance_id": one.instance_id,
        "retry_attempts": one.attempts,
        "recent_failures": one.recent_failures,
        "circuit_breaker_active": one.breaker_state in ACTIVATED,
        "session_exists": one.link_state == "open",
        "connecting": one.link_state in CONNECTING,
        "breaker_state": one.breaker_state,
        "link_state": one.link_state,
        "reason": one.reason,
        "next_step": one.next_step,
        "next_retry_in_s": remaining_s(one.next_retry_at, now_s),
        "last_failure_timestamps": [int(at * 1000) for at in one.failure_times],
    }


def health(fleet: Fleet | None, counts: FleetCounts, now_s: float) -> dict[str, Any]:
    """The data of `/health`; the first five keys are the ones that operators' scripts read."""
    return {
        "server_status": "running",
        "total_instances": counts.total,
        "active_connections": counts.active,
        "circuit_breaker_activations": counts.open,
        "health_score": score(counts.total, counts.open, counts.down),
        "registered_instances": counts.registered,
        "connecting": counts.connecting,
        "awaiting_link": counts.awaiting_link,
        "parked": counts.parked,
        "total_retry_attempts": counts.retry_attempts,
        "total_recent_failures": counts.recent_failures,
        "availability": rounded(counts.availability),
        "availability_24h": rounded(counts.availability_24h),
        "availability_30d": rounded(counts.availability_30d),
        "outage_s": round(counts.outage_s, 3),
        "outage_24h_s": round(counts.outage_24h_s, 3),
        "outage_30d_s": round(counts.outage_30d_s, 3),
    } | _host(fleet, now_s)


def _host(fleet: Fleet | None, now_s: float) -> dict[str, Any]:
    if fleet is None:
        return {"hosts": 0, "upstreams": [], "cleanup_age_s": None, "data_bytes": 0, "disk_free_bytes": 0}
    host = fleet.host
    return {
        "hosts": 1,
        "upstreams": [shown_times(upstream) for upstream in host.upstreams],
        "cleanup_age_s": None if host.sweep is None else age_s(host.sweep.at, now_s),
        "data_bytes": host.data_bytes,
        "disk_free_bytes": host.disk_free_bytes,
    }


def remaining_s(at_s: float | None, now_s: float) -> float | None:
    return None if at_s is None else round(max(0.0, at_s - now_s), 3)


def age_s(at_s: float, now_s: float) -> float:
    return round(max(0.0, now_s - at_s), 3)


def share(span: Span) -> float | None:
    return rounded(availability.ratio(span))


def rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
