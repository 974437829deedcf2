"""What a knob is: one setting with its default, its meaning and what it accepts; and the check of a value."""

from dataclasses import Field, field
from typing import Any

# Quoted values are cut here, so that an error stays readable.
SHOWN_CHARS = 100

ACCEPTED: dict[Any, tuple[type, ...]] = {
    bool: (bool,),
    int: (int,),
    float: (int, float),
    str: (str,),
    tuple[str, ...]: (tuple,),
}

NOUNS: dict[Any, str] = {
    bool: "true or false",
    int: "an integer",
    float: "a number",
    str: "a string",
    tuple[str, ...]: "a list of strings",
}


def knob(
    default: Any,
    meaning: str,
    *,
    ge: float | None = None,
    le: float | None = None,
    choices: tuple[str, ...] = (),
) -> Any:
    """A dataclass field with its default, its meaning and what is allowed (inclusive bounds or choices)."""
    meta = {"meaning": meaning, "ge": ge, "le": le, "choices": choices}
    return field(default=default, metadata=meta)


def accepts(spec: Field[Any], value: Any) -> bool:
    """True when the knob takes this value."""
    # Python counts True as the integer 1; operators do not.
    if isinstance(value, bool) is not (spec.type is bool) or not isinstance(value, ACCEPTED[spec.type]):
        return False
    if isinstance(value, tuple):
        return all(isinstance(item, str) for item in value)
    choices, low, high = spec.metadata["choices"], spec.metadata["ge"], spec.metadata["le"]
    if choices:
        return value in choices
    return low is None or high is None or bool(low <= value <= high)


def allowed(spec: Field[Any]) -> str:
    """What the knob accepts, in words: `an integer from 1 to 10000`, `one of DEBUG, INFO`."""
    choices, low, high = spec.metadata["choices"], spec.metadata["ge"], spec.metadata["le"]
    if choices:
        return f"one of {', '.join(choices)}"
    if low is None or high is None:
        return NOUNS[spec.type]
    return f"{NOUNS[spec.type]} from {_plain(low)} to {_plain(high)}"


def shown(value: Any) -> str:
    """A value as errors quote it."""
    text = repr(value)
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}…"


def _plain(bound: float) -> str:
    """`1000000`, `0.1`: never an exponent."""
    return str(int(bound)) if bound == int(bound) else str(bound)
