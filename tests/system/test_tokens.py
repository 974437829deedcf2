"""Tokens on a real server: expiry, instance lists, import, quotas, guessing; and the commands while none runs."""

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from server import HOME, QUICK, TOKEN, Server, running, wait_for

from simulator.client import Simulator

OLD = "64f0c1d2e3b4a"
LIST = "/api/v1/instances"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, simulator: Simulator) -> Iterator[Server]:
    """A server with two instances, behind a proxy that it trusts."""
    with running(tmp_path_factory.mktemp("data"), http__trusted_proxies="127.0.0.1", **QUICK) as one:
        for name in ("toko1", "toko2"):
            one.add(name, simulator.listener().url_of(name))
            one.wait_open(name)
        yield one


def token(server: Server, *arguments: str, value: str = "") -> "subprocess.CompletedProcess[str]":
    """`run.py token …` on the server's data folder; `value` comes by stdin."""
    command = [sys.executable, str(HOME / "run.py"), "token", *arguments, "--data", str(server.data)]
    environment = os.environ | {"SAMBUNG_NO_BOOTSTRAP": "1"}
    return subprocess.run(
        command, input=value, capture_output=True, text=True, timeout=60, check=False, env=environment
    )


def made(server: Server, *arguments: str, value: str = "") -> Any:
    done = token(server, *arguments, "-o", "json", value=value)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_token_expires_while_the_server_runs(shop: Server) -> None:
    body = {"name": "brief", "scopes": ["read"], "expires_in_s": 1.5}
    value = shop.call("POST", "/api/v1/tokens", body).data["value"]
    assert shop.call("GET", LIST, token=value).status == 200
    wait_for(lambda: shop.call("GET", LIST, token=value).status == 401, 10, lambda: "it still works")


def test_revoking_what_is_no_token_names_it_and_where_tokens_are_listed(shop: Server) -> None:
    said = "there is no token 'NOPE' (allowed: an id that `token list` or GET /api/v1/tokens shows)"
    reply = shop.call("DELETE", "/api/v1/tokens/NOPE")
    assert (reply.status, reply.body["code"], reply.body["message"]) == (404, "token_not_found", said)
    done = token(shop, "revoke", "NOPE")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"sambung: {said}\n")


def test_the_old_servers_value_is_taken_over_for_its_instances(shop: Server) -> None:
    kept = made(shop, "import", "old panel", "--instance", "toko1", value=OLD + "\n")
    assert kept["instances"] == ["toko1"] and "value" not in kept
    path = f"/force-retry/toko1?access_token={OLD}"
    assert shop.call("POST", path, token=None).body["message"] == "Session already exists"
    assert shop.call("POST", f"/force-retry/toko2?access_token={OLD}", token=None).status == 404
    again = token(shop, "import", "twice", "--instance", "toko2", value=OLD)
    assert again.returncode == 1 and kept["id"] in again.stderr and OLD not in again.stderr
    assert OLD.encode() not in b"".join(one.read_bytes() for one in files(shop))


def files(server: Server) -> list[Any]:
    return [one for one in server.data.rglob("*") if one.is_file()]


@pytest.mark.parametrize("value", ["", "two values", "short"])
def test_what_is_no_value_is_refused(shop: Server, value: str) -> None:
    done = token(shop, "import", "x", "--instance", "toko1", value=value)
    assert done.returncode != 0 and done.stdout == ""


def test_the_import_names_its_instances(shop: Server) -> None:
    done = token(shop, "import", "x", value=OLD)
    assert done.returncode == 2 and "--instance" in done.stderr


def test_a_quota_counts_over_all_threads(shop: Server) -> None:
    value = made(shop, "create", "cron", "--requests-per-minute", "20")["value"]
    statuses: list[int] = []

    def ask() -> None:
        for _ in range(10):
            statuses.append(shop.call("GET", LIST, token=value).status)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] * 20 + [429] * 20
    refused = shop.call("GET", LIST, token=value)
    assert refused.body["code"] == "quota_exceeded"
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert shop.call("GET", LIST).status == 200


def guess(server: Server, value: str, client: str) -> Any:
    """A wrong token from this address, as the trusted proxy tells it."""
    return server.call("GET", LIST, token=value, headers={"X-Forwarded-For": client})


def test_guessing_ends_at_the_eleventh_and_valid_tokens_pass(shop: Server) -> None:
    guesses = [guess(shop, f"sbg_{number:043d}", "192.0.2.1") for number in range(12)]
    assert [one.status for one in guesses] == [401] * 10 + [429] * 2
    assert guesses[-1].body["code"] == "too_many_failures"
    assert 1 <= int(guesses[-1].headers["Retry-After"]) <= 60
    assert guess(shop, TOKEN, "192.0.2.1").status == 200
    assert guess(shop, "sbg_other", "192.0.2.2").status == 401
    text = (shop.data / "logs" / "sambung.log").read_text("utf-8")
    assert text.count("More than 10 wrong tokens in a minute from 192.0.2.1") == 1


def test_a_wrong_token_takes_as_long_wherever_it_differs(shop: Server) -> None:
    real = made(shop, "create", "timed")["value"]
    near, far = real[:-1] + ("A" if real[-1] != "A" else "B"), "sbg_" + "z" * 43
    spent_s: dict[str, list[float]] = {near: [], far: []}
    for _ in range(150):
        for value, times in spent_s.items():
            begun = time.perf_counter()
            assert guess(shop, value, "192.0.2.3").status in (401, 429)
            times.append(time.perf_counter() - begun)
    ratio = statistics.median(spent_s[near]) / statistics.median(spent_s[far])
    assert 0.5 < ratio < 2


def test_everything_works_on_the_folder_of_a_stopped_server(simulator: Simulator, tmp_path: Any) -> None:
    with running(tmp_path / "data", **QUICK) as server:
        server.add("toko1", simulator.listener().url_of("toko1"))
        server.stop()
        rescue = made(server, "create", "rescue", "--scope", "admin", "--expires-in", "3600")
        kept = made(server, "import", "old", "--instance", "toko1", "--scope", "read", value=OLD)
        assert {rescue["id"], kept["id"]} <= {one["id"] for one in made(server, "list")}
        server.start()
        assert server.call("GET", "/api/v1/tokens", token=rescue["value"]).status == 200
        seen = server.call("GET", LIST, token=OLD).data
        assert [one["id"] for one in seen] == ["toko1"]
        server.stop()
        assert token(server, "revoke", kept["id"]).returncode == 0
        server.start()
        assert server.call("GET", LIST, token=OLD).status == 401
