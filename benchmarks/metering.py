"""P8: how far what is metered is from the truth, beside a sampler that looks once a minute.

Deployments of one to four replicas change 48 times a day at random instants. A replica more is
announced: it is wanted first and ready minutes later. One less is announced only in the second
account, where replicas drain before they go. Listings come every 30 s, late by up to a quarter;
while a change is announced, single reads come every 10 s. Folding and measuring are the
product's own. The peer takes what it sees each minute to hold until the next one.
"""

import random
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import sqrt
from statistics import fmean, median
from typing import NamedTuple

from benchmarks.figures import Figure
from benchmarks.recorded import ACCOUNT, deployments
from firewarden.metering.fold import Ledger
from firewarden.metering.measure import measure
from firewarden.metering.rates import RATE_CARD
from firewarden.metering.totals import SIGMAS_95
from firewarden.model.deployment import Deployment
from firewarden.model.fleet import Examined, Fleet
from firewarden.model.ids import Uid
from firewarden.model.usage import Bracket, LedgerChange, Remembered, Segment, Usage

COUNT, DAYS, DAYS_QUICK = 50, 20, 2
CHANGES = 48
MOST_REPLICAS = 4
EVERY_S, JITTER = 30.0, 0.25
READ_EVERY_S, FOLLOWED_S = 10.0, 600.0
ANSWER_S = 0.4
START_S, DRAIN_S = (90.0, 300.0), (30.0, 60.0)
PEER_EVERY_S = 60.0

RMSE, RMSE_ANNOUNCED = 0.04, 0.02
WIDTH = 2.0
INSIDE_95 = 93.0
BETTER = 2.5

DAY_S = 86_400.0
BEGIN = datetime(2026, 3, 2, tzinfo=UTC)


class Look(NamedTuple):
    """When a look was asked for, what instant it shows, and when it was answered; in seconds."""

    asked_at: float
    seen_at: float
    answered_at: float


@dataclass(frozen=True, slots=True)
class Course:
    """What one deployment wanted and had ready: (second, replicas) from then on, in order."""

    wanted: tuple[tuple[float, int], ...]
    ready: tuple[tuple[float, int], ...]

    def at(self, second: float) -> tuple[int, int]:
        """Tell what it wants and has ready at *second*."""
        return _at(self.wanted, second), _at(self.ready, second)

    def held(self, since: float, until: float) -> float:
        """Add up replica-seconds that were ready in ``[since, until)``: the truth."""
        edges = [since, *(at for at, _ in self.ready if since < at < until), until]
        return sum(_at(self.ready, x) * (y - x) for x, y in pairwise(edges))

    def least_width(self, looks: Sequence[Look], since: float, until: float) -> float:
        """Add up by how much each change of ``[since, until)`` may have come sooner or later.

        That is from the asking of the last look before it to the answer of the first after it.
        """
        width = 0.0
        for (_, before), (at, after) in pairwise(self.ready):
            if since <= at < until:
                place = bisect_right(looks, at, key=lambda look: look.seen_at)
                asked, answered = looks[place - 1].asked_at, looks[place].answered_at
                width += abs(after - before) * (answered - asked)
        return width

    def sampled(self, since: float, until: float) -> float:
        """Add up what a look each minute says, taken to hold until the next."""
        looks = range(int((until - since) / PEER_EVERY_S))
        return sum(_at(self.ready, since + look * PEER_EVERY_S) * PEER_EVERY_S for look in looks)


@dataclass(frozen=True, slots=True)
class Day:
    """One deployment-day: replica-seconds in truth, as metered with its bounds, as sampled.

    ``least_width``: how far apart bounds have to be that rest on these looks alone.
    """

    truth: float
    metered: float
    low: float
    high: float
    sigma: float
    sampled: float
    least_width: float


