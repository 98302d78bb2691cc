"""What is expected of the budgets that ask for it, from their hours of the last weeks."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from firewarden.app.queries import Ledger
from firewarden.app.spending import SpendingReader, amount_of, billed_totals
from firewarden.decide.budget import Outlook, Standing
from firewarden.metering.forecast import Forecast, forecast_of
from firewarden.metering.instants import floor_hour, hours_of
from firewarden.metering.pattern import PROFILE_DAYS, NoForecast, pattern_of
from firewarden.metering.periods import midnight
from firewarden.metering.spending import SpentHour
from firewarden.metering.totals import Totals, total_of
from firewarden.model.usage import Usage
from firewarden.policy.money import Budget
from firewarden.store.bill import read_backfill
from firewarden.store.totals import read_usage_by_hour

HISTORY = timedelta(days=PROFILE_DAYS + 1)
"""Whole days of history and the one that is not over."""

READ_AGAIN = timedelta(days=3)
"""So far back hours may still be corrected; older ones are read once a day."""

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)

Hours = dict[datetime, dict[str, Totals]]
"""Totals by the start of the hour in UTC and by value."""


@dataclass(slots=True)
class Outlooks:
    """Keeps what was read for one set of policies, and what was expected of it in this hour."""

    _hours: dict[str, Hours] = field(default_factory=dict)
    _whole_at: dict[str, datetime] = field(default_factory=dict)
    _read_at: dict[str, datetime] = field(default_factory=dict)
    _found: dict[tuple[str, str], Outlook] = field(default_factory=dict)
    _at: datetime | None = None

    def of(self, reader: SpendingReader, standing: Standing) -> Outlook | None:
        """Say what is expected of the budget of *standing* as of the newest whole hour.

        None where none of its thresholds asks for it. It rests on hours alone that are over
        and rolled up.
        """
        budget, value = standing.budget, standing.value
        if not any(each.is_forecast for each in budget.thresholds):
            return None
        now = reader.meter.rolled_until
        if self._at != now:
            self._at, self._found = now, {}
        if (budget.name, value) not in self._found:
            rows = list(self._rows(reader, budget, value, now))
            self._found[budget.name, value] = _outlook(rows, standing, now=now)
        return self._found[budget.name, value]

    def _rows(
        self, reader: SpendingReader, budget: Budget, value: str, now: datetime
    ) -> Iterator[SpentHour]:
        """Give the hours of the last weeks, those that nobody knows of as such."""
        hours = self._read(reader, budget, now)
        for at in hours_of(now - HISTORY, now):
            found = hours.get(at)
            if found is None:
                yield SpentHour(at=at, usd=None)
                continue
            total = found.get(value, Totals())
            yield SpentHour(at=at, usd=amount_of(budget, total), is_priced=total.is_priced)

    def _read(self, reader: SpendingReader, budget: Budget, now: datetime) -> Hours:
        """Read what is new of the hours of *budget*, and once a day all of them."""
        hours = self._hours.setdefault(budget.name, {})
        if self._read_at.get(budget.name) == now:
            return hours  # for another of its values
        self._read_at[budget.name] = now
        whole_at = self._whole_at.get(budget.name)
        since = now - READ_AGAIN
        if whole_at is None or now - whole_at >= _DAY:
            since, self._whole_at[budget.name] = now - HISTORY, now
            hours.clear()
        watched = reader.watched_since
        begun = now if watched is None else floor_hour(watched) + _HOUR
        hours.update(_billed(reader, budget, now - HISTORY, min(now, begun)))
        while since < now:
            until = min(since + _DAY, now)
            hours.update(_metered(reader, budget, max(since, begun), until))
            since = until
        return hours


def _metered(reader: SpendingReader, budget: Budget, since: datetime, until: datetime) -> Hours:
    if since >= until:
        return {}
    ledger: Ledger = reader.ledger
    found: Hours = {at: {} for at in hours_of(since, until)}
    rows = read_usage_by_hour(ledger.session, ledger.account, since=since, until=until)
    for at, usages in rows.items():
        by_value: defaultdict[str, list[Usage]] = defaultdict(list)
        for usage in usages:
            owner = reader.owners.at(usage.uid, at)
            for value, part in reader.parts(budget, usage, owner):
                by_value[value].append(part)
        found[at] = {value: total_of(parts) for value, parts in by_value.items()}
    return found


def _billed(reader: SpendingReader, budget: Budget, since: datetime, until: datetime) -> Hours:
    """Spread each billed day from before the first poll evenly over its hours."""
    found: Hours = {}
    ledger = reader.ledger
    first, last = since.date() - _DAY, until.date() + _DAY
    for day in read_backfill(ledger.session, ledger.account, first=first, last=last):
        zone = ZoneInfo(day.billed.timezone)
        begun = midnight(day.billed.day, zone)
        hours = hours_of(begun, midnight(day.billed.day + _DAY, zone))
        for value, seconds in reader.billed_parts(budget, day):
            total = billed_totals(day, seconds // len(hours))
            for at in (each for each in hours if since <= each < until):
                of_hour = found.setdefault(at, {})
                of_hour[value] = of_hour.get(value, Totals()) + total
    return found


def _outlook(rows: Sequence[SpentHour], standing: Standing, *, now: datetime) -> Outlook:
    """Forecast the window as it was known at *now* and at each whole hour that may matter."""
    budget, window = standing.budget, standing.window
    wanted = [each for each in budget.thresholds if each.is_forecast and each.at is not None]
    found: dict[Decimal, list[float | None]] = {each.at or Decimal(1): [] for each in wanted}
    count = max(each.sustained for each in wanted) // _HOUR + 1
    forecast: Forecast | None = None
    for at in (now - number * _HOUR for number in range(count)):
        known = [row for row in rows if row.at < at]
        pattern = pattern_of(known, now=at, zone=ZoneInfo(budget.timezone))
        if isinstance(pattern, NoForecast):
            break
        of_window = (row.usd for row in known if row.at >= window.since)
        spent = sum((usd for usd in of_window if usd is not None), Decimal(0))
        one = forecast_of(pattern, spent=spent, until=window.until)
        forecast = forecast or one
        for share, probabilities in found.items():
            is_within = at >= window.since
            probabilities.append(
                one.probability_above(share * standing.limit) if is_within else None
            )
    return Outlook(
        forecast=forecast,
        probabilities={share: tuple(each) for share, each in found.items() if each},
    )
