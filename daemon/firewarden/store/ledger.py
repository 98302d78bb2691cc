"""What was seen of an account, written so that trying again changes nothing."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import case

from firewarden.model.ids import AccountId, Uid
from firewarden.model.usage import (
    Gap,
    Known,
    LedgerChange,
    Poll,
    RunChange,
    ScrapeRecord,
    Segment,
)
from firewarden.store import rows
from firewarden.store.instants import to_hour
from firewarden.store.names import (
    account_key,
    deployment_keys,
    insert,
    insert_new,
    intern,
    run,
)
from firewarden.store.session import Session
from firewarden.store.stretches import (
    DEPLOYMENT,
    RUNS,
    SEGMENTS,
    write_stretches,
)
from firewarden.store.tables import (
    DirtyRow,
    GapRow,
    PollRow,
    ReplicaFactsRow,
    ScrapeRow,
    table,
)
from firewarden.store.tags import write_tags

DIRTY: Final = table(DirtyRow)
FACTS: Final = table(ReplicaFactsRow)
GAP: Final = table(GapRow)
POLL: Final = table(PollRow)
SCRAPE: Final = table(ScrapeRow)


def write_poll(session: Session, poll: Poll) -> None:
    """Record one listing; the same one again changes nothing."""
    insert_new(session, POLL, [rows.poll_values(account_key(session, poll.account), poll)])


def write_change(
    session: Session, account: AccountId, change: LedgerChange, *, at: datetime
) -> None:
    """Record what one observation, answered *at*, changes; the same one again does nothing.

    Raises:
        StoreError: it contradicts a segment in the ledger, or is about a deployment that
            nobody met. Nothing of the transaction should be kept then.
    """
    _write_met(session, account, change.met)
    segments = (*change.closed, *change.opened, *change.amended)
    marked = sorted(change.dirty)
    keys = deployment_keys(
        session,
        [
            *(segment.uid for segment in segments),
            *(gap.uid for gap in change.gaps),
            *(uid for _, uid in marked),
            *(uid for uid, _ in change.tags),
        ],
    )
    _write_segments(session, keys, change.closed)
    _write_segments(session, keys, (*change.opened, *change.amended))
    _write_gaps(session, keys, change.gaps)
    mark_dirty(session, [(to_hour(hour), keys[uid]) for hour, uid in marked])
    write_tags(session, {keys[uid]: tags for uid, tags in change.tags}, at=at)


def write_scrape(session: Session, record: ScrapeRecord, change: RunChange) -> None:
    """Record one scrape and the runs that it ends and begins; again, it does nothing.

    Raises:
        StoreError: it contradicts a run in the ledger, or is about a deployment that nobody
            met.
    """
    account = account_key(session, record.account)
    insert_new(session, SCRAPE, [rows.scrape_values(account, record)])
    keys = deployment_keys(session, (one.uid for one in (*change.closed, *change.opened)))
    for runs in (change.closed, change.opened):
        write_stretches(session, RUNS, [rows.run_values(keys[one.uid], one) for one in runs])


def mark_dirty(session: Session, marks: Sequence[tuple[int, int]]) -> None:
    """Have the usage of these (hour, deployment) made again.

    A mark that is there is locked, not skipped: a roll-up that is under way elsewhere takes
    it away first, and then it is set anew.
    """
    if not marks:
        return
    statement = insert(session, DIRTY)
    run(
        session,
        statement.on_conflict_do_update(
            index_elements=["hour", "deployment_id"], set_={"hour": statement.excluded.hour}
        ),
        [{"hour": hour, "deployment_id": deployment} for hour, deployment in marks],
    )


def _write_met(session: Session, account: AccountId, met: Sequence[Known]) -> None:
    if not met:
        return
    number = account_key(session, account)
    statement = insert(session, DEPLOYMENT)
    changing = ("display_name", "base_model", "deleted_us", "purge_us")
    run(
        session,
        statement.on_conflict_do_update(
            index_elements=["uid"],
            set_={name: statement.excluded[name] for name in changing},
        ),
        [rows.known_values(number, known) for known in met],
    )


def _write_segments(session: Session, keys: Mapping[Uid, int], segments: Sequence[Segment]) -> None:
    facts = intern(session, FACTS, (rows.facts_values(segment) for segment in segments))
    values = [
        rows.segment_values(keys[segment.uid], number, segment)
        for segment, number in zip(segments, facts, strict=True)
    ]
    write_stretches(session, SEGMENTS, values, loose=("confirmed_at",))


def _write_gaps(session: Session, keys: Mapping[Uid, int], gaps: Sequence[Gap]) -> None:
    """Insert gaps; of two with one beginning the wider stays, so that bounds only widen."""
    if not gaps:
        return
    statement = insert(session, GAP)
    there, offered = GAP.c, statement.excluded
    wider = {
        "until": case((offered.until > there.until, offered.until), else_=there.until),
        "low": case((offered.low < there.low, offered.low), else_=there.low),
        "high": case((offered.high > there.high, offered.high), else_=there.high),
    }
    run(
        session,
        statement.on_conflict_do_update(index_elements=["deployment_id", "since"], set_=wider),
        [rows.gap_values(keys[gap.uid], gap) for gap in gaps],
    )
