"""What stops have saved: what was used less than before each, at the margin, while it is ours."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from firewarden.metering.instants import from_ms, to_ms
from firewarden.metering.margins import Margin, Pool
from firewarden.metering.ours import Stop, middle
from firewarden.metering.rates import price_steps
from firewarden.model.commitment import Commitment
from firewarden.model.ids import Uid
from firewarden.model.price import Price
from firewarden.model.usage import Hardware, Segment
from firewarden.model.vocabulary import CommitmentKind


@dataclass(slots=True)
class Saved:
    """What one stop saved in a window.

    Attributes:
        gpu_ms: used less than before it.
        paid_ms: the part of it that would have been paid for; the rest is reserved anyway.
        unpriced_ms: the part of that without a known price, which is in no amount.
        micro_usd_ms: Σ paid GPU-ms × micro-USD per GPU-hour.
        top_micro_usd: the highest price that played a part.
    """

    gpu_ms: int = 0
    paid_ms: int = 0
    unpriced_ms: int = 0
    micro_usd_ms: int = 0
    top_micro_usd: int = 0

    def add(self, ms: int, gpus: int, paid: int, micro_usd: int | None) -> None:
        """Take in *ms* during which *gpus* were gone, *paid* of which would have been paid."""
        self.gpu_ms += ms * gpus
        self.paid_ms += ms * paid
        if micro_usd is None:
            self.unpriced_ms += ms * paid
        else:
            self.micro_usd_ms += ms * paid * micro_usd
            self.top_micro_usd = max(self.top_micro_usd, micro_usd if paid else 0)


def saved_by(
    stops: Sequence[Stop],
    segments: Iterable[Segment],
    *,
    prices: Sequence[Price],
    commitments: Sequence[Commitment],
    since: datetime,
    until: datetime,
) -> Mapping[int, Saved]:
    """Tell by number of the action what each stop saved in ``[since, until)``.

    *segments* are all of the account that overlap the window. At each instant

        saved by stop i = on demand(used + Σ gone of i and later) - on demand(used + Σ later)

    so that the parts add up to what all of them saved together, in the order in which the
    stops were made. *Gone* is what was ready before a stop less what is ready now, never
    below zero: what grew back is no loss of ours. Of two stops of one deployment the later
    has what it took, the earlier the rest. Instants are the middles of their brackets.
    """
    found = {stop.action_id: Saved() for stop in stops}
    begin, end = to_ms(since), to_ms(until)
    ordered = sorted(stops, key=lambda stop: (stop.at, stop.action_id))
    reserved = [each for each in commitments if each.kind is CommitmentKind.CAPACITY]
    steps = {
        stop.hardware: _Steps(price_steps(prices, stop.hardware, since=since, until=until))
        for stop in ordered
    }
    edges = {begin, end}
    for stop in ordered:
        edges |= {to_ms(stop.at), to_ms(stop.until) if stop.until else end}
        edges.update(steps[stop.hardware].edges)
    for each in reserved:
        edges |= {to_ms(at) for at in (each.since, each.until) if at is not None}
    for x, y, fleet in _walk(segments, edges, begin, end):
        at = from_ms(x)
        ours = [
            stop for stop in ordered if stop.at <= at and (stop.until is None or at < stop.until)
        ]
        gone = _gone(ours, fleet.ready)
        margin = fleet.margin(ours, gone, reserved, at)
        for stop in ours:
            gpus, pool = gone[stop.action_id], pool_of(stop.hardware)
            paid = margin.saved(pool, gpus) if reserved else gpus
            margin = margin.without(pool, gpus)
            found[stop.action_id].add(y - x, gpus, paid, steps[stop.hardware].at(x))
    return found


def _gone(ours: Sequence[Stop], ready: Mapping[Uid, int]) -> dict[int, int]:
    """Count the GPUs that are gone by each of *ours*, which are in order; none twice."""
    gone: dict[int, int] = {}
    left: dict[Uid, int] = {}
    for stop in reversed(ours):
        there = left.get(stop.uid, ready[stop.uid])
        gone[stop.action_id] = max(0, stop.gpus - there)
        left[stop.uid] = max(stop.gpus, there)
    return gone


def pool_of(hardware: Hardware) -> Pool:
    """Name the pool that *hardware* draws from, as `margins.pool_of` does of a deployment."""
    return hardware.accelerator_type, hardware.placement.rpartition(":")[2].casefold()


@dataclass(slots=True)
class _Steps:
    """The price of one hardware, by the instants at which it changes."""

    steps: Sequence[tuple[datetime, int | None]]
    edges: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.edges = [to_ms(at) for at, _ in self.steps]

    def at(self, ms: int) -> int | None:
        return self.steps[max(0, bisect_right(self.edges, ms) - 1)][1]


@dataclass(slots=True)
class _Fleet:
    """GPUs that are ready, by deployment and by pool."""

    ready: Counter[Uid] = field(default_factory=Counter)
    used: Counter[Pool] = field(default_factory=Counter)

    def take(self, segment: Segment, sign: int) -> None:
        gpus = sign * segment.ready * segment.hardware.accelerator_count
        self.ready[segment.uid] += gpus
        if not segment.hardware.cluster and not segment.hardware.preemptible:
            self.used[pool_of(segment.hardware)] += gpus

    def margin(
        self,
        stops: Iterable[Stop],
        gone: Mapping[int, int],
        reserved: Iterable[Commitment],
        at: datetime,
    ) -> Margin:
        """Give the margin as it would be had none of *stops* been made."""
        used = Counter(self.used)
        for stop in stops:
            used[pool_of(stop.hardware)] += gone[stop.action_id]
        held: Counter[Pool] = Counter()
        for each in reserved:
            if each.holds(at):
                held[each.accelerator_type, each.placement] += each.gpus
        return Margin(used=used, reserved=held)


def _walk(
    segments: Iterable[Segment], edges: Iterable[int], begin: int, end: int
) -> Iterator[tuple[int, int, _Fleet]]:
    """Go through ``[begin, end)`` from edge to edge, with what is ready in between."""
    changes: list[tuple[int, int, Segment]] = []
    for segment in segments:
        if not segment.ready:
            continue
        confirmed = None if segment.confirmed_at is None else to_ms(segment.confirmed_at)
        ended = confirmed if segment.ended is None else to_ms(middle(segment.ended))
        changes.append((to_ms(middle(segment.started)), 1, segment))
        if ended is not None:
            changes.append((ended, -1, segment))
    changes.sort(key=lambda change: change[0])
    cuts = sorted({min(max(cut, begin), end) for cut in (*edges, *(at for at, _, _ in changes))})
    fleet, done = _Fleet(), 0
    for x, y in pairwise(cuts):
        while done < len(changes) and changes[done][0] <= x:
            fleet.take(changes[done][2], changes[done][1])
            done += 1
        yield x, y, fleet
