"""One account in memory: what its ledger holds open and what its scrapes prove."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from firewarden.errors import ProviderError
from firewarden.metering.evidence import EvidenceBook
from firewarden.metering.fold import Ledger
from firewarden.model.activity import Scrape
from firewarden.model.fleet import Fleet
from firewarden.model.ids import DeploymentId, Uid
from firewarden.model.usage import LedgerChange, Poll, Remembered, RunChange, ScrapeRecord
from firewarden.observe.streak import Streak
from firewarden.ports import Clock, Crash, CrashPoint, Provider

READS_AT_ONCE = 20
"""Single reads in one cycle, of deployments that vanished or are changing."""

FOLLOWED_FOR = timedelta(minutes=10)
"""How long an announced change is followed more closely than by polls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one poll brought: its row, what moved, and the error where no fleet came."""

    poll: Poll
    fleet: Fleet | None
    changes: tuple[LedgerChange, ...]
    error: ProviderError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scraped:
    """What one scrape brought: its row (None: the same answer again), the runs it changed."""

    record: ScrapeRecord | None
    change: RunChange
    error: ProviderError | None = None


class AccountWatch:
    """Asks one provider and folds its answers; holds nothing that the database cannot give back.

    What it folds is in memory before it is committed, so after a failed commit the watch
    must be made anew from the database (`restore`).
    """

    def __init__(
        self,
        provider: Provider,
        *,
        clock: Clock,
        crash: Crash,
        poll_every: timedelta,
        absent_is_quiet: bool,
        remembered: Remembered,
    ) -> None:
        """Take up the account where *remembered* left it."""
        self._provider = provider
        self._clock = clock
        self._crash = crash
        self._poll_every = poll_every
        self._absent_is_quiet = absent_is_quiet
        self.restore(remembered)

    def restore(self, remembered: Remembered) -> None:
        """Forget what is in memory and go on from what the database holds."""
        self.ledger = Ledger(remembered, poll_every=self._poll_every)
        self.book = EvidenceBook(
            remembered.runs, remembered.scrapes, absent_is_quiet=self._absent_is_quiet
        )
        self.streak = Streak(remembered.polls, every=self._poll_every)
        self.fleet: Fleet | None = None

    async def poll(self) -> Seen:
        """Read the whole listing, and each deployment that is missing from it.

        A provider that cannot answer is a poll that failed, not an error.
        """
        asked_at = self._clock.now()
        self._crash(CrashPoint.POLL_ASKED)
        try:
            fleet = await self._provider.fetch_fleet()
        except ProviderError as error:
            poll = Poll(
                account=self._provider.account,
                asked_at=asked_at,
                answered_at=self._clock.now(),
                ok=False,
                complete=False,
                count=0,
                problem=error.problem,
            )
            self.streak.add(poll)
            return Seen(poll=poll, fleet=None, changes=(), error=error)
        self._crash(CrashPoint.POLL_ANSWERED)
        poll = Poll(
            account=fleet.account,
            asked_at=fleet.asked_at,
            answered_at=fleet.answered_at,
            ok=True,
            complete=fleet.complete,
            count=len(fleet.deployments),
            problem=fleet.problem,
        )
        self.streak.add(poll)
        change = self.ledger.fold_fleet(fleet)
        if fleet.complete:
            self.fleet = fleet
        reads = await self._read(self.ledger.missing[:READS_AT_ONCE])
        return Seen(poll=poll, fleet=fleet, changes=_moved([change, *reads]))

    async def follow(self) -> tuple[LedgerChange, ...]:
        """Read once more, on its own, each deployment whose change is announced."""
        if self.fleet is None:
            return ()
        now = self._clock.now()
        changing = [
            uid
            for uid, seen in self.fleet.deployments.items()
            if seen.is_changing and self._changed_lately(uid, now - FOLLOWED_FOR)
        ]
        return _moved(await self._read(changing[:READS_AT_ONCE]))

    async def scrape(self) -> Scraped | None:
        """Ask the metrics once and fold what they say of the newest complete fleet.

        None, and no call, before the first complete listing: without knowing which
        incarnation a name stands for, nothing could be said of it.
        """
        if self.fleet is None:
            return None
        error = None
        asked_at = self._clock.now()
        try:
            scrape = await self._provider.fetch_activity()
        except ProviderError as caught:
            error = caught
            scrape = Scrape(
                account=self._provider.account,
                asked_at=asked_at,
                answered_at=self._clock.now(),
                whole=False,
                samples={},
                problem=caught.problem,
            )
        self._crash(CrashPoint.SCRAPE_ANSWERED)
        change = self.book.fold(scrape, self.fleet)
        return Scraped(record=self.book.last_record, change=change, error=error)

    def _changed_lately(self, uid: Uid, since: datetime) -> bool:
        segment = self.ledger.open_segment(uid)
        return segment is not None and segment.started.hi >= since

    async def _read(self, uids: Sequence[Uid]) -> list[LedgerChange]:
        changes = []
        for uid in uids:
            deployment_id = DeploymentId(uid.partition("@")[0].rpartition("/")[2])
            try:
                examined = await self._provider.fetch_deployment(deployment_id)
            except ProviderError:
                continue
            changes.append(self.ledger.fold_examined(uid, examined))
        return changes


def _moved(changes: Sequence[LedgerChange]) -> tuple[LedgerChange, ...]:
    return tuple(change for change in changes if not change.is_empty)
