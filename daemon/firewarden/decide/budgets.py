"""Where each budget stands, and who has to hear of it: once for a threshold and a window."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from firewarden.metering.periods import Period
from firewarden.model.ids import AccountId
from firewarden.model.notice import Notice
from firewarden.policy.durations import format_duration
from firewarden.policy.rules import Budget, Threshold

HYSTERESIS = Decimal("0.02")
"""Of the limit: spend that a correction takes back by less than this is still over it."""

LEAST_BURN = Decimal(5)
"""USD or GPU-hours that a burn has to have cost before anybody hears of it."""

PREFIX = "budget:"
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One budget, for one value of its scope, as of *now*.

    Money is USD, or GPU-hours where the budget counts these.

    Attributes:
        value: of the attribute that each has a budget of its own for; "": one for all.
        spent: the point estimate; low, high: hard bounds of it.
        unpriced: GPU-hours of it that no price is known for, and that are not in `spent`.
        burn: an hour, as it runs now, of what has a price.
        lately: what was spent in the stretches of that length up to now.
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
    lately: Mapping[timedelta, Decimal] = field(default_factory=dict)

    @property
    def share(self) -> Decimal:
        """How much of it is used."""
        return self.spent / self.limit

    @property
    def if_nothing_changes(self) -> Decimal:
        """What it comes to at the window's end, if all runs on as it does now."""
        return self.spent + self.burn * _hours(max(self.window.until - self.now, timedelta(0)))

    @property
    def runs_out_at(self) -> datetime | None:
        """When the limit is reached at this burn; None: not within the window."""
        left = self.limit - self.spent
        if self.burn <= 0 or left <= 0 or self.if_nothing_changes < self.limit:
            return None
        return self.now + timedelta(hours=float(left / self.burn))

    def times_even_pace(self, stretch: timedelta) -> Decimal:
        """Tell how often the even pace of the window was spent over the last *stretch*."""
        even = self.limit / _hours(self.window.length)
        return self.lately[stretch] / _hours(stretch) / even

    @property
    def unit(self) -> str:
        """What its amounts are in."""
        return "USD" if self.budget.is_money else "GPU-h"

    @property
    def subject(self) -> str:
        """Whose it is, for people."""
        return self.value or self.budget.name

    @property
    def stem(self) -> str:
        """What the keys of its alerts begin with, in whatever window."""
        return f"{PREFIX}{self.budget.name}:{self.value}:"


def watch(
    account: AccountId,
    standings: Sequence[Standing],
    firing: Mapping[str, Notice],
    *,
    now: datetime,
) -> tuple[Notice, ...]:
    """Say what people should hear now; *firing* are the alerts of budgets that stand, by key.

    A threshold that is crossed speaks once in its window, and of several that are crossed at
    once only the highest. It is over with its window, or when spend is corrected or the limit
    raised.
    """
    found: list[Notice] = []
    holding: set[str] = set()
    for standing in standings:
        news, held = _of_one(account, standing, firing)
        found += news
        holding |= held
    over = sorted(firing.keys() - holding - {notice.key for notice in found})
    found += [_over(firing[key], standings, now=now) for key in over]
    return tuple(found)


def _of_one(
    account: AccountId, standing: Standing, firing: Mapping[str, Notice]
) -> tuple[list[Notice], set[str]]:
    """Give what is new of *standing*, and the keys of what goes on."""
    holding = {
        key
        for threshold in standing.budget.thresholds
        if (key := _key(standing, threshold)) in firing and _holds(standing, threshold)
    }
    crossed = [each for each in standing.budget.thresholds if _is_crossed(standing, each)]
    shares = [each for each in crossed if each.at is not None]
    news = [each for each in crossed if each.at is None]
    highest = max(shares, key=_at, default=None)
    if highest is not None:
        told = [each for each in standing.budget.thresholds if _key(standing, each) in holding]
        if not any(each.at is not None and _at(each) >= _at(highest) for each in told):
            news.append(highest)
    return [
        _crossed(account, standing, each) for each in news if _key(standing, each) not in holding
    ], holding


def _at(threshold: Threshold) -> Decimal:
    return threshold.at or Decimal(0)


def _key(standing: Standing, threshold: Threshold) -> str:
    what = (
        f"{threshold.at.normalize():f}"
        if threshold.at is not None
        else f"burn {threshold.burn} {format_duration(threshold.over)}"
    )
    return f"{standing.stem}{standing.window.label}:{what}"


