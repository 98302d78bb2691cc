"""Work behind the cycle: hours rolled up, the provider's bill."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from itertools import groupby
from zoneinfo import ZoneInfo

import structlog

from firewarden.app.bill_words import of_day, of_prices, past
from firewarden.app.compose import Account
from firewarden.app.memory import Tools, all_prices
from firewarden.app.queries import Ledger
from firewarden.app.rulebook import Rulebook
from firewarden.app.trueup import WINDOW, due_days, noon_price, open_books, true_up, window
from firewarden.errors import ProviderError
from firewarden.metering.measure import EVIDENCE_MARGIN, SETTLED_AFTER, floor_hour, measure
from firewarden.model.ids import AccountId, Uid
from firewarden.model.notice import Notice
from firewarden.model.price import Price
from firewarden.model.trueup import BilledMoney, DayState
from firewarden.model.usage import BilledDay, Usage
from firewarden.ports import CrashPoint
from firewarden.store.accepted import read_prices_checked, record_billed_money
from firewarden.store.bill import Backfilled, record_backfill, record_bill
from firewarden.store.history import (
    first_poll,
    newest_poll,
    read_gaps,
    read_runs,
    read_scrapes,
    read_segments,
)
from firewarden.store.notices import read_firing, record
from firewarden.store.prices import read_prices
from firewarden.store.session import Session
from firewarden.store.trueup import Verdict, mark_stale, read_verdicts, record_answers
from firewarden.store.usage import Bucket, replace_usages, take_dirty

log = structlog.get_logger()

HOUR = timedelta(hours=1)
BUCKETS_AT_ONCE = 2_000
DOLLARS_AT_ONCE = 5
"""Days whose dollars are asked for in one round: each is a request of its own."""

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Housekeeping:
    """Everything for one account that no cycle waits for.

    *rules* gives what the policy files say now; None: nothing, and nobody hears of what is found.
    """

    account: Account
    tools: Tools
    rules: Callable[[], Rulebook] | None = None

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
        """Store what the provider billed in 35 days, and make the books of each agree with it."""
        zone = ZoneInfo(self.account.timezone)
        first, last = window(self.tools.clock.now(), zone)
        days = await self.account.provider.fetch_bill(
            first=first, last=last, timezone=self.account.timezone
        )
        at = self.tools.clock.now()

        def write() -> tuple[date, ...]:
            with self.tools.database.writing() as session:
                self._store_bill(session, days, first=first, last=last, at=at)
                self.tools.crash(CrashPoint.BILL_WRITTEN)
                return due_days(self._ledger(session))

        for day in await self.tools.run_db(write):
            # A transaction each: no poll waits for the true-up of a month.
            await self.tools.run_db(partial(self._true_up, day))
        await self._check_prices(first, last)
        await self.tools.run_db(partial(self._leave_behind, first))

    def _store_bill(
        self, session: Session, days: Sequence[BilledDay], *, first: date, last: date, at: datetime
    ) -> None:
        name, zone = self.account.account, ZoneInfo(self.account.timezone)
        asked = [first + number * _DAY for number in range((last - first).days + 1)]
        revised = record_bill(session, name, days, first=first, last=last, at=at)
        record_answers(session, name, asked, changed=revised.days, timezone=zone.key, at=at)
        if (poll := first_poll(session, name)) is not None:
            watched_from = poll.asked_at.astimezone(zone).date()
            prices = self._all_prices(session)
            unwatched = [
                Backfilled(billed=day, micro_usd_per_gpu_hour=noon_price(day, prices))
                for day in days
                if day.day < watched_from
            ]
            record_backfill(session, name, unwatched)

    def _true_up(self, day: date) -> None:
        """Judge *day*, and tell what people should hear of it, in one transaction."""
        with self.tools.database.writing() as session:
            commitments = self.rules().policies.commitments if self.rules else None
            books = open_books(self._ledger(session), commitments or ())
            judged, revision = true_up(books, day)
            if judged.state is DayState.OPEN:
                return
            at = self.tools.clock.now()
            self._tell(
                session,
                of_day(self.account.account, day, judged, revision=revision, at=at),
            )
        name, state = self.account.account, judged.state.value
        log.info("day.trued_up", account=name, day=day.isoformat(), state=state)

    async def _check_prices(self, first: date, last: date) -> None:
        """Ask for the dollars of settled days, the newest first, a few at a time.

        A bill without readable dollars is no trouble: its seconds are what the books go by.
        """
        unchecked = await self.tools.run_db(partial(self._unchecked, first, last))
        for verdict in unchecked[:DOLLARS_AT_ONCE]:
            try:
                billed = await self.account.provider.fetch_billed_money(verdict.day)
            except ProviderError as error:
                log.warning("dollars.unread", account=self.account.account, error=str(error))
                return
            await self.tools.run_db(partial(self._store_dollars, verdict, billed))

    def _unchecked(self, first: date, last: date) -> list[Verdict]:
        name = self.account.account
        with self.tools.database.reading() as session:
            poll = first_poll(session, name)
            verdicts = read_verdicts(session, name, first=first, last=last)
            checked = read_prices_checked(session, name, first=first, last=last)
        if poll is None:
            return []
        return [
            verdict
            for day, verdict in sorted(verdicts.items(), reverse=True)
            if day > poll.answered_at.date()
            and (day not in checked or checked[day].revision != verdict.revision)
        ]

    def _store_dollars(self, verdict: Verdict, billed: Sequence[BilledMoney]) -> None:
        name, day = self.account.account, verdict.day
        with self.tools.database.writing() as session:
            own = open_books(self._ledger(session)).own_prices(day)
            record_billed_money(session, name, day, billed, revision=verdict.revision, own=own)
            checked = read_prices_checked(session, name, first=day, last=day + WINDOW)
            if day == max(checked):  # what is wrong now is told, not what was once
                at = self.tools.clock.now()
                self._tell(session, of_prices(name, day, checked[day].prices, at=at))

    def _leave_behind(self, first: date) -> None:
        """End the alerts of days whose bill is read no more."""
        name = self.account.account
        with self.tools.database.reading() as session:
            firing = [alert.notice for alert in read_firing(session, name)]
        if over := past(name, firing, first=first, at=self.tools.clock.now()):
            with self.tools.database.writing() as session:
                self._tell(session, over)

    def _tell(self, session: Session, notices: Iterable[Notice]) -> None:
        telling = self.rules().telling if self.rules else None
        for notice in notices:
            record(session, notice, telling.destinations(notice) if telling else ())

    def _ledger(self, session: Session) -> Ledger:
        return Ledger(
            settings=self.tools.settings,
            session=session,
            account=self.account.account,
            timezone=self.account.timezone,
            now=self.tools.clock.now(),
        )

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
    mark_stale(session, account, {hour for hour, _ in buckets})
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
