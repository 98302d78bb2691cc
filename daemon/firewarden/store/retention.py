"""What need not be kept for ever goes, the oldest first, a bounded number of rows at a time.

Money is kept: segments, gaps, hours, days, bills, adjustments and prices; so is who did what
and why: incidents, intents, requests, overrides and alerts.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import RowMapping, Select, Table, bindparam, delete, func, or_, select

from firewarden.model.ids import AccountId
from firewarden.store.accounts import read_oldest_dirty
from firewarden.store.history import first_poll, newest_poll
from firewarden.store.instants import from_ms, to_ms
from firewarden.store.letters import State
from firewarden.store.names import account_key, insert, run
from firewarden.store.session import Session
from firewarden.store.tables import (
    ActivityRunRow,
    AlertRow,
    DeploymentRow,
    OutboxRow,
    PollRow,
    RemovedLettersRow,
    ScrapeRow,
    SegmentRow,
    table,
)

ALERT: Final = table(AlertRow)
DEPLOYMENT: Final = table(DeploymentRow)
OUTBOX: Final = table(OutboxRow)
POLL: Final = table(PollRow)
REMOVED: Final = table(RemovedLettersRow)
RUN: Final = table(ActivityRunRow)
SCRAPE: Final = table(ScrapeRow)
SEGMENT: Final = table(SegmentRow)

AT_ONCE: Final = 2_000
"""Rows of a kind that one transaction removes: a poll that waits for it hardly notices."""

_MARGIN: Final = timedelta(days=1)
"""More than measuring an hour looks at around it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Horizon:
    """Instants before which evidence and letters are not kept."""

    evidence: datetime
    letters: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """How many rows went, or would go."""

    polls: int = 0
    scrapes: int = 0
    runs: int = 0
    letters: int = 0

    def __add__(self, other: "Pruned") -> "Pruned":
        """Add what went in another transaction."""
        return Pruned(
            polls=self.polls + other.polls,
            scrapes=self.scrapes + other.scrapes,
            runs=self.runs + other.runs,
            letters=self.letters + other.letters,
        )

    @property
    def by_kind(self) -> dict[str, int]:
        """Rows by what they are, in the words of logs and commands."""
        return {
            "polls": self.polls,
            "scrapes": self.scrapes,
            "runs": self.runs,
            "letters": self.letters,
        }

    @property
    def total(self) -> int:
        """Rows of all kinds."""
        return sum(self.by_kind.values())


def find_horizon(
    session: Session, account: AccountId, *, evidence: datetime, letters: datetime
) -> Horizon | None:
    """Draw back *evidence* to what nothing still has to be measured from.

    That is: a day before the newest complete poll, the oldest hour whose usage has to be made
    again, and the last sight of any deployment whose end is not known. None: nothing goes,
    for no complete poll was ever made.
    """
    newest = newest_poll(session, account)
    if newest is None:
        return None
    unseen = (
        select(func.min(SEGMENT.c.confirmed_at))
        .join(DEPLOYMENT, DEPLOYMENT.c.id == SEGMENT.c.deployment_id)
        .where(DEPLOYMENT.c.account_id == account_key(session, account), SEGMENT.c.end_lo.is_(None))
    )
    confirmed = run(session, unseen).scalar_one()
    needed = [newest.asked_at, read_oldest_dirty(session, account)]
    needed.append(None if confirmed is None else from_ms(confirmed))
    oldest = min(at for at in needed if at is not None)
    return Horizon(evidence=min(evidence, oldest - _MARGIN), letters=letters)


def count_prunable(session: Session, account: AccountId, horizon: Horizon) -> Pruned:
    """Count what `prune` would remove in the end."""
    counts = {}
    for kind, (_, old) in _find(session, account, horizon).items():
        count = select(func.count()).select_from(old.subquery())
        counts[kind] = int(run(session, count).scalar_one())
    return Pruned(**counts)


def prune(session: Session, account: AccountId, horizon: Horizon) -> Pruned:
    """Remove at most `AT_ONCE` rows of each kind; call it again until there is nothing left."""
    counts = {}
    for kind, (target, old) in _find(session, account, horizon).items():
        rows = run(session, old.limit(AT_ONCE)).mappings().all()
        if target is OUTBOX:
            _count_in(session, rows)
        _remove(session, target, rows)
        counts[kind] = len(rows)
    return Pruned(**counts)


def _find(
    session: Session, account: AccountId, horizon: Horizon
) -> Mapping[str, tuple[Table, Select[Any]]]:
    """Select the keys of what is too old, by kind, the oldest first."""
    number = account_key(session, account)
    evidence, letters = to_ms(horizon.evidence), to_ms(horizon.letters)
    first = first_poll(session, account)
    watched_since = to_ms(first.asked_at) if first else evidence
    return {
        "polls": (
            POLL,
            select(POLL.c.account_id, POLL.c.asked_at)
            .where(POLL.c.account_id == number, POLL.c.asked_at < evidence)
            .where(POLL.c.asked_at != watched_since)  # it says since when somebody watched
            .order_by(POLL.c.asked_at),
        ),
        "scrapes": (
            SCRAPE,
            select(SCRAPE.c.account_id, SCRAPE.c.answered_at)
            .where(SCRAPE.c.account_id == number, SCRAPE.c.answered_at < evidence)
            .order_by(SCRAPE.c.answered_at),
        ),
        "runs": (
            RUN,
            select(RUN.c.deployment_id, RUN.c.since)
            .join(DEPLOYMENT, DEPLOYMENT.c.id == RUN.c.deployment_id)
            .where(DEPLOYMENT.c.account_id == number, RUN.c.since < evidence)
            .where(RUN.c.until < evidence)
            .order_by(RUN.c.deployment_id, RUN.c.since),
        ),
        "letters": (
            OUTBOX,
            select(OUTBOX.c.id, OUTBOX.c.account_id, OUTBOX.c.destination, OUTBOX.c.state)
            .outerjoin(ALERT, ALERT.c.id == OUTBOX.c.alert_id)
            .where(OUTBOX.c.account_id == number, OUTBOX.c.state != State.PENDING.value)
            .where(OUTBOX.c.created_at < letters)
            # What still stands edits the message it was told by.
            .where(or_(OUTBOX.c.alert_id.is_(None), ALERT.c.resolved_at < letters))
            .order_by(OUTBOX.c.id),
        ),
    }


def _remove(session: Session, target: Table, rows: Sequence[RowMapping]) -> None:
    if rows:
        keys = [column.name for column in target.primary_key]
        same = (target.c[key] == bindparam(f"its_{key}") for key in keys)
        values = [{f"its_{key}": row[key] for key in keys} for row in rows]
        run(session, delete(target).where(*same), values)


def _count_in(session: Session, letters: Sequence[RowMapping]) -> None:
    """Remember how many *letters* there were: what was counted once is counted for ever."""
    counts = Counter((row["account_id"], row["destination"], row["state"]) for row in letters)
    if not counts:
        return
    added = insert(session, REMOVED)
    statement = added.on_conflict_do_update(
        index_elements=list(REMOVED.primary_key),
        set_={"count": REMOVED.c["count"] + added.excluded["count"]},
    )
    values = [
        {"account_id": account, "destination": destination, "state": state, "count": count}
        for (account, destination, state), count in sorted(counts.items())
    ]
    run(session, statement, values)
