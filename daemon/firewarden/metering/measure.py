"""Segments, gaps and evidence → GPU-milliseconds with hard bounds, exact to the integer."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import TypeVar

from firewarden.metering.activity import (
    EVIDENCE_MARGIN,
    SETTLED_AFTER,
    Scrapes,
    Stretch,
    stretches_of,
)
from firewarden.metering.claims import Claim, Counted, Held, Moved, Possible, Unwatched, claims_of
from firewarden.metering.instants import floor_hour, from_ms, hours_of, to_ms
from firewarden.metering.rates import price_steps
from firewarden.model.activity import Activity
from firewarden.model.ids import Uid
from firewarden.model.price import Price
from firewarden.model.usage import ActivityRun, Gap, Hardware, ScrapeRecord, Segment, Usage

__all__ = ["EVIDENCE_MARGIN", "SETTLED_AFTER", "floor_hour", "hours_of", "measure"]

_Key = tuple[str, int | None]
_T = TypeVar("_T")
_K = TypeVar("_K", bound=Hashable)


def measure(  # noqa: PLR0913 - tables and the edges of a window; a bundle would only rename them
    *,
    segments: Iterable[Segment],
    gaps: Iterable[Gap],
    runs: Iterable[ActivityRun],
    scrapes: Iterable[ScrapeRecord],
    prices: Sequence[Price],
    since: datetime,
    until: datetime,
    confirmed_at: datetime | None,
) -> tuple[Usage, ...]:
    """Measure what was held in ``[since, until)``, by deployment, accelerator and price.

    All rows are of one account. Needed are all segments with ``started.lo < until`` and
    ``ended`` None or ``ended.hi > since``, all gaps that overlap the window, and all runs
    and scrapes that overlap it widened by `EVIDENCE_MARGIN` on both sides. *prices*: as for
    `price_at`. *confirmed_at*: when the newest complete listing was asked for; nothing is
    counted beyond. Windows side by side add up to the whole, to the integer, if they are
    measured from the same rows. Deployments that held nothing have no row.
    """
    if confirmed_at is None:
        return ()
    begin, end = to_ms(since), to_ms(min(until, confirmed_at))
    if begin >= end:
        return ()
    pricing = _Pricing(prices, begin, end)
    known = Scrapes(scrapes)
    gaps_of = _grouped(gaps, lambda gap: gap.uid)
    runs_of = _grouped(runs, lambda run: run.uid)
    usages: list[Usage] = []
    for uid, own in sorted(_grouped(segments, lambda segment: segment.uid).items()):
        if not any(_matters(segment) for segment in own) and uid not in gaps_of:
            continue
        claims = list(claims_of(own, gaps_of.get(uid, ()), confirmed_at=confirmed_at))
        stretches = stretches_of(runs_of.get(uid, ()), known)
        tally = _Tally(pricing)
        for x, y, held in _sweep(claims, stretches, pricing.edges(own), begin, end):
            tally.add(x, y, held)
        usages += tally.usages(uid)
    return tuple(usages)


class _Pricing:
    """The price of each hardware over the window, looked up once."""

    def __init__(self, prices: Sequence[Price], begin: int, end: int) -> None:
        self._prices, self._begin, self._end = prices, begin, end
        self._steps: dict[Hardware, tuple[list[int], list[int | None]]] = {}

    def edges(self, segments: Iterable[Segment]) -> set[int]:
        """All instants at which the price of one of *segments* changes."""
        return {edge for segment in segments for edge in self._of(segment.hardware)[0]}

    def key(self, hardware: Hardware, at: int) -> _Key:
        edges, prices = self._of(hardware)
        return hardware.accelerator_type, prices[bisect_right(edges, at) - 1]

    def _of(self, hardware: Hardware) -> tuple[list[int], list[int | None]]:
        steps = self._steps.get(hardware)
        if steps is None:
            found = price_steps(
                self._prices, hardware, since=from_ms(self._begin), until=from_ms(self._end)
            )
            steps = [to_ms(at) for at, _ in found], [price for _, price in found]
            self._steps[hardware] = steps
        return steps


@dataclass(slots=True)
class _Now:
    """What holds over one stretch in which nothing changes."""

    possible: list[Possible]
    counted: list[Counted]
    moved: list[Moved]
    unwatched: list[Unwatched]
    activities: set[Activity]


def _sweep(
    claims: Iterable[Claim],
    stretches: Iterable[Stretch],
    edges: Iterable[int],
    begin: int,
    end: int,
) -> Iterator[tuple[int, int, _Now]]:
    """Walk through ``[begin, end)`` from edge to edge, with what holds in between."""
    items = [item for item in (*claims, *stretches) if item.begin < end and item.end > begin]
    items = [item for item in items if item.begin < item.end]
    items.sort(key=lambda item: item.begin, reverse=True)
    cuts = {begin, *edges, *(item.begin for item in items), *(item.end for item in items)}
    holding: list[Claim | Stretch] = []
    for x, y in pairwise(sorted({min(max(cut, begin), end) for cut in (*cuts, end)})):
        holding = [item for item in holding if item.end > x]
        while items and items[-1].begin <= x:
            item = items.pop()
            if item.end > x:
                holding.append(item)
        if holding:
            yield x, y, _sorted_out(holding)


def _sorted_out(holding: Iterable[Claim | Stretch]) -> _Now:
    now = _Now([], [], [], [], set())
    for item in holding:
        match item:
            case Possible():
                now.possible.append(item)
            case Counted():
                now.counted.append(item)
            case Moved():
                now.moved.append(item)
            case Unwatched():
                now.unwatched.append(item)
            case Stretch():
                now.activities.add(item.activity)
    return now


@dataclass(slots=True)
class _Sums:
    """The numbers of one `Usage` while they add up."""

    gpu_ms: int = 0
    low_ms: int = 0
    high_ms: int = 0
    variance: int = 0
    idle_ms: int = 0
    unknown_ms: int = 0
    gap_ms: int = 0
    starting_ms: int = 0


class _Tally:
    """Adds up one deployment's stretches by accelerator and price."""

    def __init__(self, pricing: _Pricing) -> None:
        self._pricing = pricing
        self._sums: defaultdict[_Key, _Sums] = defaultdict(_Sums)

    def usages(self, uid: Uid) -> list[Usage]:
        return [
            Usage(
                uid=uid,
                accelerator_type=accelerator_type,
                micro_usd_per_gpu_hour=price,
                gpu_ms=sums.gpu_ms,
                low_ms=sums.low_ms,
                high_ms=sums.high_ms,
                variance=sums.variance,
                idle_ms=sums.idle_ms,
                unknown_ms=sums.unknown_ms,
                gap_ms=sums.gap_ms,
                starting_ms=sums.starting_ms,
            )
            for (accelerator_type, price), sums in sorted(self._sums.items(), key=_order)
            if sums != _Sums()
        ]

    def add(self, x: int, y: int, now: _Now) -> None:
        keyed = [(self._key(claim.held, x), claim.held) for claim in now.possible]
        for key in {key for key, _ in keyed if key is not None}:
            self._bound(key, keyed, now.unwatched, y - x)
            self._spread(key, x, y, now)
        for counted in now.counted:
            key_counted = self._key(counted.held, x)
            if key_counted is not None:
                self._count(self._sums[key_counted], counted, now, y - x)

    def _key(self, held: Held, at: int) -> _Key | None:
        return None if held.hardware is None else self._pricing.key(held.hardware, at)

    def _bound(
        self,
        key: _Key,
        keyed: Sequence[tuple[_Key | None, Held]],
        unwatched: Sequence[Unwatched],
        length: int,
    ) -> None:
        """Add the least and the most that can have been held under *key*."""
        counts = [held.gpu if own == key else 0 for own, held in keyed]
        low, high = min(counts), max(counts)
        sizes = [
            held.hardware.accelerator_count for own, held in keyed if held.hardware and own == key
        ]
        for gap in unwatched:
            low = min(low, gap.low * min(sizes))
            high = max(high, gap.high * max(sizes))
        sums = self._sums[key]
        sums.low_ms += low * length
        sums.high_ms += high * length

    def _spread(self, key: _Key, x: int, y: int, now: _Now) -> None:
        """Add this stretch's share of the variance of a change uniform in its bracket."""
        for move in now.moved:
            before, after = (
                held.gpu if self._key(held, x) == key else 0 for held in (move.before, move.after)
            )
            step = abs(after - before)
            for gap in now.unwatched:
                sizes = [
                    held.hardware.accelerator_count
                    for held in (move.before, move.after)
                    if held.hardware is not None
                ]
                step = max(step, (gap.high - gap.low) * max(sizes))
            width = move.end - move.begin
            variance = (step * width) ** 2 // 12
            share = variance * (y - move.begin) // width - variance * (x - move.begin) // width
            self._sums[key].variance += share

    @staticmethod
    def _count(sums: _Sums, counted: Counted, now: _Now, length: int) -> None:
        """Add the point estimate, and what of it was idle, unknown or unwatched."""
        held = counted.held.gpu * length
        sums.gpu_ms += held
        sums.starting_ms += counted.starting * length
        if now.unwatched:
            sums.gap_ms += held
        elif not now.activities:
            sums.unknown_ms += held
        elif now.activities == {Activity.IDLE} and counted.may_idle:
            sums.idle_ms += held


def _matters(segment: Segment) -> bool:
    return bool(segment.ready or segment.starting or segment.confirmed_at)


def _order(item: tuple[_Key, _Sums]) -> tuple[str, bool, int]:
    (accelerator_type, price), _ = item
    return accelerator_type, price is None, price or 0


def _grouped(items: Iterable[_T], key: Callable[[_T], _K]) -> dict[_K, list[_T]]:
    groups: defaultdict[_K, list[_T]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return groups
