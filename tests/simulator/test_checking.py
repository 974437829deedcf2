"""Values from JSON: every mistake is named, with where it is and what is allowed."""

from typing import Any

import pytest

from simulator.checking import SpecError, build
from simulator.faults import KINDS, fault_json, parse_fault
from simulator.listener import ListenerSpec
from simulator.proxy_spec import ProxySettings


@pytest.mark.parametrize("kind", KINDS)
def test_every_fault_has_usable_defaults_and_survives_json(kind: str) -> None:
    fault = parse_fault({"kind": kind})
    assert fault == KINDS[kind]()
    assert parse_fault(fault_json(fault)) == fault


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        pytest.param(None, ["fault", "kind", "none, refuse, drop"], id="nothing"),
        pytest.param({}, ["fault", "kind"], id="no kind"),
        pytest.param({"kind": "wobble"}, ["fault.kind", "'wobble'", "refuse"], id="unknown kind"),
        pytest.param({"kind": 7}, ["fault.kind", "'7'"], id="kind is no string"),
        pytest.param({"kind": "drop", "after": 1}, ["unknown parameter 'after'", "after_s"], id="parameter"),
        pytest.param({"kind": "drop", "after_s": -1}, ["drop.after_s", "-1", "0 to 86400"], id="negative"),
        pytest.param({"kind": "drop", "after_s": "1"}, ["drop.after_s", "'1'"], id="string for a number"),
        pytest.param({"kind": "drop", "after_s": True}, ["drop.after_s", "True"], id="bool for a number"),
        pytest.param({"kind": "drop", "after_s": float("nan")}, ["drop.after_s", "nan"], id="nan"),
        pytest.param({"kind": "http", "status": 101}, ["http.status", "101", "200 to 599"], id="status"),
        pytest.param({"kind": "http", "status": 503.0}, ["http.status", "whole"], id="not whole"),
        pytest.param({"kind": "http", "headers": {"A": 1}}, ["http.headers", "strings"], id="headers"),
        pytest.param({"kind": "http", "retry_after_form": "x"}, ["seconds, date"], id="form"),
        pytest.param(
            {"kind": "close", "code": 1005}, ["close.code", "1005", "3000-4999"], id="reserved code"
        ),
        pytest.param({"kind": "close", "reason": "x" * 124}, ["close.reason", "123"], id="long reason"),
        pytest.param({"kind": "malformed", "variant": "?"}, ["malformed.variant", "rsv1"], id="variant"),
        pytest.param({"kind": "silent", "reading": 1}, ["silent.reading", "true or false"], id="flag"),
        pytest.param({"kind": "drip_handshake", "interval_s": 0}, ["interval_s", "0.001"], id="interval 0"),
        pytest.param({"kind": "flapping", "on_s": 0}, ["flapping.on_s", "0.05"], id="flap too fast"),
    ],
)
def test_a_wrong_fault_is_refused_with_the_reason(raw: Any, named: list[str]) -> None:
    with pytest.raises(SpecError) as caught:
        parse_fault(raw)
    assert [part for part in named if part not in str(caught.value)] == []


def test_all_mistakes_are_reported_at_once() -> None:
    raw = {"port": -1, "fault": {"kind": "?"}, "tls": {"cert": "x"}, "behaviour": {"echo": 1}, "more": 0}
    with pytest.raises(SpecError) as caught:
        build(ListenerSpec, raw, "listener")
    wanted = ["listener.port", "fault.kind", "tls.key: missing", "behaviour.echo", "unknown parameter 'more'"]
    assert [part for part in wanted if part not in str(caught.value)] == []


def test_a_mistake_in_a_list_is_found() -> None:
    with pytest.raises(SpecError, match="reply: unknown parameter 'matches'; allowed: match"):
        build(ListenerSpec, {"behaviour": {"replies": [{"matches": {}}]}}, "listener")


def test_a_tcp_proxy_needs_a_target() -> None:
    with pytest.raises(SpecError, match=r"proxy\.target_port: missing"):
        ProxySettings().changed({"latency_ms": 5})


def test_a_proxy_password_is_not_shown() -> None:
    settings = ProxySettings().changed({"mode": "connect", "username": "u", "password": "secret-1"})
    assert settings.password == "secret-1"
    assert "secret-1" not in repr(settings)
    assert "secret-1" not in str(settings.shown())
