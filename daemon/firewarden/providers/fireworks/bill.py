"""Billed GPU-seconds by local day, and dollars by day UTC, as the provider counts them.

Fireworks docs: Exporting usage and costs. Windows reach over 31 days at most; there are
only daily rows, the time of day in a question is ignored. Whether a question's instant is
read as a UTC date or as a local one is not documented: ours are dated alike in both, and
reach a day further than asked, so that an exclusive end loses nothing. What was not asked
for is dropped.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from firewarden.model.ids import AccountId, DeploymentId
from firewarden.model.price import MS_PER_HOUR
from firewarden.model.trueup import BilledMoney
from firewarden.model.usage import BilledDay
from firewarden.providers.fireworks.translate import instant
from firewarden.providers.fireworks.wire import (
    BillingLine,
    DedicatedUsage,
    Money,
    Unreadable,
    last_part,
    text,
)

DAYS_A_QUESTION = (30, 7, 1)
"""How many days are asked for at once, and how many where the answer to more is too large."""

MOST_SECONDS = 10**12
MOST_HOURS = 10**9
MOST_UNITS = 10**12
NANOS_PER_MICRO = 1_000

_DAY = timedelta(days=1)
_LONGEST_DAY = timedelta(hours=26)
"""Where the clocks go back, a local day has 25 hours."""

_HOURS = (12, 6, 18, 3, 21)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Local days *first* to *last*, both included, and the instants to ask for them with."""

    first: date
    last: date
    since: datetime
    until: datetime


def windows(
    first: date, last: date, zone: ZoneInfo, *, days: int = DAYS_A_QUESTION[0]
) -> Iterator[Window]:
    """Cut the days *first* to *last*, both included, into questions of at most so many *days*."""
    while first <= last:
        after = min(first + timedelta(days=days), last + _DAY)
        yield Window(
            first=first,
            last=after - _DAY,
            since=_within(first, zone),
            until=_within(after, zone),
        )
        first = after


def billed_days(
    rows: Iterable[DedicatedUsage], window: Window, *, account: AccountId, zone: ZoneInfo
) -> list[BilledDay]:
    """Add up *rows* by day, deployment, accelerator and placement; sorted so.

    Days outside of *window* belong to another question, or to none.

    Raises:
        Unreadable: a row is no day of *zone*, names no deployment, or its seconds cannot be.
    """
    sums: dict[tuple[date, str, str, str], int] = {}
    models: dict[tuple[date, str, str, str], str] = {}
    for row in rows:
        day = _day_of(row, zone)
        if not window.first <= day <= window.last:
            continue
        name = row.deployment_id or (row.group or {}).get("deployment_name", "")
        key = (day, _named(name), text(row.accelerator_type), row.placement or "")
        sums[key] = sums.get(key, 0) + _seconds(row)
        models.setdefault(key, row.base_model or "")
    return [
        BilledDay(
            account=account,
            day=key[0],
            timezone=zone.key,
            deployment_id=DeploymentId(key[1]),
            accelerator_type=key[2],
            placement=key[3],
            gpu_seconds=sums[key],
            base_model=models[key],
        )
        for key in sorted(sums)
    ]


def billed_money(lines: Iterable[BillingLine]) -> list[BilledMoney]:
    """Add up the dollars of dedicated deployments by accelerator; sorted so.

    Lines that are not by accelerator, or not in US dollars, say nothing of a price.

    Raises:
        Unreadable: a quantity or an amount that cannot be.
    """
    sums: dict[str, tuple[int, int]] = {}
    for line in lines:
        cost = line.total_cost
        if (
            text(line.series) != "DEDICATED_DEPLOYMENT"
            or line.grouping_key != "accelerator_type"
            or not line.grouping_value
            or cost is None
            or cost.currency_code != "USD"
        ):
            continue
        gpu_ms, micro_usd = sums.get(line.grouping_value, (0, 0))
        sums[line.grouping_value] = (gpu_ms + _gpu_ms(line), micro_usd + _micro_usd(cost))
    return [
        BilledMoney(accelerator_type=accelerator, gpu_ms=gpu_ms, micro_usd=micro_usd)
        for accelerator, (gpu_ms, micro_usd) in sorted(sums.items())
    ]


def _gpu_ms(line: BillingLine) -> int:
    hours = line.quantity or 0.0
    if not 0 <= hours <= MOST_HOURS:  # nor is it NaN
        raise Unreadable("a quantity that cannot be")
    return round(hours * MS_PER_HOUR)


def _micro_usd(cost: Money) -> int:
    nanos = (cost.units or 0) * 1_000_000_000 + (cost.nanos or 0)
    if not 0 <= nanos <= MOST_UNITS * 1_000_000_000:
        raise Unreadable("a totalCost that cannot be")
    return nanos // NANOS_PER_MICRO


def _within(day: date, zone: ZoneInfo) -> datetime:
    """Find an instant that is on *day* both in UTC and in *zone*."""
    moments = (datetime.combine(day, time(hour), tzinfo=UTC) for hour in _HOURS)
    return next(moment for moment in moments if moment.astimezone(zone).date() == day)


def _day_of(row: DedicatedUsage, zone: ZoneInfo) -> date:
    """Tell which day *row* is of: it begins at the local midnight, or at the UTC one."""
    start = instant(row.start_time)
    if start is None:
        raise Unreadable("a row of the bill without a startTime")
    end = instant(row.end_time)
    if end is not None and end - start > _LONGEST_DAY:
        raise Unreadable("a row of the bill that is longer than a day")
    local = start.astimezone(zone).date()
    if start == datetime.combine(local, time(), tzinfo=zone).astimezone(UTC):
        return local
    if start.time() == time():
        return start.date()
    raise Unreadable(f"a row of the bill that begins at {start:%FT%TZ}, at no midnight")


def _named(name: str) -> str:
    short = last_part(name)
    if not short:
        raise Unreadable("a row of the bill without a deployment")
    return short


def _seconds(row: DedicatedUsage) -> int:
    seconds = row.accelerator_seconds or 0
    if not 0 <= seconds <= MOST_SECONDS:
        raise Unreadable("acceleratorSeconds that cannot be")
    return seconds
