"""Which pages of other origins may read answers."""

from dataclasses import replace

import pytest

from core.config import HttpSettings
from tests.web.conftest import DEADLINE_S, World

PAGE = "https://panel.example"
ASK = {
    "origin": PAGE,
    "access-control-request-method": "POST",
}


def allow(world: World, *origins: str) -> None:
    world.settings(http=replace(HttpSettings(command_timeout_s=DEADLINE_S), cors_origins=origins))


def test_no_page_may_read_anything_by_default(world: World) -> None:
    answer = world.ask("GET", "/health", headers={"origin": PAGE})
    assert answer.status == 200
    assert not any(name.lower().startswith("access-control") for name in answer.headers)
    assert world.ask("OPTIONS", "/api/v1/instances", headers=ASK, token=None).status == 405


def test_a_listed_page_may_read_and_others_may_not(world: World) -> None:
    allow(world, PAGE)
    listed = world.ask("GET", "/health", headers={"origin": PAGE}).headers
    other = world.ask("GET", "/health", headers={"origin": "https://evil.example"}).headers
    assert listed["Access-Control-Allow-Origin"] == PAGE
    assert listed["Vary"] == other["Vary"] == "Origin"
    assert "Access-Control-Allow-Origin" not in other


def test_errors_can_be_read_too(world: World) -> None:
    allow(world, PAGE)
    answer = world.ask("GET", "/api/v1/instances", headers={"origin": PAGE}, token=None)
    assert answer.status == 401
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE


@pytest.mark.parametrize(("origins", "named"), [((PAGE,), PAGE), (("*",), "*")], ids=["listed", "any"])
def test_a_preflight_needs_no_token_and_names_what_may_be_sent(
    world: World, origins: tuple[str, ...], named: str
) -> None:
    allow(world, *origins)
    answer = world.ask("OPTIONS", "/api/v1/instances", headers=ASK, token=None)
    assert (answer.status, answer.raw) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == named
    assert "PATCH" in answer.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
