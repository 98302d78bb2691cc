"""Work behind the cycle: hours rolled up, the provider's bill."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

import structlog

from firewarden.app.compose import Account
from firewarden.app.memory import Tools, all_prices
from firewarden.metering.measure import EVIDENCE_MARGIN, SETTLED_AFTER, floor_hour, measure
from firewarden.metering.rates import price_at
from firewarden.model.ids import AccountId, Uid
from firewarden.model.price import Price
from firewarden.model.usage import BilledDay, Hardware, Usage
from firewarden.ports import CrashPoint
from firewarden.store.bill import Backfilled, record_backfill, record_bill
from firewarden.store.history import (
    first_poll,
    newest_poll,
    read_gaps,
    read_runs,
    read_scrapes,
    read_segments,
)
from firewarden.store.prices import read_prices
from firewarden.store.session import Session
from firewarden.store.usage import Bucket, replace_usages, take_dirty

log = structlog.get_logger()

HOUR = timedelta(hours=1)
BUCKETS_AT_ONCE = 2_000
BACKFILLED = timedelta(days=31)
"""How far back the provider tells at once (Fireworks docs: exporting-usage-and-costs)."""


@dataclass(frozen=True, slots=True)
class Housekeeping:
    """Everything for one account that no cycle waits for."""

    account: Account
    tools: Tools

    async def roll_up(self) -> None:
        """Make the usage of every ended hour that changed again, the oldest first."""
        while await self.tools.run_db(self._roll_up) == BUCKETS_AT_ONCE:
            log.info("rollup.continued", account=self.account.account)

    def _roll_up(self) -> int:
        with self.tools.database.writing() as session:
            count = roll_up(session, self.account.account, self._all_prices)
            if count:
                self.tools.crash(CrashPoint.ROLLUP_WRITTEN)
            return count

    async def read_bill(self) -> None:
        """Store what the provider billed, and the days of it that nobody watched."""
        zone = ZoneInfo(self.account.timezone)
        today = self.tools.clock.now().astimezone(zone).date()
        first = today - BACKFILLED + timedelta(days=1)
        days = await self.account.provider.fetch_bill(
            first=first, last=today, timezone=self.account.timezone
        )
        at = self.tools.clock.now()

        def write() -> None:
            name = self.account.account
            with self.tools.database.writing() as session:
                record_bill(session, name, days, first=first, last=today, at=at)
                if (poll := first_poll(session, name)) is not None:
                    watched_from = poll.asked_at.astimezone(zone).date()
                    prices = self._all_prices(session)
                    unwatched = [day for day in days if day.day < watched_from]
                    record_backfill(session, name, [_priced(day, prices) for day in unwatched])
                self.tools.crash(CrashPoint.BILL_WRITTEN)

        await self.tools.run_db(write)

    def _all_prices(self, session: Session) -> tuple[Price, ...]:
        return all_prices(self.tools.settings, read_prices(session, self.account.account))


def roll_up(
    session: Session, account: AccountId, read: Callable[[Session], Sequence[Price]]
) -> int:
    """Measure ended hours that are marked as changed; gives how many buckets were made.

    An hour waits until no later scrape can change what was idle in it. *read* gives the
    prices, where there is something to measure.
    """
    poll = newest_poll(session, account)
    if poll is None:
        return 0
    before = floor_hour(poll.asked_at - SETTLED_AFTER)
    marked = take_dirty(session, account, before=before, limit=BUCKETS_AT_ONCE)
    if not marked:
        return 0
    prices = read(session)
    buckets: dict[Bucket, Sequence[Usage]] = {}
    for hour, group in groupby(marked, key=lambda bucket: bucket[0]):
        uids = [uid for _, uid in group]
        used = _measure_hour(session, account, hour, uids, prices, confirmed_at=poll.asked_at)
        buckets.update({(hour, uid): used.get(uid, ()) for uid in uids})
    replace_usages(session, buckets)
    return len(buckets)


def _measure_hour(
    session: Session,
    account: AccountId,
    hour: datetime,
    uids: Sequence[Uid],
    prices: Sequence[Price],
    *,
    confirmed_at: datetime,
) -> Mapping[Uid, Sequence[Usage]]:
    until = hour + HOUR
    early, late = hour - EVIDENCE_MARGIN, until + EVIDENCE_MARGIN
    usages = measure(
        segments=read_segments(session, account, since=hour, until=until, uids=uids),
        gaps=read_gaps(session, account, since=hour, until=until, uids=uids),
        runs=read_runs(session, account, since=early, until=late, uids=uids),
        scrapes=read_scrapes(session, account, since=early, until=late),
        prices=prices,
        since=hour,
        until=until,
        confirmed_at=confirmed_at,
    )
    grouped: defaultdict[Uid, list[Usage]] = defaultdict(list)
    for usage in usages:
        grouped[usage.uid].append(usage)
    return grouped


def _priced(day: BilledDay, prices: Sequence[Price]) -> Backfilled:
    """Price a billed day by what held at its noon; a price changes at midnight."""
    hardware = Hardware(
        accelerator_type=day.accelerator_type, accelerator_count=1, placement=day.placement
    )
    price = price_at(prices, hardware, _noon(day.day, day.timezone))
    return Backfilled(
        billed=day, micro_usd_per_gpu_hour=price.micro_usd_per_gpu_hour if price else None
    )


def _noon(day: date, timezone: str) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(timezone))
