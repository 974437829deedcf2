"""What `status` says of availability."""

from cli import status_view
from cli.status_view import availability


def test_the_three_windows_of_availability_with_the_outages_of_upstreams() -> None:
    health = {
        "availability": 0.9998,
        "availability_24h": 0.999,
        "availability_30d": 0.5,
        "outage_s": 0.2,
        "outage_24h_s": 302.0,
        "outage_30d_s": 3600.0,
    }
    assert availability(health) == (
        "99.98 % since the start, 99.90 % in 24 hours (upstreams down: 5 min 2 s), "
        "50.00 % in 30 days (upstreams down: 1 h 0 min)"
    )
    assert availability({"availability": None}) is None
    counts = {
        "active_connections": 1,
        "total_instances": 2,
        "health_score": 80,
        "circuit_breaker_activations": 0,
    }
    shown = dict.fromkeys(("url", "problem", "background")) | {"data": "d", "logs": "l", "instances": []}
    [head] = status_view.render(shown | {"running": True, "pid": 7, "uptime_s": 5, "health": health | counts})
    assert "available   99.98 % since the start, 99.90 % in 24 hours (upstreams" in head
