"""Strict JSON in, compact JSON out."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web import cursor
from web.answer import dumps, rfc3339
from web.call import Call, parse_json
from web.errors import CODE_OF, REASONS, STATUS_OF, ApiError

DEEP = 100_000


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        (b"", "Expecting value"),
        (b"{", "line 1"),
        (b"{'a':1}", "line 1"),
        (b"[1,]", "line 1"),
        (b"nul", "line 1"),
        (b"NaN", "NaN"),
        (b"[-Infinity]", "-Infinity"),
        (b"1e999", "range"),
        (b"\xff", "UTF-8"),
        (b"\xef\xbb\xbf{}", "BOM"),
        ('"\u20ac"'.encode("utf-16"), "UTF-8"),
        (b'{"a":1,"a":2}', "twice"),
        (b'{"x":{"a":1,"a":1}}', "twice"),
        (b'"\\ud800"', "surrogate"),
        (b'{"\\ud800":1}', "surrogate"),
        (b"[" * DEEP + b"]" * DEEP, "deeper"),
        (b"[" * 66 + b"]" * 66, "deeper"),
        (b'{"a":' * DEEP + b"1" + b"}" * DEEP, "deeper"),
        (b"9" * 5000, ""),
        (b"1 2", "Extra data"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_what_is_not_strict_json_is_400(raw: bytes, word: str) -> None:
    with pytest.raises(ApiError) as caught:
        parse_json(raw)
    assert (caught.value.code, caught.value.status) == ("invalid_json", 400)
    assert word in caught.value.message
    assert len(caught.value.message) < 300


@pytest.mark.parametrize(
    "raw", [b"[" * 64 + b"]" * 64, b' {"a": [1, 2.5, null, true]} ', '"\U0001f534"'.encode()]
)
def test_strict_json_is_accepted(raw: bytes) -> None:
    assert parse_json(raw) == json.loads(raw)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(values)
def test_json_comes_back_as_it_went(value: Any) -> None:
    assert parse_json(dumps(value)) == value


def test_output_is_compact_utf8_and_survives_a_lone_surrogate() -> None:
    assert dumps({"a": ["ä", 1]}) == '{"a":["ä",1]}'.encode()
    assert dumps("\ud800") == b'"\\ud800"'


@pytest.mark.parametrize(
    ("headers", "right"),
    [
        ({"content-type": "application/json"}, True),
        ({"content-type": "Application/JSON; charset=UTF-8"}, True),
        ({"content-type": 'application/json; charset="utf-8"'}, True),
        ({"content-type": "application/merge-patch+json"}, True),
        ({"content-type": "application/json; charset=latin-1"}, False),
        ({"content-type": "application/x-www-form-urlencoded"}, False),
        ({"content-type": "text/json"}, False),
        ({"content-type": ""}, False),
        ({}, False),
        ({"content-type": "application/json", "content-encoding": "gzip"}, False),
        ({"content-type": "application/json", "content-encoding": "identity"}, True),
    ],
)
def test_the_media_type_of_a_body(headers: dict[str, str], right: bool) -> None:
    call = Call("POST", "/", headers=headers, read_body=lambda _limit: b"{}")
    if right:
        assert call.json_body(10) == {}
        return
    with pytest.raises(ApiError) as caught:
        call.json_body(10)
    assert caught.value.status == 415


@pytest.mark.parametrize("query", ["a=%ff", "a=%c3%28", "&".join("a=1" for _ in range(101))])
def test_odd_query_strings_are_400(query: str) -> None:
    with pytest.raises(ApiError) as caught:
        _ = Call("GET", "/", query).query
    assert caught.value.code == "bad_request"


def test_every_code_has_a_status_and_every_status_a_phrase() -> None:
    assert set(STATUS_OF.values()) <= set(REASONS)
    assert set(CODE_OF.values()) <= set(STATUS_OF)
    assert all(STATUS_OF[code] == status for status, code in CODE_OF.items())
    assert 411 not in REASONS


@given(st.text(max_size=80))
def test_a_cursor_made_up_is_refused_or_harmless(text: str) -> None:
    with contextlib.suppress(ApiError):
        assert cursor.encode("i", cursor.decode("i", text))


@given(st.integers(0, 2**62))
def test_cursors_come_back(number: int) -> None:
    if number < 10**18:
        assert cursor.decode_number("e", cursor.encode("e", number)) == number
    with pytest.raises(ApiError):
        cursor.decode_number("m", cursor.encode("e", number))


@pytest.mark.parametrize(
    ("at_s", "text"),
    [(None, None), (0.0, "1970-01-01T00:00:00.000Z"), (1763910904.1239, "2025-11-23T15:15:04.123Z")],
)
def test_times(at_s: float | None, text: str | None) -> None:
    assert rfc3339(at_s) == text