def figures(*, quick: bool) -> list[Figure]:
    """Meter two accounts, one whose scale-downs come unannounced and one that tells of them."""
    days = DAYS_QUICK if quick else DAYS
    plain, announced = (list(lived(days, drains=drains)) for drains in (False, True))
    both = [*plain, *announced]
    outside = sum(not day.low <= day.truth <= day.high for day in both)
    inside = sum(abs(day.metered - day.truth) <= float(SIGMAS_95) * day.sigma for day in both)
    error, peer = rmse(plain), rmse(plain, of_peer=True)
    what = f"{len(plain):,} deployment-days, {CHANGES} changes a day, a listing every 30 s"
    return [
        Figure(
            name="P8",
            what=f"error of GPU-seconds a day, RMSE, {what}",
            value=_ppm(error),
            target=_ppm(RMSE),
            unit="ppm",
            details=f"the peer's {_ppm(peer):.0f} ppm; bias {_ppm(bias(plain)):+.0f} ppm",
        ),
        Figure(
            name="P8",
            what="the same where scale-downs are announced",
            value=_ppm(rmse(announced)),
            target=_ppm(RMSE_ANNOUNCED),
            unit="ppm",
            details=f"the peer's {_ppm(rmse(announced, of_peer=True)):.0f} ppm; bias"
            f" {_ppm(bias(announced)):+.0f} ppm",
        ),
        Figure(
            name="P8",
            what="error of a look each minute / ours",
            value=peer / error,
            target=BETTER,
            is_floor=True,
        ),
        Figure(
            name="P8",
            what="deployment-days whose truth lies outside of the hard bounds",
            value=outside,
            target=0,
            unit="days",
            details=f"of {len(both):,}; they are {width(both):.2f} % wide on average",
        ),
        Figure(
            name="P8",
            what="width of the hard bounds / the least that those looks allow, median",
            value=median(tightness(both)),
            target=WIDTH,
        ),
        Figure(
            name="P8",
            what="deployment-days whose truth lies in the 95 % interval",
            value=100 * inside / len(both),
            target=INSIDE_95,
            unit="%",
            is_floor=True,
        ),
    ]


def _ppm(percent: float) -> float:
    return percent * 10_000


def lived(days: int, *, drains: bool, seed: int = 1) -> Iterator[Day]:
    """Let the account live, meter it, and give each deployment-day."""
    rng = random.Random(seed)
    shown = {one.uid: one for one in deployments(COUNT)}
    courses = {uid: course(rng, days, drains=drains) for uid in shown}
    looks: dict[Uid, list[Look]] = {uid: [] for uid in shown}
    segments = _metered(shown, courses, days, rng, looks)
    for day in range(days):
        since, until = day * DAY_S, (day + 1) * DAY_S
        usages = _measured(segments, since, until, end=days * DAY_S)
        for uid, own in courses.items():
            gpus = shown[uid].accelerator_count * 1_000
            usage = usages[uid]
            yield Day(
                truth=own.held(since, until),
                metered=usage.gpu_ms / gpus,
                low=usage.low_ms / gpus,
                high=usage.high_ms / gpus,
                sigma=sqrt(usage.variance) / gpus,
                sampled=own.sampled(since, until),
                least_width=own.least_width(looks[uid], since, until),
            )


def course(rng: random.Random, days: int, *, drains: bool) -> Course:
    """Draw one: half of the changes go up, wherever there is room, and each takes its time."""
    instants = sorted(rng.uniform(0, days * DAY_S) for _ in range(CHANGES * days))
    count = rng.randint(1, MOST_REPLICAS)
    wanted, ready = [(0.0, count)], [(0.0, count)]
    for at in instants:
        if at < ready[-1][0] + 1:
            continue  # the last change is not over yet
        step = rng.choice([-1, 1])
        step = 1 if count == 1 else -1 if count == MOST_REPLICAS else step
        count += step
        takes = rng.uniform(*START_S) if step > 0 else rng.uniform(*DRAIN_S) if drains else 0.0
        wanted.append((at, count))
        ready.append((at + takes, count))
    return Course(tuple(wanted), tuple(ready))


def rmse(days: Sequence[Day], *, of_peer: bool = False) -> float:
    """Root mean square of the errors, each in percent of its day's truth."""
    return sqrt(fmean(error**2 for error in _errors(days, of_peer=of_peer)))


def bias(days: Sequence[Day]) -> float:
    """Mean of the errors, in percent."""
    return fmean(_errors(days, of_peer=False))


