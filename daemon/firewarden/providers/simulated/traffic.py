"""Requests as a pure function of time: patterns of evenly spaced arrivals, day by day."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol

from firewarden.providers.simulated.instants import DAY_MS
from firewarden.providers.simulated.seeds import child

LOOK_AHEAD_DAYS = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Requests in ``[start, end)``: the first at *first*, then one each *period* milliseconds."""

    start: int
    end: int
    first: int
    period: int

    def before(self, instant: int) -> int:
        """Count the requests that arrive before *instant*."""
        last = min(instant, self.end) - 1
        return 0 if last < self.first else (last - self.first) // self.period + 1

    def arrival(self, index: int) -> int:
        """Give the instant of the request with that *index*, from 0."""
        return self.first + index * self.period

    def cut(self, since: int, until: int) -> "Stretch | None":
        """Keep what lies in ``[since, until)``, arrivals where they were."""
        start, end = max(self.start, since), min(self.end, until)
        if start >= end:
            return None
        first = self.first
        if first < start:
            first += -(-(start - first) // self.period) * self.period
        return Stretch(start=start, end=end, first=first, period=self.period)


class Pattern(Protocol):
    """How requests come on one day."""

    def day(self, start: int, rng: Random) -> Sequence[Stretch]:
        """Give the stretches of the UTC day that begins at *start*, in order, apart."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A pattern between two instants, relative to the world's start; None: unbounded."""

    pattern: Pattern
    since: int | None = None
    until: int | None = None


class Traffic:
    """All requests of one deployment; asking never changes the answer.

    Instants are milliseconds; a request exists once, at one instant. *extra* requests are
    put in one by one by a test or a person.
    """

    __slots__ = ("_days", "_extra", "_extra_counts", "_flows", "_names", "_origin", "_seed")

    def __init__(
        self, flows: Sequence[Flow], *, seed: int, names: Sequence[str | int], origin: int
    ) -> None:
        self._flows = tuple(flows)
        self._seed = seed
        self._names = tuple(names)
        self._origin = origin
        self._days: dict[int, tuple[Stretch, ...]] = {}
        self._extra: list[int] = []
        self._extra_counts: dict[int, int] = {}

    @property
    def is_silent(self) -> bool:
        """Nothing will ever come unless somebody adds it."""
        return not self._flows

    def add(self, at: int, count: int) -> None:
        """Let *count* more requests arrive at *at*."""
        if at not in self._extra_counts:
            insort(self._extra, at)
        self._extra_counts[at] = self._extra_counts.get(at, 0) + count

    def count(self, since: int, until: int) -> int:
        """Count the requests of ``[since, until)``."""
        if until <= since:
            return 0
        total = sum(
            stretch.before(until) - stretch.before(since)
            for day in range(since // DAY_MS, (until - 1) // DAY_MS + 1)
            for stretch in self._day(day)
        )
        low, high = bisect_left(self._extra, since), bisect_left(self._extra, until)
        return total + sum(self._extra_counts[at] for at in self._extra[low:high])

    def last(self, until: int, *, since: int) -> int | None:
        """Give the newest request in ``[since, until]``; None where there is none."""
        found = self._last_extra(until)
        for day in range(until // DAY_MS, since // DAY_MS - 1, -1):
            inside = [
                stretch.arrival(number - 1)
                for stretch in self._day(day)
                if (number := stretch.before(until + 1))
            ]
            if inside:
                found = max(inside if found is None else [*inside, found])
                break
        return found if found is not None and found >= since else None

    def next(self, after: int) -> int | None:
        """Give the first request later than *after*, if one comes within nine days."""
        index = bisect_right(self._extra, after)
        found = self._extra[index] if index < len(self._extra) else None
        for day in range(after // DAY_MS, after // DAY_MS + LOOK_AHEAD_DAYS + 1):
            inside = [
                arrival
                for stretch in self._day(day)
                if (arrival := stretch.arrival(stretch.before(after + 1))) < stretch.end
            ]
            if inside:
                return min(inside if found is None else [*inside, found])
        return found

    def rate(self, at: int) -> float:
        """Give the requests a second that come at *at*, those put in by hand left out."""
        return sum(
            1_000 / stretch.period
            for stretch in self._day(at // DAY_MS)
            if stretch.start <= at < stretch.end
        )

    def next_change(self, after: int) -> int:
        """Give the first instant later than *after* at which the rate may change."""
        edges = (
            edge
            for stretch in self._day(after // DAY_MS)
            for edge in (stretch.start, stretch.end)
            if edge > after
        )
        return min(edges, default=(after // DAY_MS + 1) * DAY_MS)

    def _last_extra(self, until: int) -> int | None:
        index = bisect_right(self._extra, until)
        return self._extra[index - 1] if index else None

    def _day(self, day: int) -> tuple[Stretch, ...]:
        if not self._flows:
            return ()
        if day not in self._days:
            self._days[day] = tuple(self._make_day(day))
        return self._days[day]

    def _make_day(self, day: int) -> Iterator[Stretch]:
        start = day * DAY_MS
        for number, flow in enumerate(self._flows):
            since = start if flow.since is None else max(start, self._origin + flow.since)
            until = start + DAY_MS
            if flow.until is not None:
                until = min(until, self._origin + flow.until)
            if since >= until:
                continue
            rng = child(self._seed, *self._names, "traffic", number, day)
            for stretch in flow.pattern.day(start, rng):
                kept = stretch.cut(since, until)
                if kept is not None:
                    yield kept
