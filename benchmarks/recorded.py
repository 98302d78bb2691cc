"""An account in which each deployment changes so many times a day, folded as the daemon does.

Listings and scrapes are made here instead of read over HTTP; everything behind them is the
product's own: the fold, the evidence, the tables, the roll-up by the hour.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from firewarden.app.housekeeping import BUCKETS_AT_ONCE, roll_up
from firewarden.metering.evidence import EvidenceBook
from firewarden.metering.fold import Ledger
from firewarden.metering.rates import RATE_CARD
from firewarden.model.activity import Sample, Scrape
from firewarden.model.deployment import Deployment
from firewarden.model.fleet import Fleet
from firewarden.model.ids import AccountId, DeploymentId, Uid, make_uid
from firewarden.model.usage import LedgerChange, Poll, Remembered, RunChange
from firewarden.store.descriptions import write_descriptions
from firewarden.store.engine import Database
from firewarden.store.ledger import write_change, write_poll, write_scrape
from firewarden.store.session import Session

ACCOUNT = AccountId("acme")
BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
EVERY = timedelta(seconds=30)
DAY = timedelta(days=1)
TOOK = timedelta(milliseconds=700)

QUIET = Sample(request_rate=0.0, prompt_token_rate=0.0, concurrency=0.0)
BUSY = Sample(request_rate=2.5, prompt_token_rate=900.0, concurrency=1.5)

_REPLICAS = ((1, 0), (1, 1), (2, 0), (1, 0), (0, 0), (0, 1))
"""Ready and starting replicas, one after the other, round and round."""


class Recorded:
    """Some deployments; each changes its replicas, and its use, *changes* times a day."""

    def __init__(
        self,
        deployments: Sequence[Deployment],
        *,
        changes: int,
        seed: int,
        begin: datetime = BEGIN,
    ) -> None:
        """Begin at a midnight, with the *deployments* as they are given."""
        self._rng = random.Random(seed)
        self._changes = changes
        self._begin = begin
        self._steps = [0] * len(deployments)
        self._busy = [False] * len(deployments)
        self._names = [one.name for one in deployments]
        self._uids = [one.uid for one in deployments]
        self._shown = dict(zip(self._uids, deployments, strict=True))
        self._samples = dict.fromkeys(self._names, QUIET)
        nothing = Remembered(
            known=(), open_segments=(), runs=(), scrapes=(), last_poll=None, polls=()
        )
        self._ledger = Ledger(nothing, poll_every=EVERY)
        self._book = EvidenceBook((), ())
        self._before: dict[Uid, Deployment] = {}
        self._changes_seen: list[LedgerChange] = []
        self._runs_seen: list[RunChange] = []

    def live(self, database: Database, day: int) -> None:
        """Store one *day*, in the order in which the days come, and roll its hours up."""
        begin = self._begin + day * DAY
        happenings = self._happenings()
        for hour in range(24):
            with database.writing() as session:
                for second in range(hour * 3_600, (hour + 1) * 3_600, int(EVERY.total_seconds())):
                    while happenings and happenings[-1][0] < second:
                        self._happen(*happenings.pop()[1:])
                    self._observe(session, begin + timedelta(seconds=second))
                self._store(session)
            with database.writing() as session:
                while roll_up(session, ACCOUNT, lambda _: RATE_CARD) == BUCKETS_AT_ONCE:
                    pass

    def samples(self, day: int) -> Iterator[tuple[int, int, int, int, int, int, int, int, str]]:
        """Give the same *day* as raw samples: one row for each deployment and look."""
        for second in range(0, 86_400, int(EVERY.total_seconds())):
            at = int((self._begin + day * DAY + timedelta(seconds=second)).timestamp() * 1_000)
            for number, uid in enumerate(self._uids):
                one = self._shown[uid]
                yield (
                    number,
                    at,
                    one.ready_replica_count,
                    one.starting_replica_count,
                    one.min_replica_count,
                    one.max_replica_count,
                    one.desired_replica_count,
                    int(self._busy[number]),
                    one.state,
                )

    def _happenings(self) -> list[tuple[float, int, bool]]:
        """Draw a day's changes: when, of which deployment, of its use or of its replicas."""
        drawn = [
            (self._rng.uniform(0, 86_400), number, is_use)
            for number in range(len(self._steps))
            for is_use in (False, True)
            for _ in range(self._changes)
        ]
        return sorted(drawn, reverse=True)

    def _happen(self, number: int, is_use: bool) -> None:  # noqa: FBT001 - a drawn tuple
        if is_use:
            self._busy[number] = not self._busy[number]
        else:
            self._steps[number] += 1
            uid = self._uids[number]
            ready, starting = _REPLICAS[self._steps[number] % len(_REPLICAS)]
            self._shown[uid] = replace(
                self._shown[uid],
                ready_replica_count=ready,
                starting_replica_count=starting,
                desired_replica_count=ready + starting,
            )
        name = self._names[number]
        if self._shown[self._uids[number]].ready_replica_count:
            self._samples[name] = BUSY if self._busy[number] else QUIET
        else:
            self._samples.pop(name, None)

    def _observe(self, session: Session, at: datetime) -> None:
        """Fold what a listing and a scrape show, and store that they were made."""
        fleet = Fleet(
            account=ACCOUNT,
            asked_at=at,
            answered_at=at + TOOK,
            complete=True,
            deployments=dict(self._shown),
        )
        write_poll(session, _poll(fleet))
        self._changes_seen.append(self._ledger.fold_fleet(fleet))
        self._runs_seen.append(self._book.fold(self._scrape(at), fleet))
        if self._book.last_record is not None:
            write_scrape(session, self._book.last_record, RunChange())

    def _store(self, session: Session) -> None:
        """Store what an hour has changed at once: the same rows as one by one, sooner."""
        at = self._begin
        write_change(session, ACCOUNT, _joined(self._changes_seen), at=at)
        closed = {(run.uid, run.since): run for seen in self._runs_seen for run in seen.closed}
        opened = [run for seen in self._runs_seen for run in seen.opened]
        record = self._book.last_record
        if record is not None:
            write_scrape(
                session,
                record,
                RunChange(
                    closed=tuple(closed.values()),
                    opened=tuple(run for run in opened if (run.uid, run.since) not in closed),
                ),
            )
        turned = [one for uid, one in self._shown.items() if self._before.get(uid) is not one]
        write_descriptions(session, turned, seen_at=at)
        self._before = dict(self._shown)
        self._changes_seen.clear()
        self._runs_seen.clear()

    def _scrape(self, at: datetime) -> Scrape:
        return Scrape(
            account=ACCOUNT,
            asked_at=at,
            answered_at=at + TOOK,
            whole=True,
            samples=self._samples,
            fingerprint=str(at),
        )


