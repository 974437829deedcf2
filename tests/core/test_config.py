"""Knobs: the defaults operators know, what is refused and in which words, overrides per instance."""

import math
import pickle
from dataclasses import fields, is_dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config import OVERRIDABLE, SECTIONS, Settings, allowed_text, problem, with_overrides

KNOBS = [(section, spec.name) for section, kind in SECTIONS.items() for spec in fields(kind)]

# Contract §2.
KNOWN = {
    ("breaker", "failure_threshold"): 10,
    ("breaker", "window_s"): 300,
    ("breaker", "reset_after_s"): 600,
    ("retry", "delay_s"): 15,
    ("retry", "timeout_delay_s"): 30,
    ("retry", "step_s"): 5,
    ("retry", "max_s"): 60,
    ("retry", "jitter"): 0.2,
    ("retry", "fast_first_s"): 5,
    ("retry", "stable_after_s"): 60,
    ("gate", "connect_rate"): 15,
    ("gate", "probe_min_s"): 2,
    ("gate", "probe_max_s"): 10,
    ("failures", "high"): 5,
    ("cleanup", "interval_s"): 600,
    ("monitor", "interval_s"): 30,
    ("limits", "max_instances"): 200,
    ("events", "retain_days"): 7,
    ("events", "max_mb"): 1024,
    ("log", "timezone"): "local",
    ("log", "rotate_mb"): 50,
    ("log", "keep"): 10,
    ("storage", "min_free_percent"): 5,
    ("http", "port"): 8000,
    ("http", "cors_origins"): (),
    ("http", "trusted_proxies"): (),
    ("auth", "query_token"): True,
    ("health", "public"): True,
}


@pytest.mark.parametrize(("knob", "default"), KNOWN.items(), ids=[".".join(knob) for knob in KNOWN])
def test_a_default_that_operators_know(knob: tuple[str, str], default: Any) -> None:
    assert getattr(getattr(Settings(), knob[0]), knob[1]) == default


@pytest.mark.parametrize(("section", "name"), KNOBS, ids=[".".join(knob) for knob in KNOBS])
def test_every_knob_has_a_meaning_words_and_a_default_that_it_accepts(section: str, name: str) -> None:
    spec = next(spec for spec in fields(SECTIONS[section]) if spec.name == name)
    assert spec.metadata["meaning"]
    assert allowed_text(section, name)
    assert "e+" not in allowed_text(section, name)
    assert problem(section, name, getattr(getattr(Settings(), section), name)) is None


def test_the_sections_are_those_of_the_settings() -> None:
    assert set(SECTIONS) == {spec.name for spec in fields(Settings)}
    assert all(is_dataclass(kind) for kind in SECTIONS.values())
    assert set(OVERRIDABLE) <= set(SECTIONS)


@pytest.mark.parametrize(
    ("section", "name", "words"),
    [
        ("breaker", "failure_threshold", "an integer from 1 to 10000"),
        ("breaker", "reset_after_s", "a number from 0.1 to 86400"),
        ("transport", "max_message_bytes", "an integer from 1024 to 1073741824"),
        ("log", "level", "one of DEBUG, INFO, WARNING, ERROR"),
        ("log", "timezone", "a string"),
        ("auth", "query_token", "true or false"),
        ("http", "cors_origins", "a list of strings"),
    ],
)
def test_what_is_allowed_in_words(section: str, name: str, words: str) -> None:
    assert allowed_text(section, name) == words


@pytest.mark.parametrize(
    ("section", "name", "value", "text"),
    [
        ("retry", "delay_s", -1, "must be a number from 0 to 3600 (got -1)"),
        ("retry", "delay_s", 3601, "must be a number from 0 to 3600 (got 3601)"),
        ("retry", "delay_s", "15", "must be a number from 0 to 3600 (got '15')"),
        ("retry", "delay_s", True, "must be a number from 0 to 3600 (got True)"),
        ("retry", "delay_s", math.nan, "must be a number from 0 to 3600 (got nan)"),
        ("retry", "delay_s", math.inf, "must be a number from 0 to 3600 (got inf)"),
        ("retry", "delay_s", None, "must be a number from 0 to 3600 (got None)"),
        ("breaker", "failure_threshold", 10.0, "must be an integer from 1 to 10000 (got 10.0)"),
        ("breaker", "failure_threshold", 0, "must be an integer from 1 to 10000 (got 0)"),
        ("auth", "query_token", 1, "must be true or false (got 1)"),
        ("log", "level", "debug", "must be one of DEBUG, INFO, WARNING, ERROR (got 'debug')"),
        ("log", "timezone", 7, "must be a string (got 7)"),
        ("http", "cors_origins", ["https://a"], "must be a list of strings (got ['https://a'])"),
        ("http", "cors_origins", ("https://a", 1), "must be a list of strings (got ('https://a', 1))"),
        ("failures", "low", 1, "unknown knob failures.low (allowed: high)"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(section: str, name: str, value: Any, text: str) -> None:
    assert problem(section, name, value) == text


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        ("retry", "delay_s", 0),
        ("retry", "delay_s", 3600.0),
        ("breaker", "failure_threshold", 10_000),
        ("auth", "query_token", False),
        ("log", "level", "DEBUG"),
        ("http", "trusted_proxies", ("10.0.0.1",)),
    ],
)
def test_the_bounds_themselves_are_allowed(section: str, name: str, value: Any) -> None:
    assert problem(section, name, value) is None


def test_a_long_value_is_quoted_in_part() -> None:
    text = problem("log", "level", "x" * 100_000)
    assert text is not None and len(text) < 300 and text.endswith("xxx…)")
    exact = problem("log", "level", "x" * 98)
    assert exact is not None and exact.endswith("xxx')")


@given(
    st.sampled_from(KNOBS),
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.text()), st.binary()
    ),
)
def test_any_value_is_either_fine_or_a_problem_in_words(knob: tuple[str, str], value: Any) -> None:
    text = problem(*knob, value)
    assert text is None or text.startswith("must be ")


def test_an_instance_overrides_single_knobs() -> None:
    settings = with_overrides(Settings(), {"retry": {"delay_s": 1}, "breaker": {"window_s": 5.0}})
    assert (settings.retry.delay_s, settings.retry.max_s) == (1, 60)
    assert (settings.breaker.window_s, settings.breaker.failure_threshold) == (5.0, 10)
    assert settings.failures == Settings().failures


def test_no_overrides_change_nothing() -> None:
    assert with_overrides(Settings(), {}) == Settings()


@pytest.mark.parametrize(
    ("overrides", "text"),
    [
        ({"http": {"port": 1}}, "overrides.http: unknown section (allowed: breaker, retry, failures)"),
        ({"retry": {"delay": 1}}, "overrides.retry.delay: unknown knob retry.delay (allowed: delay_s, "),
        ({"retry": {"delay_s": -1}}, "overrides.retry.delay_s: must be a number from 0 to 3600 (got -1)"),
        ({"retry": 5}, "overrides.retry: must be a table of knobs (got 5)"),
    ],
    ids=["section", "knob", "value", "no table"],
)
def test_a_wrong_override_is_named(overrides: Any, text: str) -> None:
    with pytest.raises(ValueError) as caught:
        with_overrides(Settings(), overrides)
    assert str(caught.value).startswith(text)


def test_settings_travel_between_processes() -> None:
    assert pickle.loads(pickle.dumps(Settings())) == Settings()
