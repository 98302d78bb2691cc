"""P11: a hard cap that stops early, beside one that acts when its limit is reached.

Both guard the same simulated scope, of about 512 USD an hour: deployments go up and down at once,
within their ceilings, one look in fifty fails (never two in a row), and while looks, approvals,
limits, calls and draining take their time the scope goes on burning. What is known is what looks
showed, the upper bound of spend included. Every limit lies above what the scope can burn within
``T_stop``: below that no cap can be kept. The third rule is the early one, told the burn of now
instead of the most that the scope can burn.

Not simulated: calls that fail, two failed looks in a row, and deployments that people create
while the cap is being enforced.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from functools import partial
from heapq import heappop, heappush
from statistics import median

from benchmarks.figures import Figure
from firewarden.metering.stop_early import acts_now, time_to_reach, time_to_stop

RUNS = 10_000
RUNS_QUICK = 500

USD_PER_S = 64 / 3_600
"""A replica of eight H100."""

READY, CEILING = 8, 16
"""Replicas of the scope on average, and at most: 512 and 1,024 USD an hour."""

CHANGES_EVERY_S = 300.0
LOOKS_EVERY_S = 30.0
JITTER = 0.25
ANSWER_S = (0.2, 5.0)
FAILS = 0.02
LATENCY_S = (5.0, 0.6, 60.0)
"""Median, spread (of the logarithm) and bound of an action's latency."""

MEASURED = 100
"""So many actions of the past the measured latency is the longest of."""

DRAIN_S = 30.0
APPROVAL_S = 900.0
APPROVED = 0.25
"""The share of the caps that ask a person first."""

ABOVE_USD = (100.0, 800.0)
"""By how much a limit is above what can be burnt within ``T_stop``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a cap judges by; in USD, and USD an hour."""

    spent: float
    spent_high: float
    burn: float
    burn_high: float
    limit: float
    t_stop: timedelta


Rule = Callable[[Known], bool]


def early(known: Known) -> bool:
    """Act as the product does: early enough for the most that the scope can burn."""
    return _early(known, known.burn_high)


def early_by_burn_of_now(known: Known) -> bool:
    """Act early enough if the scope does not grow meanwhile."""
    return _early(known, known.burn)


def at_limit(known: Known) -> bool:
    """Act at 100 %."""
    return known.spent >= known.limit


def _early(known: Known, burn: float) -> bool:
    return acts_now(
        spent_high=Decimal(known.spent_high),
        usd_per_hour=Decimal(burn),
        limit=Decimal(known.limit),
        t_stop=known.t_stop,
    )


@dataclass(slots=True)
class _World:
    """A scope and its cap; seconds since the beginning, replicas by deployment."""

    rng: random.Random
    rule: Rule
    ceilings: list[int]
    ready: list[int]
    per_cycle: int = 0
    per_hour: int = 0
    expires_s: float = 0.0
    limit: float = 0.0
    t_stop: timedelta = timedelta(0)
    now: float = 0.0
    spent: float = 0.0
    seen: list[int] = field(default_factory=list)
    seen_at: float = 0.0
    known: float = 0.0
    known_high: float = 0.0
    failed: bool = False
    acts_at: float | None = None
    sent: list[float] = field(default_factory=list)
    stopped: set[int] = field(default_factory=set)
    events: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    count: int = 0

    def run(self) -> float:
        """Live until everything stands still; by how many USD the limit was passed (< 0: not)."""
        self.seen = list(self.ready)
        self.at(0.0, self.look)
        self.at(self.rng.expovariate(1 / CHANGES_EVERY_S), self.change)
        while len(self.stopped) < len(self.ready):
            now, _, event = heappop(self.events)
            self.spent += sum(self.ready) * USD_PER_S * (now - self.now)
            self.now = now
            event()
        return self.spent - self.limit

    def at(self, when: float, event: Callable[[], None]) -> None:
        self.count += 1
        heappush(self.events, (when, self.count, event))

    def change(self) -> None:
        """A deployment goes to some number of replicas, at once."""
        which = self.rng.randrange(len(self.ready))
        if which not in self.stopped:
            self.ready[which] = self.rng.randint(0, self.ceilings[which])
        self.at(self.now + self.rng.expovariate(1 / CHANGES_EVERY_S), self.change)

    def look(self) -> None:
        """Ask for a listing; it shows what is so now, and is judged when it is answered."""
        every = LOOKS_EVERY_S * self.rng.uniform(1 - JITTER, 1 + JITTER)
        self.at(self.now + every, self.look)
        self.failed = not self.failed and self.rng.random() < FAILS
        if self.failed:
            return
        shown, passed = list(self.ready), self.now - self.seen_at
        for before, after in zip(self.seen, shown, strict=True):
            self.known += (before + after) / 2 * passed * USD_PER_S
            self.known_high += max(before, after) * passed * USD_PER_S
        self.seen, self.seen_at = shown, self.now
        self.at(self.now + self.rng.uniform(*ANSWER_S), self.judge)

    def judge(self) -> None:
        """Act if the rule says so; once it did, go on with what the limits left over."""
        if self.acts_at is None:
            if self.rule(self.what_is_known()):
                self.acts_at = self.now + self.rng.uniform(0, self.expires_s)
                self.at(self.acts_at, self.act)
        elif self.now > self.acts_at:
            self.act()

    def act(self) -> None:
        """Stop as many deployments as the limits of a cycle and of an hour let through."""
        hour = sum(1 for at in self.sent if at > self.now - 3_600)
        left = len(self.ready) - len(self.sent)
        for _ in range(min(self.per_cycle, self.per_hour - hour, left)):
            which = len(self.sent)
            self.sent.append(self.now)
            done = self.now + latency(self.rng) + self.rng.uniform(0, DRAIN_S)
            self.at(done, partial(self.stop, which))

    def stop(self, which: int) -> None:
        self.ready[which] = 0
        self.stopped.add(which)

    def what_is_known(self) -> Known:
        return Known(
            spent=self.known,
            spent_high=self.known_high,
            burn=sum(self.seen) * USD_PER_S * 3_600,
            burn_high=sum(self.ceilings) * USD_PER_S * 3_600,
            limit=self.limit,
            t_stop=self.t_stop,
        )


