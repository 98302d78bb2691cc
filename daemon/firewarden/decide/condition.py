"""What a condition is: a question with three answers, and what the answer rests on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from firewarden.decide.kleene import conjunction
from firewarden.decide.seen import Seen
from firewarden.model.deployment import Deployment
from firewarden.model.verdict import ConditionResult, Measure, Truth

Finding = tuple[Truth, Measure | None, str, datetime | None]
"""Verdict, value, why, instant of the newest evidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One key of ``when``, ready to be asked.

    Attributes:
        cost: cheap ones are asked first; the answer does not depend on the order.
        settle: the answer that follows from the description alone; None where that is not
            enough. ask: the answer then.
        parts: conditions inside ``any`` and ``not``, for the explanation.
        reaches: the duration at which it turns true by mere waiting; None: not by waiting.
    """

    name: str
    threshold: Measure | None
    cost: int
    settle: Callable[[Deployment], Finding | None]
    ask: Callable[[Seen], Finding]
    parts: tuple["Condition", ...] = ()
    reaches: timedelta | None = None

    def find(self, seen: Seen) -> Finding:
        """Answer, in whichever way is enough."""
        return self.settle(seen.deployment) or self.ask(seen)

    def explain(self, seen: Seen) -> Iterator[ConditionResult]:
        """Say what was found; parts follow the whole."""
        verdict, value, because, at = self.find(seen)
        yield ConditionResult(
            condition=self.name,
            value=value,
            threshold=self.threshold,
            verdict=verdict,
            because=because,
            sample_age=None if at is None else max(seen.now - at, timedelta(0)),
        )
        for part in self.parts:
            yield from part.explain(seen)


def patience(conditions: tuple[Condition, ...], seen: Seen) -> timedelta | None:
    """Tell after how much more waiting all hold, if nothing changes; None: not by waiting."""
    longest = timedelta(0)
    for condition in conditions:
        truth, value, because, _ = condition.find(seen)
        if truth is Truth.TRUE:
            continue
        if condition.reaches is None or because or not isinstance(value, timedelta):
            return None
        longest = max(longest, condition.reaches - value)
    return longest


def all_of(conditions: tuple[Condition, ...], seen: Seen) -> Truth:
    """Ask until one is false; unknown if none is and one is unknown."""
    return conjunction(condition.find(seen)[0] for condition in conditions)


def settle_all(
    conditions: tuple[Condition, ...], deployment: Deployment
) -> tuple[Truth, tuple[Condition, ...]]:
    """Answer from the description alone, and say which conditions are left to be asked."""
    open_ones: list[Condition] = []
    truth = Truth.TRUE
    for condition in conditions:
        finding = condition.settle(deployment)
        if finding is None:
            open_ones.append(condition)
        elif finding[0] is Truth.FALSE:
            return Truth.FALSE, ()
        elif finding[0] is Truth.UNKNOWN:
            truth = Truth.UNKNOWN
    return truth, tuple(open_ones)
