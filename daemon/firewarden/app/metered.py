"""What was used in any stretch of time: sums where they are rolled up, measured where not."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from firewarden.app.queries import Ledger
from firewarden.metering.measure import EVIDENCE_MARGIN, floor_hour, measure
from firewarden.model.ids import Uid
from firewarden.model.price import Price
from firewarden.model.usage import Usage
from firewarden.store.accounts import read_oldest_dirty
from firewarden.store.history import (
    newest_poll,
    read_gaps,
    read_runs,
    read_scrapes,
    read_segments,
)
from firewarden.store.totals import read_usage

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """Answers for one ledger; *rolled_until*: hours before it are sums, the rest segments.

    ``confirmed_at`` is when the newest complete listing was asked for: nothing is counted
    beyond; None: there was none.
    """

    ledger: Ledger
    prices: tuple[Price, ...]
    confirmed_at: datetime | None
    rolled_until: datetime

    def used(
        self, since: datetime, until: datetime, uids: Collection[Uid] | None = None
    ) -> tuple[Usage, ...]:
        """Give the usage in ``[since, until)`` by deployment, accelerator and price.

        Of *uids* alone where they are given. A line may come more than once, for the
        rolled-up part and for either end.
        """
        first = _hour_after(since)
        last = min(floor_hour(until), self.rolled_until)
        if first >= last:
            return self._measured(since, until, uids)
        session, account = self.ledger.session, self.ledger.account
        rolled = read_usage(session, account, since=first, until=last, uids=uids)
        return (*self._measured(since, first, uids), *rolled, *self._measured(last, until, uids))

    def _measured(
        self, since: datetime, until: datetime, uids: Collection[Uid] | None
    ) -> tuple[Usage, ...]:
        if since >= until or self.confirmed_at is None or since >= self.confirmed_at:
            return ()
        session, account = self.ledger.session, self.ledger.account
        early, late = since - EVIDENCE_MARGIN, until + EVIDENCE_MARGIN
        return measure(
            segments=read_segments(session, account, since=since, until=until, uids=uids),
            gaps=read_gaps(session, account, since=since, until=until, uids=uids),
            runs=read_runs(session, account, since=early, until=late, uids=uids),
            scrapes=read_scrapes(session, account, since=early, until=late),
            prices=self.prices,
            since=since,
            until=until,
            confirmed_at=self.confirmed_at,
        )


def open_meter(ledger: Ledger) -> Meter:
    """Find out how far the usage of *ledger* is rolled up and confirmed."""
    poll = newest_poll(ledger.session, ledger.account)
    confirmed_at = poll.asked_at if poll else None
    dirty = read_oldest_dirty(ledger.session, ledger.account)
    ends = [floor_hour(each) for each in (confirmed_at, dirty) if each is not None]
    return Meter(
        ledger=ledger,
        prices=ledger.prices,
        confirmed_at=confirmed_at,
        rolled_until=min(ends, default=floor_hour(ledger.now)),
    )


def _hour_after(at: datetime) -> datetime:
    floor = floor_hour(at)
    return floor if floor == at else floor + _HOUR