def width(days: Sequence[Day]) -> float:
    """Mean distance of the hard bounds, in percent of the truth."""
    return fmean(100 * (day.high - day.low) / day.truth for day in days)


def tightness(days: Sequence[Day]) -> list[float]:
    """Tell of each day how much wider its bounds are than they have to be."""
    return [(day.high - day.low) / day.least_width for day in days if day.least_width]


def _errors(days: Sequence[Day], *, of_peer: bool) -> Iterator[float]:
    for day in days:
        said = day.sampled if of_peer else day.metered
        yield 100 * (said - day.truth) / day.truth


def _metered(
    shown: dict[Uid, Deployment],
    courses: dict[Uid, Course],
    days: int,
    rng: random.Random,
    looks: dict[Uid, list[Look]],
) -> list[Segment]:
    """Fold every listing, and every read of what is on its way, as the daemon does.

    Every look is noted in *looks*.
    """
    nothing = Remembered(known=(), open_segments=(), runs=(), scrapes=(), last_poll=None, polls=())
    ledger = Ledger(nothing, poll_every=timedelta(seconds=EVERY_S))
    kept: dict[tuple[Uid, Bracket], Segment] = {}
    changing: dict[Uid, float] = {}

    def keep(change: LedgerChange) -> None:
        for segment in (*change.closed, *change.opened, *change.amended):
            kept[segment.uid, segment.started] = segment

    def look(uid: Uid, asked: float, second: float) -> Deployment:
        looks[uid].append(Look(asked, second, asked + ANSWER_S))
        wanted, ready = courses[uid].at(second)
        seen = _as(shown[uid], wanted, ready)
        shown[uid] = seen
        if wanted == ready:
            changing.pop(uid, None)
        else:
            changing.setdefault(uid, second)
        return seen

    for number in range(int(days * DAY_S / EVERY_S) + 2):
        asked = number * EVERY_S + EVERY_S * JITTER * rng.random()
        seen_at = asked + ANSWER_S * rng.random()
        fleet = Fleet(
            account=ACCOUNT,
            asked_at=_instant(asked),
            answered_at=_instant(asked + ANSWER_S),
            complete=True,
            deployments={uid: look(uid, asked, seen_at) for uid in shown},
        )
        keep(ledger.fold_fleet(fleet))
        for read in range(1, int(EVERY_S / READ_EVERY_S)):
            asked = number * EVERY_S + EVERY_S * JITTER + read * READ_EVERY_S - 1
            for uid in [each for each, since in changing.items() if asked - since < FOLLOWED_S]:
                examined = Examined(
                    asked_at=_instant(asked),
                    answered_at=_instant(asked + ANSWER_S),
                    deployment=look(uid, asked, asked + ANSWER_S * rng.random()),
                    surroundings=None,
                )
                keep(ledger.fold_examined(uid, examined))
    return list(kept.values())


def _measured(
    segments: Sequence[Segment], since: float, until: float, *, end: float
) -> dict[Uid, Usage]:
    begin, over = _instant(since), _instant(until)
    found = measure(
        segments=[
            each
            for each in segments
            if each.started.lo < over and (each.ended is None or each.ended.hi > begin)
        ],
        gaps=(),
        runs=(),
        scrapes=(),
        prices=RATE_CARD,
        since=begin,
        until=over,
        confirmed_at=_instant(end),
    )
    return {usage.uid: usage for usage in found}


def _as(one: Deployment, wanted: int, ready: int) -> Deployment:
    """Show *one* as it is now: the same object where nothing changed, as the client does."""
    starting = max(0, wanted - ready)
    is_same = (one.desired_replica_count, one.ready_replica_count) == (wanted, ready)
    if is_same and one.max_replica_count == MOST_REPLICAS:
        return one
    return replace(
        one,
        max_replica_count=MOST_REPLICAS,
        desired_replica_count=wanted,
        ready_replica_count=ready,
        starting_replica_count=starting,
    )


def _at(steps: Sequence[tuple[float, int]], second: float) -> int:
    return steps[max(0, bisect_right(steps, second, key=lambda step: step[0]) - 1)][1]


def _instant(second: float) -> datetime:
    return BEGIN + timedelta(milliseconds=round(second * 1_000))
