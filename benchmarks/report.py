"""One measured figure, its target, and a result made of them."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any


class Rule(Enum):
    """How a target is meant."""

    AT_MOST = "≤"
    AT_LEAST = "≥"


@dataclass(frozen=True, slots=True)
class Target:
    """What the ratio (when there is one, else the figure) is held against."""

    rule: Rule
    limit: float

    def met(self, value: float) -> bool:
        return value <= self.limit if self.rule is Rule.AT_MOST else value >= self.limit

    def __str__(self) -> str:
        return f"{self.rule.value} {self.limit:g}"


@dataclass(frozen=True, slots=True)
class Row:
    """`reference`: the same in the other program of this run; `ratio` = figure / reference."""

    what: str
    figure: float
    unit: str
    reference: float | None = None
    target: Target | None = None

    @property
    def ratio(self) -> float | None:
        return self.figure / self.reference if self.reference else None

    @property
    def met(self) -> bool | None:
        """None where nothing was promised."""
        if self.target is None:
            return None
        return self.target.met(self.figure if self.ratio is None else self.ratio)

    def shown(self) -> dict[str, Any]:
        """As it is printed and written down; numbers to four digits."""
        numbers = {"figure": self.figure, "reference": self.reference, "ratio": self.ratio}
        rounded = {name: None if value is None else float(f"{value:.4g}") for name, value in numbers.items()}
        target = None if self.target is None else str(self.target)
        return asdict(self) | rounded | {"target": target, "met": self.met}


def result(rows: Sequence[Row], **details: Any) -> dict[str, Any]:
    """`rows`; `met`: whether every target was, None when there was none; `details`: beside the table."""
    verdicts = [row.met for row in rows if row.met is not None]
    return {
        "rows": [row.shown() for row in rows],
        "met": all(verdicts) if verdicts else None,
        "details": details,
    }


def p50_ms(times_s: Sequence[float]) -> float:
    return statistics.median(times_s) * 1000


def p99_ms(times_s: Sequence[float]) -> float:
    """The largest of fewer than a hundred is taken as it is."""
    if len(times_s) < 100:
        return max(times_s) * 1000
    return statistics.quantiles(times_s, n=100)[98] * 1000
