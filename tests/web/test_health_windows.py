"""Availability in `/health`: three windows, and of each the seconds that an upstream was down."""

from core.availability import Span
from tests.web.conftest import World
from tests.web.fakes import snapshot


def test_availability_and_outages_in_each_window(world: World) -> None:
    spans = {"run": Span(40.0, 30.0, 1.0), "day": Span(40.0, 20.0, 2.0), "month": Span(40.0, 10.0, 3.0)}
    world.put(snapshot("a", link_state="open", **spans), snapshot("b", link_state="open", **spans))
    data = world.ask("GET", "/health", token=None).body["data"]
    assert [data[f"availability{window}"] for window in ("", "_24h", "_30d")] == [0.75, 0.5, 0.25]
    assert [data[f"outage{window}_s"] for window in ("", "_24h", "_30d")] == [2.0, 4.0, 6.0]
