"""How a scope spends: a usual week, how much more or less than usual it is now, and its spread.

The method, all in local hours of the scope's zone:

- *profile*: for each of the week's 168 hours, the median of what it cost in the last 28 whole
  days. An hour of the week that nobody ever watched is taken as the mean of the others.
- *level*: what the last 7 × 24 hours cost, over what the profile gives for the same hours,
  shrunk towards 1 by as much as the spread explains: with L the ratio and v = spread² ÷ 7
  its variance, ``level = 1 + max(0, 1 - v ÷ (L - 1)²) · (L - 1)`` (the positive part of the
  James-Stein estimator). Where the profile is 0 over those hours and spend is not, their mean is
  added to each hour instead.
- *spread*: the standard deviation of a day as a share of what was expected of it. Each whole day
  is held against profile × the level of its own week; the weeks weigh the same; degrees of
  freedom taken by the profile and by the levels are given back.

A local hour here is one UTC hour, named by the wall time at its beginning: the hour that a clock
put back repeats counts twice, the one it leaves out counts in no week, and where a zone is off by
half an hour nothing is split. Hours nobody watched are in none of the sums: they are not 0.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from math import hypot, sqrt
from statistics import fmean, median

from firewarden.metering.instants import HOUR, floor_hour, hours_of
from firewarden.metering.spending import SpentHour, by_hour

PROFILE_DAYS = 28
LEVEL_FOR = timedelta(days=7)
DAYS_NEEDED = 14
"""Without so many days of history there is no forecast."""

DAY_NEEDS_HOURS = 12
"""So many hours of a day must have been watched for it to be a day of history."""

_DAYS_A_WEEK = 7
_HOURS_A_DAY = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class NoForecast:
    """There is too little history to say what is to come; burn rates have to do.

    Attributes:
        days: days of history there are, of the `DAYS_NEEDED`.
        unwatched_hours: as in `Pattern`.
    """

    days: int
    unwatched_hours: int

    def __str__(self) -> str:
        """Say it to a person."""
        return f"no forecast: {self.days} of {DAYS_NEEDED} days of history"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """What is expected from now until ``until``, in USD, and its standard deviation."""

    until: datetime
    usd: float
    sigma_usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """How a scope spends, as known at ``now``.

    Attributes:
        now: nothing later was known; in UTC, as differences within a zone are of wall time.
        zone: whose hours of the week these are.
        profile: USD of each of the 168 local hours of a week; Monday 00:00 comes first.
        level: how many times as much as the profile is expected.
        extra: USD an hour that are expected on top.
        spread: the standard deviation of a day, as a share of what is expected of it.
        level_days: how many of the last 7 days were watched, in days; at least 1.
        days: days of history: whole local days, of the last 28, that were watched for at
            least `DAY_NEEDS_HOURS`.
        unwatched_hours: hours of the history, the day in progress included, that nobody
            watched. What was before the first that somebody did is not counted.
        is_priced: False where usage without a price was held in the history: what is
            expected does not cover it.
    """

    now: datetime
    zone: tzinfo
    profile: tuple[float, ...]
    level: float
    extra: float
    spread: float
    level_days: float
    days: int
    unwatched_hours: int
    is_priced: bool

    def ahead(self, until: datetime) -> Iterator[Ahead]:
        """Walk from now to *until*, from one end of an hour to the next; nothing if it is past.

        The variance is that of the level, which all hours share, plus that of each local day,
        taken as independent of the others: with M the sum, s the spread, n the days the level
        rests on and E the parts of the days, ``sigma² = M²s² ÷ n + s² · ΣE²``.
        """
        total = squares = of_day = 0.0
        day: date | None = None
        until = until.astimezone(UTC)
        for hour in hours_of(self.now, until) if until > self.now else ():
            local = hour.astimezone(self.zone)
            if local.date() != day:
                day, squares, of_day = local.date(), squares + of_day**2, 0.0
            begin, end = max(hour, self.now), min(hour + HOUR, until)
            usd = (self.profile[_slot(local)] * self.level + self.extra) * ((end - begin) / HOUR)
            total, of_day = total + usd, of_day + usd
            sigma = self.spread * hypot(total / sqrt(self.level_days), sqrt(squares + of_day**2))
            yield Ahead(until=end, usd=total, sigma_usd=sigma)


@dataclass(frozen=True, slots=True)
class _Hour:
    """A watched hour, its local day, its place in the week, and what it cost."""

    at: datetime
    day: date
    slot: int
    usd: float


def pattern_of(rows: Iterable[SpentHour], *, now: datetime, zone: tzinfo) -> Pattern | NoForecast:
    """Learn how a scope spends from its *rows*, in any order; those of the last 29 days matter.

    Raises:
        ValueError: as `by_hour`.
    """
    end, today = floor_hour(now), now.astimezone(zone).date()
    known = by_hour(rows, before=now)
    oldest = today - timedelta(days=PROFILE_DAYS)
    hours = [hour for hour in _hours(known, zone) if hour.day >= oldest]
    unwatched = len(hours_of(hours[0].at, end)) - len(hours) if hours else 0
    by_day: defaultdict[date, list[_Hour]] = defaultdict(list)
    for hour in hours:
        if hour.day < today:
            by_day[hour.day].append(hour)
    days = {day: own for day, own in by_day.items() if len(own) >= DAY_NEEDS_HOURS}
    if len(days) < DAYS_NEEDED:
        return NoForecast(days=len(days), unwatched_hours=unwatched)
    profile = _profile(hour for own in by_day.values() for hour in own)
    spread = _spread(days, profile, today)
    begin = end - LEVEL_FOR
    recent = [hour for hour in hours if hour.at >= begin]
    level_days = max(1.0, len(recent) / _HOURS_A_DAY)
    level, extra = _level(recent, profile, spread**2 / level_days)
    return Pattern(
        now=now.astimezone(UTC),
        zone=zone,
        profile=profile,
        level=level,
        extra=extra,
        spread=spread,
        level_days=level_days,
        days=len(days),
        unwatched_hours=unwatched,
        is_priced=all(known[hour.at].is_priced for hour in hours),
    )


def _hours(known: Mapping[datetime, SpentHour], zone: tzinfo) -> Iterator[_Hour]:
    for at, row in known.items():
        local = at.astimezone(zone)
        yield _Hour(at, local.date(), _slot(local), float(row.usd or 0))


def _slot(local: datetime) -> int:
    return local.weekday() * _HOURS_A_DAY + local.hour


def _profile(hours: Iterable[_Hour]) -> tuple[float, ...]:
    by_slot: defaultdict[int, list[float]] = defaultdict(list)
    for hour in hours:
        by_slot[hour.slot].append(hour.usd)
    medians = {slot: median(values) for slot, values in by_slot.items()}
    mean = fmean(medians.values())
    return tuple(medians.get(slot, mean) for slot in range(_DAYS_A_WEEK * _HOURS_A_DAY))


def _level(
    recent: Sequence[_Hour], profile: Sequence[float], variance: float
) -> tuple[float, float]:
    """The level and, where the profile knows nothing of what is spent now, USD an hour on top."""
    spent = sum(hour.usd for hour in recent)
    usual = sum(profile[hour.slot] for hour in recent)
    if not usual:
        return 1.0, spent / len(recent) if recent else 0.0
    off = spent / usual - 1
    return 1 + off * max(0.0, 1 - variance / off**2) if off else 1.0, 0.0


def _spread(days: Mapping[date, Sequence[_Hour]], profile: Sequence[float], today: date) -> float:
    """The standard deviation of a day's spend as a share of what was expected of it."""
    weeks: defaultdict[int, list[tuple[float, float]]] = defaultdict(list)
    for day, own in days.items():
        spent = sum(hour.usd for hour in own)
        usual = sum(profile[hour.slot] for hour in own)
        weeks[((today - day).days - 1) // _DAYS_A_WEEK].append((spent, usual))
    shares = [share for week in weeks.values() if (share := _share(week)) is not None]
    if not shares:
        return 0.0
    fitted = len({day.weekday() for day in days}) + len(weeks) - 1
    return sqrt(fmean(shares) * len(days) / (len(days) - fitted))


def _share(week: Sequence[tuple[float, float]]) -> float | None:
    """The mean square of what was spent off what was expected, over that of the latter.

    Each pair is of a day: what was spent, and the profile's sum. A week without spend says
    nothing.
    """
    spent, usual = sum(day for day, _ in week), sum(part for _, part in week)
    if spent <= 0:
        return None
    expected = [part * spent / usual if usual else spent / len(week) for _, part in week]
    off = [day - part for (day, _), part in zip(week, expected, strict=True)]
    return (hypot(*off) / hypot(*expected)) ** 2
