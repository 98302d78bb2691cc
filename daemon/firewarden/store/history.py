"""What the ledger holds of an account, read back as values of the model."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, ScalarSelect, Select, bindparam, func, or_, select

from firewarden.metering.fold import REPLAYS_KNOWN
from firewarden.model.activity import Use
from firewarden.model.ids import AccountId, Uid
from firewarden.model.usage import (
    ActivityRun,
    Evidence,
    Gap,
    Known,
    Poll,
    Remembered,
    ScrapeRecord,
    Segment,
)
from firewarden.store import rows
from firewarden.store.codes import EVIDENCE, USE
from firewarden.store.instants import from_ms, to_ms
from firewarden.store.names import run
from firewarden.store.session import Session
from firewarden.store.stretches import DEPLOYMENT, RUNS, SEGMENTS, overlapping
from firewarden.store.tables import (
    AccountRow,
    GapRow,
    PollRow,
    ReplicaFactsRow,
    ScrapeRow,
    table,
)
from firewarden.store.tags import read_tags_at

ACCOUNT: Final = table(AccountRow)
FACTS: Final = table(ReplicaFactsRow)
GAP: Final = table(GapRow)
POLL: Final = table(PollRow)
RUN: Final = RUNS.target
SCRAPE: Final = table(ScrapeRow)
SEGMENT: Final = SEGMENTS.target

END_OF_TIME: Final = 2**62


def read_remembered(
    session: Session,
    account: AccountId,
    *,
    since: datetime,
    uids: Collection[Uid] | None = None,
) -> Remembered:
    """Read all that is needed to go on where the last run stopped.

    Known are all deployments but those confirmed gone: deleted, or absent, and not back.
    Runs are those that end after *since*, scrapes those since then. With *uids* segments and
    runs are of these alone.
    """
    still_open = SEGMENT.c.end_lo.is_(None)
    opened = select(SEGMENT.c.deployment_id).where(still_open)
    gone = [EVIDENCE[Evidence.DELETED], EVIDENCE[Evidence.ABSENT]]
    ended = DEPLOYMENT.c.deleted_us.is_not(None) | func.coalesce(_last_end(), 0).in_(gone)
    alive = select(DEPLOYMENT).where(_of(account), or_(DEPLOYMENT.c.id.in_(opened), ~ended))
    return Remembered(
        known=_read_known(session, account, alive),
        open_segments=_read_segments(
            session, _only(_segments().where(_of(account), still_open), uids)
        ),
        runs=_read_runs(session, account, since=to_ms(since), until=END_OF_TIME, uids=uids),
        scrapes=read_scrapes(session, account, since=since),
        last_poll=newest_poll(session, account),
        polls=_read_polls(session, account),
        tags=read_tags_at(session, account),
        lately=_read_segments(
            session,
            _only(
                _segments().where(
                    _of(account),
                    SEGMENT.c.deployment_id.in_(opened),
                    overlapping(SEGMENTS, since=to_ms(since), until=END_OF_TIME),
                    ~still_open,
                ),
                uids,
            ),
        ),
    )


def read_last_used(
    session: Session,
    account: AccountId,
    *,
    since: datetime,
    uids: Collection[Uid] | None = None,
) -> dict[Uid, datetime]:
    """Tell when each was last in use at *since* or later, at most a scrape too late.

    A use that goes on is left out: its run says so.
    """
    statement = (
        select(DEPLOYMENT.c.uid, func.max(RUN.c.until).label("until"))
        .join(RUN, RUN.c.deployment_id == DEPLOYMENT.c.id)
        .where(
            _of(account),
            overlapping(RUNS, since=to_ms(since), until=END_OF_TIME),
            RUN.c.use == USE[Use.ACTIVE],
            RUN.c.until.is_not(None),
        )
        .group_by(DEPLOYMENT.c.uid)
    )
    found = run(session, _only(statement, uids)).mappings()
    return {Uid(row["uid"]): from_ms(row["until"]) for row in found}


def read_known(session: Session, account: AccountId) -> tuple[Known, ...]:
    """Read every deployment the ledger has ever met, in the order it met them."""
    everyone = select(DEPLOYMENT).where(_of(account))
    return _read_known(session, account, everyone)


def read_segments(
    session: Session,
    account: AccountId,
    *,
    since: datetime,
    until: datetime,
    uids: Collection[Uid] | None = None,
) -> tuple[Segment, ...]:
    """Read segments any part of which may lie in ``[since, until)``; by uid, then by start."""
    statement = _segments().where(
        _of(account), overlapping(SEGMENTS, since=to_ms(since), until=to_ms(until))
    )
    return _read_segments(session, _only(statement, uids))


def read_gaps(
    session: Session,
    account: AccountId,
    *,
    since: datetime,
    until: datetime,
    uids: Collection[Uid] | None = None,
) -> tuple[Gap, ...]:
    """Read gaps that overlap ``[since, until)``; by uid, then by start."""
    statement = (
        select(DEPLOYMENT.c.uid, GAP)
        .join(GAP, GAP.c.deployment_id == DEPLOYMENT.c.id)
        .where(_of(account), GAP.c.until > to_ms(since), GAP.c.since < to_ms(until))
        .order_by(DEPLOYMENT.c.uid, GAP.c.since)
    )
    found = run(session, _only(statement, uids)).mappings()
    return tuple(rows.gap_of(account, row) for row in found)


def read_runs(
    session: Session,
    account: AccountId,
    *,
    since: datetime,
    until: datetime,
    uids: Collection[Uid] | None = None,
) -> tuple[ActivityRun, ...]:
    """Read runs of use that overlap ``[since, until)``, open ones included; by start."""
    return _read_runs(session, account, since=to_ms(since), until=to_ms(until), uids=uids)


def read_scrapes(
    session: Session, account: AccountId, *, since: datetime, until: datetime | None = None
) -> tuple[ScrapeRecord, ...]:
    """Read the scrapes answered in ``[since, until)`` (None: all since), oldest first."""
    statement = select(SCRAPE).where(
        SCRAPE.c.account_id == _number(account), SCRAPE.c.answered_at >= to_ms(since)
    )
    if until is not None:
        statement = statement.where(SCRAPE.c.answered_at < to_ms(until))
    found = run(session, statement.order_by(SCRAPE.c.answered_at)).mappings()
    return tuple(rows.scrape_of(account, row) for row in found)


def newest_poll(session: Session, account: AccountId, *, complete: bool = True) -> Poll | None:
    """Read the newest poll, or the newest complete one; None before the first."""
    statement = _NEWEST_COMPLETE if complete else _NEWEST
    found = run(session, statement, {"name": account}).mappings()
    return next((rows.poll_of(account, row) for row in found), None)


def first_poll(session: Session, account: AccountId) -> Poll | None:
    """Read the oldest poll that brought a listing: from then on somebody watched."""
    statement = select(POLL).where(POLL.c.account_id == _number(account), POLL.c.ok)
    found = run(session, statement.order_by(POLL.c.asked_at).limit(1)).mappings()
    return next((rows.poll_of(account, row) for row in found), None)


def read_apart(session: Session, account: AccountId) -> tuple[frozenset[Uid], frozenset[Uid]]:
    """Tell who has ever run on own hardware, and who was preemptible: bills treat them apart."""
    statement = (
        select(DEPLOYMENT.c.uid, FACTS.c.cluster)
        .join(SEGMENT, SEGMENT.c.deployment_id == DEPLOYMENT.c.id)
        .join(FACTS, FACTS.c.id == SEGMENT.c.facts_id)
        .where(_of(account), or_(FACTS.c.cluster, FACTS.c.preemptible))
        .distinct()
    )
    found = [(Uid(row["uid"]), row["cluster"]) for row in run(session, statement).mappings()]
    return (
        frozenset(uid for uid, is_own in found if is_own),
        frozenset(uid for uid, is_own in found if not is_own),
    )


def _read_polls(session: Session, account: AccountId) -> tuple[Poll, ...]:
    statement = (
        select(POLL)
        .where(POLL.c.account_id == _number(account))
        .order_by(POLL.c.asked_at.desc())
        .limit(REPLAYS_KNOWN)
    )
    newest_first = run(session, statement).mappings().all()
    return tuple(rows.poll_of(account, row) for row in reversed(newest_first))


def _read_known(session: Session, account: AccountId, statement: Select[Any]) -> tuple[Known, ...]:
    found = run(session, statement.order_by(DEPLOYMENT.c.id)).mappings()
    return tuple(rows.known_of(account, row) for row in found)


def _segments() -> Select[Any]:
    facts = [column for column in FACTS.c if column.name != "id"]
    return (
        select(DEPLOYMENT.c.uid, SEGMENT, *facts)
        .join(SEGMENT, SEGMENT.c.deployment_id == DEPLOYMENT.c.id)
        .join(FACTS, FACTS.c.id == SEGMENT.c.facts_id)
        .order_by(DEPLOYMENT.c.uid, SEGMENT.c.start_lo, SEGMENT.c.start_width)
    )


def _read_segments(session: Session, statement: Select[Any]) -> tuple[Segment, ...]:
    return tuple(map(rows.segment_of, run(session, statement).mappings()))


def _read_runs(
    session: Session,
    account: AccountId,
    *,
    since: int,
    until: int,
    uids: Collection[Uid] | None = None,
) -> tuple[ActivityRun, ...]:
    statement = (
        select(DEPLOYMENT.c.uid, RUN)
        .join(RUN, RUN.c.deployment_id == DEPLOYMENT.c.id)
        .where(_of(account), overlapping(RUNS, since=since, until=until))
        .order_by(RUN.c.since, DEPLOYMENT.c.uid)
    )
    return tuple(map(rows.run_of, run(session, _only(statement, uids)).mappings()))


def _number(account: AccountId | ColumnElement[str]) -> ScalarSelect[int]:
    return select(ACCOUNT.c.id).where(ACCOUNT.c.name == account).scalar_subquery()


def _last_end() -> ScalarSelect[int]:
    return (
        select(SEGMENT.c.end_evidence)
        .where(SEGMENT.c.deployment_id == DEPLOYMENT.c.id)
        .order_by(SEGMENT.c.start_lo.desc(), SEGMENT.c.start_width.desc())
        .limit(1)
        .correlate(DEPLOYMENT)
        .scalar_subquery()
    )


def _of(account: AccountId) -> ColumnElement[bool]:
    return DEPLOYMENT.c.account_id == _number(account)


def _only(statement: Select[Any], uids: Collection[Uid] | None) -> Select[Any]:
    return statement if uids is None else statement.where(DEPLOYMENT.c.uid.in_(uids))


# Put together once: every roll-up asks for it.
_NEWEST: Final = (
    select(POLL)
    .where(POLL.c.account_id == _number(bindparam("name")))
    .order_by(POLL.c.asked_at.desc())
    .limit(1)
)
_NEWEST_COMPLETE: Final = _NEWEST.where(POLL.c.complete)
