"""P12: false alarms and lead of the forecast, beside a projection and a straight line.

Simulated months of spend by the hour, with the month before: weekdays cost more than weekends,
days more than nights, and each local day is off by a factor of its own (log-normal, sigma 0.35,
mean 1). The limit is 1.2 times what the month costs on average. A *healthy* month goes on like
this and ends below its limit; in a *runaway* spend is multiplied from some hour on, and the limit
is passed before the month ends. Looked at every 4 hours; an alarm is raised where the
probability of ending above the limit was at least 0.9 at every look of 12 hours.

The peers see the same at the same instants:

- *LiteLLM's projection*, as its proxy warns of a soft budget (BerriAI/litellm,
  ``litellm/proxy/utils.py``), put in our words: spent ÷ days of the month before today (at
  least 1) × days of the month after today + spent; a warning as soon as this is above the limit.
- *the straight line*: spent + burn of the last 24 hours × time left, above the limit.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import accumulate
from statistics import median
from zoneinfo import ZoneInfo

from benchmarks.figures import Figure
from firewarden.metering.forecast import Forecast, forecast_of
from firewarden.metering.instants import HOUR, hours_of
from firewarden.metering.pattern import NoForecast, pattern_of
from firewarden.metering.spending import SpentHour

MONTHS = 250
MONTHS_QUICK = 20
FALSE_PERCENT = 10.0
LEAD_DAYS = 7.0

ZONE = ZoneInfo("Europe/Berlin")
SIGMA = 0.35
ROOM = 1.2
BEFORE = timedelta(days=30)
LOOK_HOURS = 4
SUSTAINED_HOURS = 12
PROBABLE = 0.9
JUMP_DAYS, JUMP_TIMES = (2.0, 12.0), (1.5, 3.0)
"""On which day of a runaway spend jumps, and how many times as much it is then."""

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """A month of spend by the hour, and the one before.

    Attributes:
        hours: one for each UTC hour, those before the month too.
        spent: what all hours up to and including each cost, in USD.
        first: the index of the month's first hour.
        jump: the index of the hour in which spend jumps; none in a healthy month.
    """

    hours: Sequence[SpentHour]
    spent: Sequence[float]
    first: int
    limit: float
    jump: int | None

    @property
    def until(self) -> datetime:
        """The end of the month."""
        return self.hours[-1].at + HOUR

    @property
    def total(self) -> float:
        """What the month costs."""
        return self.spent_by(len(self.hours))

    def spent_by(self, index: int) -> float:
        """What the month has cost when hour *index* begins."""
        return self.spent[index - 1] - self.spent[self.first - 1]

    def hit_at(self) -> datetime:
        """When the limit is passed, to the hour."""
        return next(
            self.hours[index].at
            for index in range(self.first, len(self.hours))
            if self.spent_by(index + 1) > self.limit
        )


def month_of(seed: int, *, runs_away: bool) -> Month:
    """Draw month *seed*."""
    rng = random.Random(seed)
    number = rng.randrange(12)
    since, until = (
        datetime(2026 + m // 12, m % 12 + 1, 1, tzinfo=ZONE) for m in (number, number + 1)
    )
    hours = hours_of(since - BEFORE, until)
    first = hours.index(since.astimezone(UTC))
    day, times = rng.uniform(*JUMP_DAYS), rng.uniform(*JUMP_TIMES)
    jump = first + int(24 * day) if runs_away else None
    noise: dict[date, float] = {}
    usd = []
    for index, hour in enumerate(hours):
        local = hour.astimezone(ZONE)
        factor = noise.setdefault(local.date(), rng.lognormvariate(-(SIGMA**2) / 2, SIGMA))
        usd.append(usual(local) * factor * (times if jump is not None and index >= jump else 1))
    return Month(
        hours=[SpentHour(at=at, usd=Decimal(cost)) for at, cost in zip(hours, usd, strict=True)],
        spent=list(accumulate(usd)),
        first=first,
        limit=ROOM * sum(usual(hour.astimezone(ZONE)) for hour in hours[first:]),
        jump=jump,
    )


def usual(local: datetime) -> float:
    """What an hour costs on average, in USD."""
    return 20 * (1.0 if local.weekday() < 5 else 0.4) * (1.5 if 8 <= local.hour < 20 else 0.5)


def forecast_at(month: Month, index: int) -> Forecast:
    """Forecast the month's end at the beginning of hour *index*."""
    pattern = pattern_of(
        month.hours[max(0, index - 30 * 24) : index], now=month.hours[index].at, zone=ZONE
    )
    if isinstance(pattern, NoForecast):
        raise TypeError(str(pattern))
    return forecast_of(pattern, spent=Decimal(month.spent_by(index)), until=month.until)