def deployments(count: int) -> list[Deployment]:
    """Make *count* of them, with one ready replica each."""
    return [_deployment(number) for number in range(count)]


def _deployment(number: int) -> Deployment:
    name = f"accounts/{ACCOUNT}/deployments/d{number:05d}"
    created_at = BEGIN - timedelta(days=2, seconds=number)
    return Deployment(
        uid=make_uid(name, created_at),
        account=ACCOUNT,
        deployment_id=DeploymentId(f"d{number:05d}"),
        name=name,
        display_name=f"Research model {number}",
        base_model="accounts/fireworks/models/gpt-oss-120b",
        created_at=created_at,
        state="READY",
        accelerator_type="NVIDIA_H100_80GB",
        accelerator_count=(1, 2, 4, 8)[number % 4],
        min_replica_count=0,
        max_replica_count=2,
        desired_replica_count=1,
        ready_replica_count=1,
        starting_replica_count=0,
        placement="global",
        tags={"owner": f"person{number % 97}@acme.example", "team": f"team-{number % 7}"},
    )


def _poll(fleet: Fleet) -> Poll:
    return Poll(
        account=fleet.account,
        asked_at=fleet.asked_at,
        answered_at=fleet.answered_at,
        ok=True,
        complete=True,
        count=len(fleet.deployments),
        skew_ms=120,
    )


def _joined(changes: Sequence[LedgerChange]) -> LedgerChange:
    """Make one change of many; what opened and closed again is only closed."""
    closed = {(one.uid, one.started): one for change in changes for one in change.closed}
    opened = [one for change in changes for one in change.opened]
    return LedgerChange(
        met=tuple(known for change in changes for known in change.met),
        closed=tuple(closed.values()),
        opened=tuple(one for one in opened if (one.uid, one.started) not in closed),
        dirty=frozenset().union(*(change.dirty for change in changes)),
        tags=tuple(tags for change in changes for tags in change.tags),
    )