def latency(rng: random.Random) -> float:
    """Draw how long an action takes to have an effect, in seconds."""
    middle, sigma, most = LATENCY_S
    return min(most, middle * rng.lognormvariate(0, sigma))


def overshoot(seed: int, rule: Rule) -> float:
    """Let a cap that acts by *rule* guard scope *seed*; by how many USD its limit was passed."""
    rng = random.Random(seed)
    count = rng.randint(2, READY)
    ready = _dealt(rng, READY, [1] * count)
    world = _World(rng=rng, rule=rule, ready=ready, ceilings=_dealt(rng, CEILING, list(ready)))
    world.per_cycle, world.per_hour = rng.randint(1, 10), rng.randint(count, 60)
    world.expires_s = APPROVAL_S if rng.random() < APPROVED else 0.0
    poll = timedelta(seconds=LOOKS_EVERY_S * (1 + JITTER) + ANSWER_S[1])
    world.t_stop = time_to_stop(
        poll=poll,
        latency=timedelta(seconds=max(latency(rng) for _ in range(MEASURED))),
        drain=timedelta(seconds=DRAIN_S),
        limits=time_to_reach(count, per_cycle=world.per_cycle, per_hour=world.per_hour, cycle=poll),
        approval=timedelta(seconds=world.expires_s),
    )
    needed = CEILING * USD_PER_S * world.t_stop.total_seconds()
    world.limit = needed + rng.uniform(*ABOVE_USD)
    return world.run()


def _dealt(rng: random.Random, total: int, counts: list[int]) -> list[int]:
    """Deal out replicas until there are *total*."""
    while sum(counts) < total:
        counts[rng.randrange(len(counts))] += 1
    return counts


def figures(*, quick: bool) -> list[Figure]:
    """Run all three rules on the same scopes."""
    runs = RUNS_QUICK if quick else RUNS
    ours, now, late = (
        [overshoot(seed, rule) for seed in range(runs)]
        for rule in (early, early_by_burn_of_now, at_limit)
    )
    return [
        Figure(
            name="P11",
            what=f"by how much a hard cap was passed, worst of {runs:,} runs at about 512 USD/h",
            value=max(0.0, *ours),
            target=0.0,
            unit="USD",
            details=f"it stood still {-median(ours):.0f} USD below its limit (median);"
            f" told the burn of now, not the most that can be: {_passed(now)};"
            f" acting at 100 %: {_passed(late)}, by {median(late):.0f} USD in the median",
        )
    ]


def _passed(runs: Sequence[float]) -> str:
    above = [each for each in runs if each > 0]
    return f"passed in {len(above) / len(runs):.1%}, by up to {max(0.0, *runs):.0f} USD"
