"""The path that a request target names, alone and through a live server."""

import pytest

from tests.web.conftest import Live
from tests.web.fakes import snapshot
from tests.web.rawhttp import exchange, head, only
from web.target import path_of


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/", "/"),
        ("/health", "/health"),
        ("/health?a=/b", "/health"),
        ("//health", "//health"),
        ("/a//b/", "/a//b/"),
        ("/%68ealth", "/health"),
        ("/a%2Fb%2fc", "/a%2Fb%2Fc"),
        ("/caf%C3%A9", "/café"),
        ("/caf\xc3\xa9", "/café"),
        ("/100%", "/100%"),
        ("/%zz", "/%zz"),
        ("http://h:80/health?x", "/health"),
        ("http://h", "/"),
        ("http://h?a=/health", "/"),
        ("*", "/*"),
        ("h:443", "/h:443"),
    ],
)
def test_the_path_of_a_target(target: str, path: str) -> None:
    assert path_of(target) == path


@pytest.mark.parametrize("target", ["/%ff", "/a/%C3", "/\xff", "/%ED%A0%80", "/%C0%AF"])
def test_a_path_that_is_not_utf_8_is_none(target: str) -> None:
    with pytest.raises(ValueError):
        path_of(target)


@pytest.mark.parametrize(
    ("line", "status", "code"),
    [
        ("GET //health", 404, "not_found"),
        ("GET //x/health", 404, "not_found"),
        ("GET ///health", 404, "not_found"),
        ("GET /api//v1/instances", 404, "not_found"),
        ("POST //force-retry/a", 404, "not_found"),
        ("GET /%ff", 400, "bad_request"),
        ("GET /circuit-breaker-status/%ff", 400, "bad_request"),
        ("GET /circuit-breaker-status/%C3", 400, "bad_request"),
        ("GET /circuit-breaker-status/%C3%BF", 404, "instance_not_found"),
    ],
)
def test_what_is_no_path_of_ours_is_refused(live: Live, line: str, status: int, code: str) -> None:
    live.put(snapshot("a"))
    found, _, body = only(exchange(live, head(line, "Connection: close", f"X-Api-Key: {live.admin}")))
    assert (found, body["code"]) == (status, code)
    if status == 400:
        assert body["message"] == "The path is not valid percent-encoded UTF-8"


@pytest.mark.parametrize(
    "target", ["/health", "/health/", "/%68ealth", "http://x/health", "/health?access_token=x"]
)
def test_other_spellings_of_a_path_still_work(live: Live, target: str) -> None:
    status, _, body = only(exchange(live, head(f"GET {target}", "Connection: close")))
    assert (status, body["message"]) == (200, "Server is running")
