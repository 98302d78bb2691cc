"""Whose turn it is: the letters of the outbox, claimed one at a time."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    ScalarSelect,
    Select,
    and_,
    bindparam,
    case,
    func,
    select,
    union_all,
    update,
)

from firewarden.model.delivery import Destination
from firewarden.model.ids import AccountId
from firewarden.model.vocabulary import Severity
from firewarden.store.channels import CLOSED, lock
from firewarden.store.instants import from_ms, to_ms
from firewarden.store.letters import (
    Letter,
    State,
    first_tried,
    kept_for,
    notice_of,
    stands_alone,
    takes_back,
)
from firewarden.store.names import run
from firewarden.store.outbox import PENDING, SLACK, root_in, supersede, withdraw
from firewarden.store.session import Session
from firewarden.store.tables import AccountRow, OutboxRow, table

ACCOUNT: Final = table(AccountRow)
OUTBOX: Final = table(OutboxRow)

LEASE: Final = timedelta(seconds=60)


def claim_next(
    session: Session, account: AccountId, *, now: datetime, lease: timedelta = LEASE
) -> Letter | None:
    """Take the next letter of *account* that is due; None: there is none.

    Nobody else gets it, nor any of the same destination, until it is settled or *lease* is
    over. Of several that wait in one story for one destination the newest goes and takes
    the others' place, but what happened is told in its turn; where it only takes back what
    nobody on Slack has heard, none goes.
    """
    skipped: set[str] = set()
    while (found := _due(session, account, skipped, now=now)) is not None:
        destination = found["destination"]
        resolved = lock(session, destination)
        shut = _shut(session, now=now)
        if resolved is None or destination in shut:
            skipped |= {destination, *shut}
            continue
        letter = _take(session, found, resolved, now=now, lease=lease)
        if letter is not None:
            return letter
    return None


def next_due(session: Session, account: AccountId, *, now: datetime) -> datetime | None:
    """Tell when `claim_next` will find something again; None: nothing waits."""
    rows = run(session, _WAITING, {"name": account}).mappings().all()
    shut = _shut(session, now=now) if rows else {}
    later = (max(from_ms(row["next_at"]), shut.get(row["destination"], now)) for row in rows)
    return min(later, default=None)


def _take(
    session: Session, found: RowMapping, resolved: str, *, now: datetime, lease: timedelta
) -> Letter | None:
    """Claim one of a group, and let it take the place of those before it."""
    group = {f"its_{name}": found[name] for name in _GROUPED_BY}
    rows = run(session, _SINCE_SENT, group).mappings().all()
    sent = None
    if rows and rows[0]["state"] == State.SENT.value:
        sent, rows = rows[0], rows[1:]
    pending = [row for row in rows if row["state"] == State.PENDING.value]
    if not pending:  # somebody else was faster
        return None
    chosen = next((row for row in pending if stands_alone(notice_of(row["notice"]))), pending[-1])
    supersede(session, pending[: pending.index(chosen)])
    letter = _letter(chosen, rows, sent, resolved, now=now)
    if letter.root is None and not letter.doubts and _is_no_news(letter):
        withdraw(session, letter)
        return None
    claimed = {
        "number": letter.number,
        "claimed_until": to_ms(now + lease),
        "expires_at": to_ms(letter.expires_at),
        "tries": letter.tries,
    }
    run(session, _CLAIM, claimed)
    return letter


def _letter(
    row: RowMapping,
    rows: Sequence[RowMapping],
    sent: RowMapping | None,
    resolved: str,
    *,
    now: datetime,
) -> Letter:
    notice, began = notice_of(row["notice"]), first_tried(row, now=now)
    doubted = [each for each in rows if each["id"] <= row["id"] and _may_be_there(each)]
    return Letter(
        number=row["id"],
        alert=row["alert_id"],
        key=row["key"],
        destination=Destination.parse(row["destination"]),
        notice=notice,
        tries=row["tries"] + 1,
        first_tried_at=began,
        expires_at=began + kept_for(notice),
        root=root_in(sent, notice),
        doubts=tuple(each["key"] for each in doubted),
        doubted_since=min((first_tried(each, now=now) for each in doubted), default=None),
        resolved=resolved,
    )


def _may_be_there(row: RowMapping) -> bool:
    """Is there no telling whether the destination took it?"""
    return row["claimed_until"] is not None


def _is_no_news(letter: Letter) -> bool:
    return letter.destination.way in SLACK and takes_back(letter.notice)


def _shut(session: Session, *, now: datetime) -> dict[str, datetime]:
    """List the destinations that must wait, or that somebody sends to, and until when."""
    found: dict[str, datetime] = {}
    for row in run(session, _SHUT, {"now": to_ms(now)}).mappings():
        until = from_ms(row["claimed_until"])
        found[row["destination"]] = max(found.get(row["destination"], now), until)
    return found


def _due(
    session: Session, account: AccountId, skipped: set[str], *, now: datetime
) -> RowMapping | None:
    """Find the most urgent letter that is the first of its group, and due."""
    given = {"name": account, "now": to_ms(now), "skipped": sorted(skipped)}
    return run(session, _DUE, given).mappings().one_or_none()


def _first_of_each_group() -> Select[Any]:
    older = OUTBOX.alias("older")
    is_older: ColumnElement[bool] = and_(
        older.c.story == OUTBOX.c.story,
        older.c.destination == OUTBOX.c.destination,
        older.c.account_id == OUTBOX.c.account_id,
        older.c.state == State.PENDING.value,
        older.c.id < OUTBOX.c.id,
    )
    return (
        select(OUTBOX)
        .join(ACCOUNT, ACCOUNT.c.id == OUTBOX.c.account_id)
        .where(PENDING, ACCOUNT.c.name == bindparam("name"))
        .where(~select(older.c.id).where(is_older).exists())
    )


def _newest_sent() -> ScalarSelect[int]:
    sent = OUTBOX.alias("sent")
    same = (sent.c[name] == bindparam(f"its_{name}") for name in _GROUPED_BY)
    newest = select(func.max(sent.c.id)).where(*same, sent.c.state == State.SENT.value)
    return newest.scalar_subquery()


# Put together once: they are asked for every minute, and making them costs more than asking.
_FIRST: Final = _first_of_each_group()
_WAITING: Final = _FIRST.with_only_columns(OUTBOX.c.destination, OUTBOX.c.next_at)
_DUE: Final = (
    _FIRST.where(
        OUTBOX.c.next_at <= bindparam("now"),
        OUTBOX.c.destination.not_in(bindparam("skipped", expanding=True)),
    )
    .order_by(case((OUTBOX.c.severity == Severity.PAGE.value, 0), else_=1))
    .order_by(OUTBOX.c.next_at, OUTBOX.c.id)
    .limit(1)
)
_CLAIMED: Final = select(OUTBOX.c.destination, OUTBOX.c.claimed_until).where(
    PENDING, OUTBOX.c.claimed_until > bindparam("now")
)
_SHUT: Final = union_all(_CLAIMED, CLOSED)
_CLAIM: Final = update(OUTBOX).where(OUTBOX.c.id == bindparam("number"))
_GROUPED_BY: Final = ("account_id", "story", "destination")
_OF_GROUP: Final = [OUTBOX.c[name] == bindparam(f"its_{name}") for name in _GROUPED_BY]
_SINCE_SENT: Final = (
    select(OUTBOX)
    .where(*_OF_GROUP, OUTBOX.c.id >= func.coalesce(_newest_sent(), 0))
    .order_by(OUTBOX.c.id)
)