def _is_crossed(standing: Standing, threshold: Threshold) -> bool:
    if threshold.at is not None:
        return standing.spent >= threshold.at * standing.limit
    return _burns(standing, threshold, slack=Decimal(0))


def _holds(standing: Standing, threshold: Threshold) -> bool:
    """Does what was told still hold? A little less than it took is enough for that."""
    if threshold.at is not None:
        return standing.spent >= (threshold.at - HYSTERESIS) * standing.limit
    return _burns(standing, threshold, slack=HYSTERESIS)


def _burns(standing: Standing, threshold: Threshold, *, slack: Decimal) -> bool:
    wanted = (threshold.burn or Decimal(0)) * (1 - slack)
    return (
        standing.times_even_pace(threshold.over) >= wanted
        and standing.times_even_pace(threshold.also) >= wanted
        and standing.lately[threshold.over] >= LEAST_BURN
    )


def _crossed(account: AccountId, standing: Standing, threshold: Threshold) -> Notice:
    is_burn = threshold.at is None
    return Notice(
        account=account,
        kind="budget.burn" if is_burn else "budget.threshold",
        key=_key(standing, threshold),
        severity=threshold.severity,
        at=standing.now,
        text=_burning(standing, threshold) if is_burn else _used(standing),
        facts=_facts(standing, threshold),
        routes=standing.budget.routes,
    )


def _used(standing: Standing) -> str:
    unit = standing.unit
    left = format_duration(standing.window.until - standing.now)
    used = f"{standing.share:.0%} of {standing.limit:,.2f} {unit} used"
    spent = f"{standing.spent:,.2f} {unit} ({standing.low:,.2f} .. {standing.high:,.2f})"
    parts = [
        f"{standing.subject}: {used} with {left} left of {standing.window.label}",
        f"{spent}, {standing.burn:,.2f} {unit}/h now",
    ]
    if (at := standing.runs_out_at) is not None:
        parts.append(f"at this burn the limit is reached on {at.astimezone(UTC):%d %b %H:%M} UTC")
    if standing.unpriced:
        parts.append(f"{standing.unpriced:,.1f} GPU-h have no known price and are not in it")
    return f"{'; '.join(parts)} [{standing.budget.name}]"


def _burning(standing: Standing, threshold: Threshold) -> str:
    spent, unit = standing.lately[threshold.over], standing.unit
    times = standing.times_even_pace(threshold.over)
    return (
        f"{standing.subject}: {spent:,.2f} {unit} in the last {format_duration(threshold.over)}: "
        f"{times:.1f} times the even pace of {standing.limit:,.2f} {unit} in "
        f"{standing.window.label} [{standing.budget.name}]"
    )


def _facts(standing: Standing, threshold: Threshold) -> dict[str, str]:
    budget, at = standing.budget, standing.runs_out_at
    whose = {budget.each: standing.value} if budget.each else {}
    return {
        **whose,
        "budget": budget.name,
        "window": standing.window.label,
        "window_ends_at": standing.window.until.isoformat(),
        "unit": standing.unit,
        "spent": f"{standing.spent:.2f}",
        "spent_low": f"{standing.low:.2f}",
        "spent_high": f"{standing.high:.2f}",
        "limit": f"{standing.limit:.2f}",
        "threshold": f"{threshold.at:.0%}" if threshold.at is not None else f"{threshold.burn}",
        "burn_per_hour": f"{standing.burn:.2f}",
        "if_nothing_changes": f"{standing.if_nothing_changes:.2f}",
        "runs_out_at": at.isoformat() if at else "",
        "unpriced_gpu_hours": f"{standing.unpriced:.1f}",
    }


def _over(notice: Notice, standings: Sequence[Standing], *, now: datetime) -> Notice:
    """Take back what was told, and name the cause, by the routes it was told by."""
    own = [each for each in standings if notice.key.startswith(each.stem)]
    if not own:
        cause = "the budget is gone"
    elif not any(notice.key.startswith(f"{each.stem}{each.window.label}:") for each in own):
        cause = "the window is over"
    else:
        cause = "spend was corrected, or the limit raised"
    return replace(
        notice,
        at=now,
        text=f"over, because {cause}: {notice.text}",
        resolved=True,
        routes=own[0].budget.routes if own else (),
    )


def _hours(stretch: timedelta) -> Decimal:
    return Decimal(stretch // timedelta(milliseconds=1)) / 3_600_000


def stretches(budget: Budget) -> Iterator[timedelta]:
    """Name the stretches whose spend the thresholds of *budget* look at."""
    for threshold in budget.thresholds:
        if threshold.burn is not None:
            yield threshold.over
            yield threshold.also
