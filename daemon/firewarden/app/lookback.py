"""The hours of the last eight weeks, read a day at a time and kept: they tell what is usual."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from firewarden.app.spending import SpendingReader
from firewarden.metering.anomaly import EARLIER_WEEKS
from firewarden.metering.instants import floor_hour, hours_of
from firewarden.metering.spending import SpentHour
from firewarden.metering.totals import Totals, total_of
from firewarden.model.usage import Usage
from firewarden.policy.money import Budget
from firewarden.store.totals import read_usage_by_hour

KEPT_FOR = timedelta(weeks=EARLIER_WEEKS, days=2)
READ_AGAIN = timedelta(days=1)
"""So far back hours may still be corrected; older ones are read once."""

TEAMS = Budget(
    name="", description="", scope={}, each="team", untagged="", is_money=True, amounts={},
    thresholds=(), timezone="UTC",
)  # fmt: skip
"""Cuts usage by team, as a budget of each team would."""

WHOLE = ""
"""The account as a whole, among its teams."""

_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Hour:
    """What one hour cost by team and in whole, and what was held of each accelerator."""

    usd: Mapping[str, Decimal]
    unpriced: frozenset[str]
    gpu_ms: Mapping[str, int]


@dataclass(slots=True)
class Lookback:
    """Keeps the hours of one account that are over, watched and rolled up."""

    hours: dict[datetime, Hour] = field(default_factory=dict)
    read_until: datetime | None = None

    def stretch(self, reader: SpendingReader) -> tuple[datetime, datetime] | None:
        """Name the next day or less that is to be read; None: all is known that can be."""
        end, watched = reader.meter.rolled_until, reader.watched_since
        if watched is None:
            return None
        begun = max(floor_hour(watched) + _HOUR, end - KEPT_FOR)
        since = begun if self.read_until is None else max(begun, self.read_until)
        return (since, min(since + _DAY, end)) if since < end else None

    def again(self) -> None:
        """Have the newest days read once more: something may have been corrected."""
        if self.read_until is not None:
            self.read_until -= READ_AGAIN

    def read(self, reader: SpendingReader, since: datetime, until: datetime) -> None:
        """Read one stretch, and forget what is too old to matter."""
        ledger = reader.ledger
        rows = read_usage_by_hour(ledger.session, ledger.account, since=since, until=until)
        for at in hours_of(since, until):
            self.hours[at] = _hour(reader, at, rows.get(at, ()))
        self.read_until = until
        oldest = until - KEPT_FOR
        for at in [each for each in self.hours if each < oldest]:
            del self.hours[at]

    @property
    def scopes(self) -> tuple[str, ...]:
        """The account, and every team that has cost something."""
        teams = {team for hour in self.hours.values() for team in hour.usd}
        return (WHOLE, *sorted(teams - {WHOLE}))

    def spent(self, scope: str) -> list[SpentHour]:
        """Give what *scope* has spent in each hour that is known."""
        return [
            SpentHour(
                at=at, usd=hour.usd.get(scope, Decimal(0)), is_priced=scope not in hour.unpriced
            )
            for at, hour in self.hours.items()
        ]

    def held_ms(self, accelerator_type: str, since: datetime, until: datetime) -> tuple[int, int]:
        """Add up what was held of an accelerator in ``[since, until)``, and how many hours count.

        An hour that nobody knows of is in neither.
        """
        known = [self.hours[at] for at in hours_of(since, until) if at in self.hours]
        return sum(hour.gpu_ms.get(accelerator_type, 0) for hour in known), len(known)


def _hour(reader: SpendingReader, at: datetime, usages: Iterable[Usage]) -> Hour:
    by_team: defaultdict[str, list[Usage]] = defaultdict(list)
    gpu_ms: Counter[str] = Counter()
    for usage in usages:
        gpu_ms[usage.accelerator_type] += usage.gpu_ms
        by_team[WHOLE].append(usage)
        for team, part in reader.parts(TEAMS, usage, reader.owners.at(usage.uid, at)):
            by_team[team].append(part)
    totals: dict[str, Totals] = {team: total_of(parts) for team, parts in by_team.items()}
    return Hour(
        usd={team: total.usd for team, total in totals.items()},
        unpriced=frozenset(team for team, total in totals.items() if not total.is_priced),
        gpu_ms=dict(gpu_ms),
    )