def ours(month: Month, index: int) -> bool:
    """Is it probable that the limit will be passed?"""
    return forecast_at(month, index).probability_above(Decimal(month.limit)) >= PROBABLE


def projection(month: Month, index: int) -> bool:
    """Is LiteLLM's projection above the limit?"""
    today = month.hours[index].at.astimezone(ZONE).date()
    left = (month.until.astimezone(ZONE).date() - today).days - 1
    return projected(month.spent_by(index), day=today.day, left=left) > month.limit


def projected(spent: float, *, day: int, left: int) -> float:
    """LiteLLM's projection on the month's *day*, with so many days *left* after it."""
    return spent + spent / max(1, day - 1) * left


def straight_line(month: Month, index: int) -> bool:
    """Is what the last 24 hours burnt too much for the time left?"""
    burn = (month.spent[index - 1] - month.spent[index - 25]) / 24
    return month.spent_by(index) + burn * (len(month.hours) - index) > month.limit


def alarm(
    month: Month, rule: Callable[[Month, int], bool], *, sustained_hours: int
) -> datetime | None:
    """When *rule* held for so long for the first time, from the jump on if there is one."""
    held = 0
    for index in range(month.jump or month.first, len(month.hours), LOOK_HOURS):
        held = held + 1 if rule(month, index) else 0
        if held > sustained_hours / LOOK_HOURS:
            return month.hours[index].at
    return None


def figures(*, quick: bool) -> list[Figure]:
    """Live through healthy months, and through runaways."""
    count = MONTHS_QUICK if quick else MONTHS
    healthy = [month for month in _months(count, runs_away=False) if month.total <= month.limit]
    runaways = [month for month in _months(count, runs_away=True) if month.total > month.limit]
    return [_false_alarms(healthy), _lead(runaways)]


def _months(count: int, *, runs_away: bool) -> Iterator[Month]:
    return (month_of(seed + 1_000_000 * runs_away, runs_away=runs_away) for seed in range(count))


def _false_alarms(months: Sequence[Month]) -> Figure:
    def share(rule: Callable[[Month, int], bool], sustained_hours: int = SUSTAINED_HOURS) -> float:
        alarms = [alarm(month, rule, sustained_hours=sustained_hours) for month in months]
        return 100 * sum(at is not None for at in alarms) / len(months)

    return Figure(
        name="P12",
        what=f"healthy months in which the forecast cries wolf, of {len(months)}",
        value=share(ours),
        target=FALSE_PERCENT,
        unit="%",
        details=f"LiteLLM's projection {share(projection, 0):.0f} %"
        f" ({share(projection):.0f} % if it had to hold for 12 h),"
        f" straight line {share(straight_line):.0f} % ({share(straight_line, 0):.0f} % at once);"
        f" the 95 % interval held the end in {_covered(months):.0f} % of its days",
    )


def _covered(months: Sequence[Month]) -> float:
    """How often the interval of a forecast held the truth, in percent, once every other day."""
    held = []
    for month in months:
        for index in range(month.first, len(month.hours), 48):
            low, high = forecast_at(month, index).usd_interval
            held.append(low <= Decimal(month.total) <= high)
    return 100 * sum(held) / len(held)


def _lead(months: Sequence[Month]) -> Figure:
    leads, told, most = [], [], []
    for month in months:
        assert month.jump is not None
        hit, jumped = month.hit_at(), month.hours[month.jump].at
        at = min(alarm(month, ours, sustained_hours=SUSTAINED_HOURS) or hit, hit)
        leads.append((hit - at) / _DAY)
        told.append((at - jumped) / _DAY)
        most.append((hit - jumped) / _DAY)
    late = sum(not lead for lead in leads)
    return Figure(
        name="P12",
        what=f"from the alarm to the limit, {len(months)} runaways of 1.5 to 3 times the usual"
        " from day 2 to 12 on, median",
        value=median(leads),
        target=LEAD_DAYS,
        unit="days",
        is_floor=True,
        details=f"told {median(told):.1f} days after the jump, of {median(most):.1f} that it"
        f" takes to the limit (medians); not told in time: {late}",
    )
