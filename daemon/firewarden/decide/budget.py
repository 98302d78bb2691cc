"""One budget for one of its values: what is spent of it, how fast, and what is expected."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from firewarden.decide.caps import Reach
from firewarden.metering.burn import Burning, BurnRule, burning
from firewarden.metering.forecast import Forecast, if_nothing_changes
from firewarden.metering.periods import Period, midnight, period_at
from firewarden.metering.spending import Spent
from firewarden.policy.money import Budget, Threshold

LEAST_BURN = Decimal(5)
"""USD or GPU-hours that a burn has to have cost before anybody hears of it."""

PREFIX = "budget:"
"""What the keys of all alerts of budgets begin with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What is expected of one budget for one value at the end of its window.

    Attributes:
        forecast: as of the newest whole hour; None: there is too little history.
        probabilities: by share of the limit: that the window ends above it, as it was known at
            the newest whole hour and at each one before it; None where it was not. Empty: there
            is no history at all.
    """

    forecast: Forecast | None
    probabilities: Mapping[Decimal, tuple[float | None, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One budget, for one value of its scope, as of *now*.

    Money is USD, or GPU-hours or GPUs where the budget counts these.

    Attributes:
        value: of the attribute that each has a budget of its own for; "": one for all.
        spent: the point estimate; low, high: hard bounds of it.
        unpriced: GPU-hours of it that no price is known for, and that are not in `spent`.
        burn: an hour, as it runs now, of what has a price.
        known_until: nothing is counted beyond; None: nothing is known at all.
        spent_at_edit: what was spent of the window when the budget was written as it is now;
            None: before the window began.
        disputed: the first day of the window whose bill contradicts the ledger; None: none.
        lately: what was spent in the stretches of that length up to now.
        outlook: what is expected at the window's end; None: nobody asked.
        reach: how far its highest rung can go; None: it only tells.
    """

    budget: Budget
    value: str
    window: Period
    now: datetime
    limit: Decimal
    spent: Decimal
    low: Decimal
    high: Decimal
    unpriced: Decimal
    burn: Decimal
    known_until: datetime | None = None
    spent_at_edit: Decimal | None = None
    disputed: date | None = None
    lately: Mapping[timedelta, Spent] = field(default_factory=dict)
    outlook: Outlook | None = None
    reach: Reach | None = None

    @property
    def share(self) -> Decimal:
        """How much of it is used."""
        return self.spent / self.limit

    @property
    def if_nothing_changes(self) -> Decimal:
        """What it comes to at the window's end, if all runs on as it does now."""
        left = max(self.window.until - self.now, timedelta(0))
        return if_nothing_changes(spent=self.spent, usd_per_hour=self.burn, left=left)

    @property
    def runs_out_at(self) -> datetime | None:
        """When the limit is reached at this burn; None: not within the window."""
        left = self.limit - self.spent
        if self.burn <= 0 or left <= 0 or self.if_nothing_changes < self.limit:
            return None
        return self.now + timedelta(hours=float(left / self.burn))

    def burning(self, threshold: Threshold, *, slack: Decimal = Decimal(0)) -> Burning:
        """Hold what was spent lately to *threshold*; *slack*: a share of it that may be lacking."""
        multiple = (threshold.burn or Decimal(0)) * (1 - slack)
        rule = BurnRule(multiple=multiple, over=threshold.over, also_over=threshold.also)
        spent = self.lately[threshold.over], self.lately[threshold.also]
        window = self.window.length
        return burning(rule, spent, limit=self.limit, window=window, floor=LEAST_BURN)

    @property
    def unit(self) -> str:
        """What its amounts are in."""
        if self.budget.at_once:
            return "GPUs"
        return "USD" if self.budget.is_money else "GPU-h"

    @property
    def subject(self) -> str:
        """Whose it is, for people."""
        return self.value or self.budget.name

    @property
    def stem(self) -> str:
        """What the keys of its alerts begin with, in whatever window."""
        return f"{PREFIX}{self.budget.name}:{self.value}:"


def with_reach(
    standings: Iterable[Standing], reaches: Mapping[tuple[str, str], Reach]
) -> tuple[Standing, ...]:
    """Put beside each of *standings* how far its budget can go."""
    return tuple(
        replace(each, reach=reaches.get((each.budget.name, each.value))) for each in standings
    )


def stretches(budget: Budget) -> Iterator[timedelta]:
    """Name the stretches whose spend the thresholds of *budget* look at."""
    for threshold in budget.thresholds:
        if threshold.burn is not None:
            yield threshold.over
            yield threshold.also


def window_of(budget: Budget, now: datetime) -> Period | None:
    """Give the window of *budget* that holds *now*; None where there is none."""
    zone = ZoneInfo(budget.timezone)
    if budget.at_once:
        return Period(label="now", since=now, until=now)
    if budget.per:
        return period_at(budget.per, now, zone)
    if budget.rolling is not None:
        length = budget.rolling
        return Period(label=f"any {_written(length)}", since=now - length, until=now)
    if budget.dates is None:
        return None
    first, after = budget.dates
    since, until = midnight(first, zone), midnight(after, zone)
    label = f"{first.isoformat()}..{after.isoformat()}"
    return Period(label=label, since=since, until=until) if since <= now < until else None


def _written(length: timedelta) -> str:
    hours = length // timedelta(hours=1)
    return f"{hours}h" if timedelta(hours=hours) == length else f"{length}"
