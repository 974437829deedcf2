"""How often somebody may ask: wrong tokens per address, requests per token."""

import math
import time
from dataclasses import replace

import pytest

from core.config import AuthSettings, LimitsSettings
from core.records import Scope
from tests.web.conftest import CLI_TOKEN, Live, Reply, World
from web.quotas import Quotas, network_of
from web.windows import SWEEP_ABOVE, WINDOW_S, MonotonicStorage

WRONG = "sbg_" + "w" * 43
INSTANCES = "/api/v1/instances"


class Clock:
    """Monotonic seconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


# ── the counting ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_so_many_in_a_minute_and_not_one_more(clock: Clock) -> None:
    quotas = Quotas(clock)
    assert [quotas.asked("t", 3) for _ in range(5)] == [None, None, None, 60, 60]


def test_the_window_moves_with_the_oldest(clock: Clock) -> None:
    quotas = Quotas(clock)
    for at_s in (0, 20, 40):
        clock.now_s = 1000.0 + at_s
        assert quotas.asked("t", 3) is None
    clock.now_s = 1059.5
    assert quotas.asked("t", 3) == 1
    clock.now_s = 1060.0
    assert [quotas.asked("t", 3), quotas.asked("t", 3)] == [None, 20]


def test_what_is_refused_does_not_count(clock: Clock) -> None:
    quotas = Quotas(clock)
    assert quotas.asked("t", 1) is None
    for _ in range(100):
        clock.now_s += 0.5
        assert quotas.asked("t", 1) is not None
    clock.now_s = 1060.0
    assert quotas.asked("t", 1) is None


def test_names_and_kinds_are_counted_apart(clock: Clock) -> None:
    quotas = Quotas(clock)
    assert [quotas.asked("a", 1), quotas.asked("b", 1), quotas.failed("a", 1)] == [None, None, None]
    assert quotas.asked("a", 1) is not None


def test_zero_is_no_limit(clock: Clock) -> None:
    quotas = Quotas(clock)
    assert {quotas.asked("t", 0) for _ in range(1000)} == {None}


def test_a_changed_limit_begins_anew(clock: Clock) -> None:
    quotas = Quotas(clock)
    assert [quotas.asked("t", 2) for _ in range(3)] == [None, None, 60]
    assert [quotas.asked("t", 1), quotas.asked("t", 1)] == [None, 60]


def test_a_wall_clock_that_jumps_moves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    quotas, jumped = Quotas(), time.time() - 86_400
    monkeypatch.setattr(time, "time", lambda: jumped)
    assert [quotas.asked("t", 1), quotas.asked("t", 1)] == [None, WINDOW_S]
    monkeypatch.setattr(time, "time", lambda: jumped + 2 * 86_400)
    assert quotas.asked("t", 1) == WINDOW_S


def test_addresses_that_came_once_are_forgotten(clock: Clock) -> None:
    storage = MonotonicStorage(clock)
    for number in range(5 * SWEEP_ABOVE):
        clock.now_s += 1
        assert storage.acquire_entry(f"k{number}", 10, WINDOW_S)
    assert len(storage._times) <= SWEEP_ABOVE + WINDOW_S


def test_a_flood_of_addresses_is_swept_rarely(clock: Clock) -> None:
    storage = MonotonicStorage(clock)
    for number in range(3 * SWEEP_ABOVE):
        assert storage.acquire_entry(f"k{number}", 10, WINDOW_S)
    assert storage._sweep_above >= 2 * SWEEP_ABOVE
    assert storage.get("k0") == 1


def test_the_storage_can_count_forget_and_be_reset(clock: Clock) -> None:
    storage = MonotonicStorage(clock)
    assert [storage.incr("a", WINDOW_S), storage.incr("a", WINDOW_S, 2), storage.get("a")] == [1, 3, 3]
    assert storage.get_expiry("a") == 1060.0
    storage.clear("a")
    assert (storage.get("a"), storage.get_moving_window("a", 3, WINDOW_S)) == (0, (1000.0, 0))
    storage.incr("b", WINDOW_S)
    assert storage.reset() == 2 and storage.get("b") == 0 and storage.check()


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("somebody", "somebody"),
    ],
)
def test_what_counts_as_one_address(address: str, name: str) -> None:
    assert network_of(address) == name


# ── wrong tokens ─────────────────────────────────────────────────────────────────────────────────────────────────


def guess(world: World, peer: str = "192.0.2.1", token: str | None = WRONG) -> Reply:
    return world.ask("GET", INSTANCES, token=token, peer=peer)


def test_the_eleventh_wrong_token_of_a_minute_is_429(world: World) -> None:
    assert [guess(world).status for _ in range(10)] == [401] * 10
    reply = guess(world)
    assert (reply.status, reply.code) == (429, "too_many_failures")
    assert 1 <= int(reply.headers["Retry-After"]) <= 60


def test_a_valid_token_always_passes(world: World) -> None:
    for _ in range(20):
        guess(world)
    assert guess(world).status == 429
    assert guess(world, token="admin").status == 200
    assert guess(world).status == 429


def test_other_addresses_are_not_held_responsible(world: World) -> None:
    for _ in range(11):
        guess(world)
    assert guess(world, peer="192.0.2.2").status == 401


def test_neighbours_of_one_ipv6_network_are_one(world: World) -> None:
    statuses = [guess(world, peer=f"2001:db8::{number:x}").status for number in range(11)]
    assert statuses == [401] * 10 + [429]


def test_requests_without_a_token_are_no_guesses(world: World) -> None:
    assert {guess(world, token=None).status for _ in range(30)} == {401}
    assert guess(world).status == 401


def test_what_needs_no_token_is_never_refused(world: World) -> None:
    for _ in range(12):
        guess(world)
    headers = {"authorization": f"Bearer {WRONG}"}
    reply = world.ask("GET", "/health", token=None, headers=headers, peer="192.0.2.1")
    assert reply.status == 200


def test_an_expired_token_counts_as_wrong(world: World) -> None:
    old = world.history.add_token(Scope.READ, expires_at=time.time() - 1)
    assert [guess(world, token=old).status for _ in range(11)][-2:] == [401, 429]


def test_the_limit_is_a_knob(world: World) -> None:
    world.settings(auth=AuthSettings(failures_per_minute=2))
    assert [guess(world).status for _ in range(3)] == [401, 401, 429]
    world.settings(auth=AuthSettings(failures_per_minute=0))
    assert guess(world).status == 401


def test_a_guesser_is_logged_once_a_minute_without_its_guesses(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("WARNING", "sambung"):
        for _ in range(30):
            guess(world)
    lines = [one.getMessage() for one in caplog.records if getattr(one, "event", "") == "auth.limited"]
    assert lines == ["More than 10 wrong tokens in a minute from 192.0.2.1: answering 429"]
    assert WRONG not in caplog.text


# ── requests ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_tokens_own_quota(world: World) -> None:
    made = world.ask("POST", "/api/v1/tokens", {"name": "x", "scopes": ["read"], "requests_per_minute": 3})
    assert made.body["data"]["requests_per_minute"] == 3
    token = made.body["data"]["value"]
    assert [world.ask("GET", INSTANCES, token=token).status for _ in range(3)] == [200] * 3
    reply = world.ask("GET", INSTANCES, token=token)
    assert (reply.status, reply.code) == (429, "quota_exceeded")
    assert 1 <= int(reply.headers["Retry-After"]) <= 60
    assert world.ask("GET", INSTANCES).status == 200


def test_the_servers_quota_is_for_tokens_without_one(world: World) -> None:
    world.settings(limits=LimitsSettings(requests_per_minute=2))
    plain = world.history.add_token(Scope.READ)
    body = {"name": "x", "scopes": ["read"], "requests_per_minute": 0}
    free = world.ask("POST", "/api/v1/tokens", body).body["data"]["value"]
    assert [world.ask("GET", INSTANCES, token=plain).status for _ in range(3)] == [200, 200, 429]
    assert {world.ask("GET", INSTANCES, token=free).status for _ in range(10)} == {200}


def test_the_quota_is_checked_before_rights_and_instances(world: World) -> None:
    world.settings(limits=LimitsSettings(requests_per_minute=1))
    token = world.history.add_token(Scope.READ)
    assert world.ask("POST", "/force-retry/zzz", token=token).status == 403
    assert world.ask("POST", "/force-retry/zzz", token=token).status == 429
    assert world.ask("DELETE", "/force-retry/zzz", token=token).status == 405


def test_the_command_line_has_no_quota(world: World) -> None:
    world.settings(limits=LimitsSettings(requests_per_minute=1))
    assert {world.ask("GET", INSTANCES, token=CLI_TOKEN).status for _ in range(5)} == {200}


def test_behind_a_trusted_proxy_the_client_is_the_one_that_counts(live: Live) -> None:
    live.settings(http=replace(live.site.settings.now.http, trusted_proxies=("127.0.0.1",)))

    def guess_by(client: str) -> int:
        headers = live.auth(WRONG) | {"X-Forwarded-For": client}
        return live.http.get(INSTANCES, headers=headers).status_code

    assert [guess_by("192.0.2.1") for _ in range(11)] == [401] * 10 + [429]
    assert guess_by("192.0.2.2") == 401


def test_waits_are_whole_seconds_rounded_up(clock: Clock) -> None:
    quotas = Quotas(clock)
    quotas.asked("t", 1)
    clock.now_s += 12.3
    assert quotas.asked("t", 1) == math.ceil(WINDOW_S - 12.3)
