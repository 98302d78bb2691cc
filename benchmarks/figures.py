"""What a benchmark found: one figure, what it was held against, and what it had to reach."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure; it is reached where *value* is at most *target*, or at least, if it says so.

    Attributes:
        name: ``P1`` and so on, the row of the table of targets.
        what: what was measured, against what.
        unit: of value and target; ``x`` is a ratio.
        is_floor: *target* is the least that *value* has to be, not the most.
        details: the absolute figures behind it, which are noise to others.
    """

    name: str
    what: str
    value: float
    target: float
    unit: str = "x"
    is_floor: bool = False
    details: str = ""

    @property
    def is_reached(self) -> bool:
        """The target is met; what is not a number meets none."""
        return self.value >= self.target if self.is_floor else self.value <= self.target

    def __str__(self) -> str:
        """One line for a terminal."""
        verdict = "ok    " if self.is_reached else "MISSED"
        bound = "at least" if self.is_floor else "at most"
        return (
            f"{verdict} {self.name}  {self.what}: {show(self.value, self.unit)}"
            f" (target: {bound} {show(self.target, self.unit)})  {self.details}"
        ).rstrip()


def show(value: float, unit: str) -> str:
    """Print *value* as precisely as it is worth."""
    if unit in {"rows", "bytes"}:
        return f"{value:,.0f} {unit}"
    return f"{value:.2f} x" if unit == "x" else f"{value:.1f} {unit}" if unit else f"{value:.3f}"


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Give the median of the ratios of neighbours: what disturbs a moment disturbs both."""
    return median(one / other for one, other in zip(ours, theirs, strict=True))


def spread(values: Sequence[float]) -> str:
    """Print the median of some seconds, in milliseconds, and how far they lie apart."""
    low, middle, high = (each * 1_000 for each in (min(values), median(values), max(values)))
    return f"{middle:.0f} ms ({low:.0f}..{high:.0f})"
