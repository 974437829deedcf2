"""Instance ids, configurations and their masking, upstream keys."""

import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.instances import (
    InstanceConfig,
    LinkKind,
    LoginConfig,
    Payload,
    PingConfig,
    redact_url,
    upstream_key,
    valid_id,
)

SECRET = "s3cr3t"
FULL = InstanceConfig(
    url=f"wss://user:{SECRET}@example.org:8443/feed?token={SECRET}#{SECRET}",
    headers={"Authorization": f"Bearer {SECRET}"},
    subprotocols=("v2", "v1"),
    proxy=f"http://user:{SECRET}@proxy:3128",
    ca_file="/etc/ca.pem",
    payload=Payload.MSGPACK,
    hello=({"login": SECRET},),
    ping=PingConfig({"op": "ping"}, 20.0, 10.0),
    login=LoginConfig({"ok": True}, {"ok": False}),
    ack_field="id",
    overrides={"retry": {"delay_s": 1.0}},
)


@pytest.mark.parametrize(
    "good", ["a", "A9", "0", "toko1", "a.b", "a_b-c", "a.", "a" * 64], ids=lambda value: value[:10]
)
def test_valid_ids(good: str) -> None:
    assert valid_id(good)


@pytest.mark.parametrize(
    "bad",
    [
        "",
        ".",
        "..",
        "a..b",
        "-a",
        "_a",
        ".a",
        "a" * 65,
        "a/b",
        "a b",
        "a\n",
        "\na",
        "é",
        "١",
        "a\x00",
        "a%2e",
        "a:b",
    ],
    ids=repr,
)
def test_invalid_ids(bad: str) -> None:
    assert not valid_id(bad)


@given(st.text(max_size=70))
def test_a_valid_id_is_a_safe_file_name(text: str) -> None:
    if valid_id(text):
        assert text.isascii() and 1 <= len(text) <= 64
        assert not set(text) & set("/\\\0\n ") and ".." not in text and text[0].isalnum()


@pytest.mark.parametrize("config", [FULL, InstanceConfig(url="ws://h/")], ids=["full", "least"])
def test_a_configuration_survives_json(config: InstanceConfig) -> None:
    assert InstanceConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_a_configuration_travels_between_processes() -> None:
    assert pickle.loads(pickle.dumps(FULL)) == FULL


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"link": "carrier pigeon"}, ValueError),
        ({"payload": "xml"}, ValueError),
        ({"ping": {"every": 3}}, TypeError),
    ],
    ids=["link", "payload", "ping"],
)
def test_data_that_is_no_configuration_is_refused(change: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        InstanceConfig.from_dict(FULL.to_dict() | change)


def test_a_missing_field_is_named() -> None:
    with pytest.raises(KeyError, match="payload"):
        InstanceConfig.from_dict({k: v for k, v in FULL.to_dict().items() if k != "payload"})


def test_nothing_secret_is_shown() -> None:
    shown = FULL.masked()
    assert SECRET not in json.dumps(shown)
    assert SECRET not in repr(FULL)
    assert shown["headers"] == {"Authorization": "***"}
    assert shown["hello"] == ["***"]
    assert shown["url"] == "wss://***@example.org:8443/feed?***"
    assert shown["proxy"] == "http://***@proxy:3128"
    assert InstanceConfig().masked()["proxy"] is None


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("wss://example.org/feed", "wss://example.org/feed"),
        ("wss://example.org:8443", "wss://example.org:8443"),
        ("ws://user@host/x", "ws://***@host/x"),
        ("ws://u:p@host/x?a=1&b=2#f", "ws://***@host/x?***"),
        ("ws://a@b@host/", "ws://***@host/"),
        ("ws://[::1]:9000/x", "ws://[::1]:9000/x"),
        ("ws://u:p@[::1]:9000/x", "ws://***@[::1]:9000/x"),
        ("wss://[::1", "***"),
        ("user:password@host/x", "***"),
        ("ws://user:pass/word@host/", "***"),
        ("ws://host:99999/", "***"),
        ("", "***"),
    ],
)
def test_a_redacted_url(url: str, shown: str) -> None:
    assert redact_url(url) == shown


@given(
    st.text(),
    st.text(alphabet=st.characters(exclude_characters="/?#[]@\\", categories=["L", "N"]), min_size=5),
)
def test_redacting_never_fails_and_hides_passwords_and_queries(url: str, secret: str) -> None:
    assert isinstance(redact_url(url), str)
    assert secret not in redact_url(f"wss://user:{secret}@h.example/?key={secret}#{secret}")


@pytest.mark.parametrize(
    ("url", "proxy", "key"),
    [
        ("ws://h/x", None, "ws://h:80 via direct"),
        ("wss://h/x?y", None, "wss://h:443 via direct"),
        ("wss://H:8443/", None, "wss://h:8443 via direct"),
        ("ws://u:p@h/", "http://user:pw@proxy:3128", "ws://h:80 via proxy:3128"),
        ("ws://h:99999/", None, "***"),
    ],
)
def test_an_upstream_is_scheme_host_port_and_egress(url: str, proxy: str | None, key: str) -> None:
    assert upstream_key(InstanceConfig(url=url, proxy=proxy)) == key


def test_the_default_link_is_a_json_websocket() -> None:
    assert (InstanceConfig().link, InstanceConfig().payload) == (LinkKind.WEBSOCKET, Payload.JSON)
