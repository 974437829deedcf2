"""Builds frozen dataclasses from JSON, with errors that name what is wrong, where, and what is allowed.

A field says what it allows by a rule in its annotation, `Annotated[float, number(0, 60)]`: a function that returns
the value to keep, or raises ValueError with the allowed values in words.
"""

import dataclasses
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar, cast, get_type_hints

T = TypeVar("T")
Rule = Callable[[Any], Any]


class SpecError(ValueError):
    """A request that asks for something impossible; the text is for the person who sent it."""


def build(spec: type[T], raw: Any, where: str) -> T:
    """Make a `spec` (a dataclass whose fields have rules) from the JSON object `raw`.

    Raises SpecError that lists every mistake; `where` names the place in it.
    """
    if not isinstance(raw, Mapping):
        raise SpecError(f"{where}: expected a JSON object, found {_shown(raw)}")
    rules, required = _rules(cast(Any, spec))
    mistakes = [
        f"{where}: unknown parameter {name!r}; allowed: {', '.join(rules) or 'none'}"
        for name in raw.keys() - rules.keys()
    ]
    mistakes += [f"{where}.{name}: missing" for name in required - raw.keys()]
    values: dict[str, Any] = {}
    for name in raw.keys() & rules.keys():
        try:
            values[name] = rules[name](raw[name])
        except SpecError as error:
            mistakes.append(f"{where}.{name}: {error}")
        except ValueError as error:
            mistakes.append(f"{where}.{name}: found {_shown(raw[name])}; allowed: {error}")
    if mistakes:
        raise SpecError("; ".join(sorted(mistakes)))
    return spec(**values)


@cache
def _rules(spec: type[Any]) -> tuple[dict[str, Rule], frozenset[str]]:
    """The rule of each field, and the fields without a default."""
    hints = get_type_hints(spec, include_extras=True)
    fields = dataclasses.fields(spec)
    required = {
        field.name
        for field in fields
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    return {field.name: hints[field.name].__metadata__[0] for field in fields}, frozenset(required)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}…"


def number(low: float, high: float) -> Rule:
    def rule(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise ValueError(f"a number from {low:g} to {high:g}")
        return float(value)

    return rule


def whole(low: int, high: int) -> Rule:
    def rule(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return value

    return rule


def choice(*names: str) -> Rule:
    def rule(value: Any) -> str:
        if not isinstance(value, str) or value not in names:
            raise ValueError(", ".join(names))
        return value

    return rule


def text(longest: int = 4096) -> Rule:
    def rule(value: Any) -> str:
        if not isinstance(value, str) or len(value) > longest:
            raise ValueError(f"a string of at most {longest} characters")
        return value

    return rule


def flag(value: Any) -> bool:
    """Rule: true or false."""
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def json_object(value: Any) -> Mapping[str, Any]:
    """Rule: any JSON object."""
    if not isinstance(value, Mapping):
        raise ValueError("a JSON object")
    return value


def text_map(value: Any) -> Mapping[str, str]:
    """Rule: a JSON object whose values are strings."""
    if not isinstance(value, Mapping) or not all(isinstance(item, str) for item in value.values()):
        raise ValueError("a JSON object of strings")
    return value


def optional(rule: Rule) -> Rule:
    return lambda value: None if value is None else rule(value)


def list_of(rule: Rule, at_most: int = 10_000) -> Rule:
    def checked_list(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple) or len(value) > at_most:
            raise ValueError(f"a list of at most {at_most} items")
        return tuple(rule(item) for item in value)

    return checked_list


def nested(spec: type[Any], where: str) -> Rule:
    """Rule: a JSON object that makes a `spec`."""
    return lambda value: build(spec, value, where)
