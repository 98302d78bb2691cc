"""What the provider says was used: every revision of it, and the days before we watched."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Column, RowMapping, Select, Table, and_, func, select

from firewarden.model.ids import AccountId, DeploymentId
from firewarden.model.usage import BilledDay
from firewarden.store.codes import from_price, to_price
from firewarden.store.instants import from_day, from_ms, to_day, to_ms
from firewarden.store.names import account_key, insert_new, intern, run
from firewarden.store.rows import Values
from firewarden.store.session import Session
from firewarden.store.tables import (
    AccountRow,
    BackfillDayRow,
    BillDayRow,
    BillLineRow,
    table,
)

ACCOUNT: Final = table(AccountRow)
BACKFILL: Final = table(BackfillDayRow)
BILL: Final = table(BillDayRow)
LINE: Final = table(BillLineRow)
Key = tuple[int, int]
"""Day and line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One row of the bill with the number of its revision (1: first) and when it came."""

    billed: BilledDay
    revision: int
    answered_at: datetime


class Revised(NamedTuple):
    """How many rows an answer added, and the days of which it says something else than before."""

    row_count: int
    days: frozenset[date]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfilled:
    """A day from before the first poll, with the price it was stored at; None: unpriced."""

    billed: BilledDay
    micro_usd_per_gpu_hour: int | None


def record_bill(
    session: Session,
    account: AccountId,
    days: Sequence[BilledDay],
    *,
    first: date,
    last: date,
    at: datetime,
) -> Revised:
    """Append what changed in the answer for the days *first* to *last*; tells what that was.

    A row that was there and is missing now is a revision of 0 seconds. Rows are never
    rewritten, and the same answer again adds none. Two rows for one thing are summed.
    """
    wanted = _seconds_by_key(session, account, days)
    newest = {
        (row["day"], row["line_id"]): (row["revision"], row["gpu_seconds"])
        for row in _newest(session, account, first=first, last=last)
    }
    revised: list[Values] = []
    changed: set[date] = set()
    for day, line in sorted({*wanted, *newest}):
        revision, seconds = newest.get((day, line), (0, None))
        if wanted.get((day, line), 0) != (seconds or 0):
            changed.add(from_day(day))
        if wanted.get((day, line), 0) != seconds:
            revised.append(
                {
                    "day": day,
                    "line_id": line,
                    "revision": revision + 1,
                    "gpu_seconds": wanted.get((day, line), 0),
                    "answered_at": to_ms(at),
                }
            )
    insert_new(session, BILL, revised)
    return Revised(row_count=len(revised), days=frozenset(changed))


def read_bill(
    session: Session, account: AccountId, *, first: date, last: date
) -> tuple[Answer, ...]:
    """Read the newest revision of each row of the days *first* to *last*, both included."""
    return tuple(
        Answer(
            billed=_billed_of(account, row),
            revision=row["revision"],
            answered_at=from_ms(row["answered_at"]),
        )
        for row in _newest(session, account, first=first, last=last)
    )


def record_backfill(session: Session, account: AccountId, days: Sequence[Backfilled]) -> None:
    """Store days from before the first poll; those that are there stay as they are."""
    lines = intern(session, LINE, _lines(session, account, [day.billed for day in days]))
    stored: dict[Key, Values] = {}
    for day, line in zip(days, lines, strict=True):
        key = to_day(day.billed.day), line
        price = to_price(day.micro_usd_per_gpu_hour)
        row = stored.setdefault(
            key, {"day": key[0], "line_id": line, "gpu_seconds": 0, "micro_usd": price}
        )
        row["gpu_seconds"] += day.billed.gpu_seconds
    insert_new(session, BACKFILL, list(stored.values()))


def read_backfill(
    session: Session, account: AccountId, *, first: date, last: date
) -> tuple[Backfilled, ...]:
    """Read the backfilled days *first* to *last*, both included, by day."""
    statement = (
        _of(account, BACKFILL.c.line_id, BACKFILL)
        .where(BACKFILL.c.day >= to_day(first), BACKFILL.c.day <= to_day(last))
        .order_by(BACKFILL.c.day, BACKFILL.c.line_id)
    )
    return tuple(
        Backfilled(
            billed=_billed_of(account, row),
            micro_usd_per_gpu_hour=from_price(row["micro_usd"]),
        )
        for row in run(session, statement).mappings()
    )


def _seconds_by_key(
    session: Session, account: AccountId, days: Sequence[BilledDay]
) -> dict[Key, int]:
    found: dict[Key, int] = {}
    lines = intern(session, LINE, _lines(session, account, days))
    for day, line in zip(days, lines, strict=True):
        key = to_day(day.day), line
        found[key] = found.get(key, 0) + day.gpu_seconds
    return found


def _lines(session: Session, account: AccountId, days: Sequence[BilledDay]) -> list[Values]:
    number = account_key(session, account)
    return [
        {
            "account_id": number,
            "deployment_id": day.deployment_id,
            "accelerator_type": day.accelerator_type,
            "base_model": day.base_model,
            "placement": day.placement,
            "timezone": day.timezone,
        }
        for day in days
    ]


def _newest(
    session: Session, account: AccountId, *, first: date, last: date
) -> Sequence[RowMapping]:
    in_range = (BILL.c.day >= to_day(first)) & (BILL.c.day <= to_day(last))
    newest = (
        select(BILL.c.day, BILL.c.line_id, func.max(BILL.c.revision).label("revision"))
        .where(in_range)
        .group_by(BILL.c.day, BILL.c.line_id)
        .subquery()
    )
    statement = (
        _of(account, BILL.c.line_id, BILL)
        .join(
            newest,
            and_(
                newest.c.day == BILL.c.day,
                newest.c.line_id == BILL.c.line_id,
                newest.c.revision == BILL.c.revision,
            ),
        )
        .order_by(BILL.c.day, BILL.c.line_id)
    )
    return run(session, statement).mappings().all()


def _of(account: AccountId, line_id: Column[int], rows: Table) -> Select[Any]:
    """Join *rows* with what they are counted by, for one account."""
    return (
        select(rows, *(column for column in LINE.c if column.name != "id"))
        .join(LINE, LINE.c.id == line_id)
        .join(ACCOUNT, ACCOUNT.c.id == LINE.c.account_id)
        .where(ACCOUNT.c.name == account)
    )


def _billed_of(account: AccountId, row: RowMapping) -> BilledDay:
    return BilledDay(
        account=account,
        day=from_day(row["day"]),
        timezone=row["timezone"],
        deployment_id=DeploymentId(row["deployment_id"]),
        accelerator_type=row["accelerator_type"],
        gpu_seconds=row["gpu_seconds"],
        base_model=row["base_model"],
        placement=row["placement"],
    )
