"""What became of what was to be told: receipts by story, and what still waits."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import RowMapping, select

from firewarden.model.delivery import Delivery, Destination
from firewarden.model.ids import AccountId
from firewarden.store.channels import degraded
from firewarden.store.instants import from_ms, maybe_from_ms
from firewarden.store.letters import State, notice_of
from firewarden.store.names import chunks, run
from firewarden.store.outbox import MANY_TRIES
from firewarden.store.rows import storable
from firewarden.store.session import Session
from firewarden.store.tables import AccountRow, OutboxRow, table

ACCOUNT: Final = table(AccountRow)
OUTBOX: Final = table(OutboxRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What waits to be told.

    Attributes:
        oldest_at: when the oldest of it was said, by the daemon's clock.
        degraded: destinations that do not work, and since when.
    """

    waiting_count: int
    oldest_at: datetime | None
    degraded: Mapping[str, datetime]


def deliveries(
    session: Session, account: AccountId, stories: Collection[str]
) -> Mapping[str, Delivery]:
    """Tell of each of *stories* what became of its warning, whatever was said after it.

    Where a warning goes to any place that gives receipts, only such places count: a line
    in the log tells nobody.
    """
    rows: defaultdict[str, list[RowMapping]] = defaultdict(list)
    columns = (OUTBOX.c[name] for name in ("story", "destination", "state", "tries", "sent_at"))
    statement = (
        select(*columns, OUTBOX.c.notice)
        .join(ACCOUNT, ACCOUNT.c.id == OUTBOX.c.account_id)
        .where(ACCOUNT.c.name == account)
        .order_by(OUTBOX.c.id)
    )
    for some in chunks(map(storable, stories)):
        for row in run(session, statement.where(OUTBOX.c.story.in_(some))).mappings():
            notice = notice_of(row["notice"])
            if not notice.resolved and not notice.once:
                rows[row["story"]].append(row)
    return {story: _delivery(rows[storable(story)]) for story in stories}


def read_backlog(session: Session, accounts: Collection[AccountId]) -> Backlog:
    """Read how much of *accounts* still has to be told."""
    waiting = (
        select(OUTBOX.c.created_at)
        .join(ACCOUNT, ACCOUNT.c.id == OUTBOX.c.account_id)
        .where(OUTBOX.c.state == State.PENDING.value, ACCOUNT.c.name.in_(accounts))
    )
    said = run(session, waiting).scalars().all()
    return Backlog(
        waiting_count=len(said),
        oldest_at=maybe_from_ms(min(said, default=None)),
        degraded=degraded(session),
    )


def _delivery(rows: Sequence[RowMapping]) -> Delivery:
    counted = [
        row for row in rows if Destination.parse(row["destination"]).way.gives_receipts
    ] or rows
    taken = [row["sent_at"] for row in counted if row["state"] == State.SENT.value]
    newest = {row["destination"]: row for row in counted}
    return Delivery(
        delivered_at=from_ms(min(taken)) if taken else None,
        failed=bool(newest) and not taken and all(map(_is_out_of_reach, newest.values())),
    )


def _is_out_of_reach(row: RowMapping) -> bool:
    return bool(row["state"] == State.DEAD.value or row["tries"] >= MANY_TRIES)
