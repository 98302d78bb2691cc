"""One account in memory: what its ledger holds open and what its scrapes prove."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from firewarden.clock.real import within
from firewarden.errors import ProviderError
from firewarden.metering.evidence import EvidenceBook
from firewarden.metering.fold import Ledger
from firewarden.metering.segments import name_of
from firewarden.model.activity import Scrape
from firewarden.model.deployment import Deployment, Surroundings
from firewarden.model.fleet import Examined, Fleet
from firewarden.model.ids import DeploymentId, Uid
from firewarden.model.usage import LedgerChange, Poll, Remembered, RunChange, ScrapeRecord
from firewarden.observe.doubts import contradiction, grew_younger
from firewarden.observe.streak import Streak
from firewarden.ports import Clock, Crash, CrashPoint, Provider

READS_AT_ONCE = 20
"""Single reads in one cycle, of deployments that vanished, are changing, or are due."""

READ_WITHIN = timedelta(seconds=10)
"""Wall time that a single read may take: the listing of its cycle waits to be committed."""

FOLLOWED_FOR = timedelta(minutes=10)
"""How long an announced change is followed more closely than by polls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one poll brought: its row, what moved, and the error where no fleet came.

    ``poll.complete`` is what the listing was found to be worth, after single reads too;
    ``described`` are the deployments whose description is new.
    """

    poll: Poll
    fleet: Fleet | None
    changes: tuple[LedgerChange, ...]
    described: tuple[Deployment, ...] = ()
    error: ProviderError | None = None

    def doubted(self, problem: str, changes: Iterable[LedgerChange] = ()) -> "Seen":
        """Give the same, worth no more than an incomplete listing because of *problem*."""
        fleet = self.fleet and replace(self.fleet, complete=False, problem=problem)
        poll = replace(self.poll, complete=False, problem=problem)
        return replace(self, poll=poll, fleet=fleet, changes=(*self.changes, *changes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scraped:
    """What one scrape brought: its row (None: the same answer again), the runs it changed."""

    record: ScrapeRecord | None
    change: RunChange
    asked_at: datetime
    error: ProviderError | None = None


class AccountWatch:
    """Asks one provider and folds its answers; holds nothing the database cannot give back.

    What it folds is in memory before it is committed, so after a failed commit the watch
    must be made anew from the database.

    Attributes:
        fleet: the newest complete listing; None before the first one of this process.
        streak: complete listings in a row; the caller adds each poll once it is judged.
        around: what single reads found to lean on deployments, by name, since the last
            reading of all surroundings.
    """

    def __init__(
        self,
        provider: Provider,
        remembered: Remembered,
        *,
        clock: Clock,
        crash: Crash,
        poll_every: timedelta,
        absent_is_quiet: bool,
    ) -> None:
        """Take up the account where *remembered* left it."""
        self._provider = provider
        self._clock = clock
        self._crash = crash
        self.ledger = Ledger(remembered, poll_every=poll_every)
        self.book = EvidenceBook(
            remembered.runs,
            remembered.scrapes,
            used_at=remembered.used_at,
            absent_is_quiet=absent_is_quiet,
        )
        self.streak = Streak.of(remembered.polls, every=poll_every)
        self.fleet: Fleet | None = None
        self._earlier: Fleet | None = None
        self._changing: tuple[Uid, ...] = ()
        self.around: dict[str, Surroundings | None] = {}
        self._trouble = ""

    async def poll(self) -> Seen:
        """Read the whole listing, and each deployment that is missing from it.

        A provider that cannot answer is a poll that failed, not an error. A listing that a
        single read contradicts, or that is older than one before it, is not complete.
        """
        asked_at = self._clock.now()
        self._crash(CrashPoint.POLL_ASKED)
        try:
            fleet = await self._provider.fetch_fleet()
        except ProviderError as error:
            self._trouble = error.problem
            return self._failed(asked_at, error)
        self._crash(CrashPoint.POLL_ANSWERED)
        before = self.fleet.deployments if self.fleet else {}
        described = tuple(
            seen for uid, seen in fleet.deployments.items() if before.get(uid) is not seen
        )
        if problem := grew_younger(before, described):
            fleet = replace(fleet, complete=False, problem=problem)
        fleet, reads = await self._ask_for_missing(fleet)
        changes = [self.ledger.fold_fleet(fleet, cause=self._trouble)]
        changes += [self.ledger.fold_examined(uid, examined) for uid, examined in reads]
        self._trouble = ""
        seen = Seen(poll=_poll_of(fleet), fleet=fleet, changes=_moved(changes), described=described)
        if fleet.complete:
            self._earlier, self.fleet = self.fleet, fleet
            listed = fleet.deployments.items()
            self._changing = tuple(uid for uid, each in listed if each.is_changing)
        return seen

    async def confirm(self, seen: Seen, uids: Collection[Uid]) -> Seen:
        """Read on its own each deployment that is due; the first contradiction voids the listing.

        No answer is a contradiction, so that a provider that hangs holds a cycle up once.
        """
        if seen.fleet is None:
            return seen
        changes = []
        for uid in list(uids)[:READS_AT_ONCE]:
            examined, change = await self._read(uid, alone=False)
            changes.append(change)
            if problem := contradiction(seen.fleet.deployments[uid], examined):
                return seen.doubted(problem, _moved(changes))
        return replace(seen, changes=(*seen.changes, *_moved(changes)))

    @property
    def is_following(self) -> bool:
        """Is there anything for `follow` to read?"""
        return bool(self._changing_lately())

    async def follow(self) -> tuple[LedgerChange, ...]:
        """Read once more, on its own, each deployment whose change was announced lately."""
        changing = self._changing_lately()
        return _moved([(await self._read(uid))[1] for uid in changing[:READS_AT_ONCE]])

    async def scrape(self) -> Scraped | None:
        """Ask the metrics once and fold what they say of the newest complete fleet.

        None, and no call, before the first complete listing is committed: without knowing
        which incarnation a name stands for, nothing could be said of it.
        """
        if (fleet := self._committed()) is None:
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
        change = self.book.fold(scrape, self._committed() or fleet)
        return Scraped(
            record=self.book.last_record, change=change, asked_at=scrape.asked_at, error=error
        )

    def _committed(self) -> Fleet | None:
        """Give the newest complete fleet that the ledger has met: of others no run is stored."""
        fleet = self.fleet
        return self._earlier if fleet and fleet.answered_at != self.streak.last else fleet

    def _failed(self, asked_at: datetime, error: ProviderError) -> Seen:
        poll = Poll(
            account=self._provider.account,
            asked_at=asked_at,
            answered_at=self._clock.now(),
            ok=False,
            complete=False,
            count=0,
            problem=error.problem,
        )
        return Seen(poll=poll, fleet=None, changes=(), error=error)

    async def _ask_for_missing(self, fleet: Fleet) -> tuple[Fleet, list[tuple[Uid, Examined]]]:
        """Read each deployment that *fleet* leaves out; one that is there voids the listing.

        It is voided before it is folded: what a false listing leaves out was there all the same.
        """
        reads, there = [], []
        absent = self.ledger.absent_from(fleet) if fleet.complete else self.ledger.missing
        for uid in absent[:READS_AT_ONCE]:
            examined = await self._ask(uid)
            if examined is None:
                break  # whoever does not answer now is asked again in the next cycle
            reads.append((uid, examined))
            found = examined.deployment
            if found is not None and found.uid == uid and not found.is_gone:
                there.append(found.deployment_id)
        if there and fleet.complete:
            problem = f"the listing left out {', '.join(sorted(there))}"
            fleet = replace(fleet, complete=False, problem=problem)
        return fleet, reads

    def _changing_lately(self) -> list[Uid]:
        since = self._clock.now() - FOLLOWED_FOR
        return [uid for uid in self._changing if self._changed_since(uid, since)]

    def _changed_since(self, uid: Uid, since: datetime) -> bool:
        segment = self.ledger.open_segment(uid)
        return segment is not None and segment.started.hi >= since

    async def _read(self, uid: Uid, *, alone: bool = True) -> tuple[Examined | None, LedgerChange]:
        """Read one deployment as `_ask` does, and fold what was found."""
        examined = await self._ask(uid, alone=alone)
        if examined is None:
            return None, LedgerChange()
        return examined, self.ledger.fold_examined(uid, examined)

    async def _ask(self, uid: Uid, *, alone: bool = True) -> Examined | None:
        """Read one deployment, *alone* or with what leans on it; no answer concludes nothing."""
        name = name_of(uid)
        deployment_id = DeploymentId(name.rpartition("/")[2])
        try:
            async with within(READ_WITHIN):
                examined = await self._provider.fetch_deployment(deployment_id, alone=alone)
        except (ProviderError, TimeoutError):
            return None
        if not alone:
            self.around[name] = examined.surroundings
        return examined


def _poll_of(fleet: Fleet) -> Poll:
    return Poll(
        account=fleet.account,
        asked_at=fleet.asked_at,
        answered_at=fleet.answered_at,
        ok=True,
        complete=fleet.complete,
        count=len(fleet.deployments),
        problem=fleet.problem,
    )


def _moved(changes: Sequence[LedgerChange]) -> tuple[LedgerChange, ...]:
    return tuple(change for change in changes if not change.is_empty)
