"""Sums of usage over any stretch of whole hours, as reports and budgets need them.

The database adds integers, which both engines do exactly; it never multiplies them, for a
price times a month of GPU-milliseconds would not fit.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Column, RowMapping, Select, func, select

from firewarden.model.ids import AccountId, Uid
from firewarden.model.usage import Usage
from firewarden.store.codes import from_price
from firewarden.store.instants import HOURS_PER_DAY, from_hour, to_hour_after
from firewarden.store.names import CHUNK, run
from firewarden.store.session import Session
from firewarden.store.tables import SUMS
from firewarden.store.usage import ACCOUNT, BASE, DAY, DEPLOYMENT, HOUR, LINE

Lines = Mapping[int, RowMapping]
A_DAY: Final = timedelta(days=1)


def read_usage(
    session: Session,
    account: AccountId,
    *,
    since: datetime,
    until: datetime,
    uids: Collection[Uid] | None = None,
) -> tuple[Usage, ...]:
    """Sum the hours that start in ``[since, until)`` by uid, accelerator and price."""
    return _total(session, _read_lines(session, account, uids), since, until)


def read_usage_by_hour(
    session: Session,
    account: AccountId,
    *,
    since: datetime,
    until: datetime,
    uids: Collection[Uid] | None = None,
) -> dict[datetime, tuple[Usage, ...]]:
    """Read the hours that start in ``[since, until)``; those without usage are left out."""
    lines = _read_lines(session, account, uids)
    found: dict[datetime, list[Usage]] = defaultdict(list)
    hours = select(HOUR).where(
        HOUR.c.hour >= to_hour_after(since), HOUR.c.hour < to_hour_after(until)
    )
    for row in run(session, hours.order_by(HOUR.c.hour, HOUR.c.line_id)).mappings():
        if row["line_id"] in lines:
            found[from_hour(row["hour"])].append(_usage(lines[row["line_id"]], row))
    return {hour: tuple(usages) for hour, usages in found.items()}


def read_usage_by_day(
    session: Session,
    account: AccountId,
    *,
    since: datetime,
    until: datetime,
    uids: Collection[Uid] | None = None,
) -> dict[datetime, tuple[Usage, ...]]:
    """Sum each day UTC of ``[since, until)``, the first and the last as far as they reach."""
    lines = _read_lines(session, account, uids)
    found: dict[datetime, tuple[Usage, ...]] = {}
    begun = since.astimezone(UTC)
    while begun < until:
        midnight = begun.replace(hour=0, minute=0, second=0, microsecond=0)
        ended = min(midnight + A_DAY, until)
        if usages := _total(session, lines, begun, ended):
            found[midnight] = usages
        begun = ended
    return found


def _total(session: Session, lines: Lines, since: datetime, until: datetime) -> tuple[Usage, ...]:
    totals: dict[int, dict[str, int]] = {}
    if not lines:
        return ()
    for part in _parts(to_hour_after(since), to_hour_after(until)):
        for row in run(session, _narrowed(part, lines)).mappings():
            total = totals.setdefault(row["line_id"], dict.fromkeys(SUMS, 0))
            for name in SUMS:
                total[name] += int(row[name])
    return tuple(
        _usage(lines[number], totals[number]) for number in sorted(totals) if number in lines
    )


def _parts(first: int, last: int) -> Iterator[Select[Any]]:
    """Cover the hours ``[first, last)`` by whole days, and by hours at both ends."""
    first_day, last_day = -(-first // HOURS_PER_DAY), last // HOURS_PER_DAY
    if first_day >= last_day:
        yield _sum(HOUR.c.hour, first, last)
        return
    yield _sum(DAY.c.day, first_day, last_day)
    for begun, ended in ((first, first_day * HOURS_PER_DAY), (last_day * HOURS_PER_DAY, last)):
        if begun < ended:
            yield _sum(HOUR.c.hour, begun, ended)


def _sum(when: Column[int], first: int, last: int) -> Select[Any]:
    columns = when.table.c
    return (
        select(columns.line_id, *(func.sum(columns[name]).label(name) for name in SUMS))
        .where(when >= first, when < last)
        .group_by(columns.line_id)
    )


def _narrowed(part: Select[Any], lines: Lines) -> Select[Any]:
    """Leave the sums of others out where few are wanted; else read all, and drop them later."""
    if len(lines) > CHUNK:
        return part
    return part.where(part.selected_columns["line_id"].in_(lines))


def _read_lines(session: Session, account: AccountId, uids: Collection[Uid] | None) -> Lines:
    statement = (
        select(LINE.c.id, LINE.c.accelerator_type, LINE.c.micro_usd, DEPLOYMENT.c.uid)
        .join(DEPLOYMENT, DEPLOYMENT.c.id == LINE.c.deployment_id)
        .join(ACCOUNT, ACCOUNT.c.id == DEPLOYMENT.c.account_id)
        .where(ACCOUNT.c.name == account)
    )
    if uids is not None:
        statement = statement.where(DEPLOYMENT.c.uid.in_(uids))
    return {row["id"]: row for row in run(session, statement).mappings()}


def _usage(line: RowMapping, sums: Mapping[str, int] | RowMapping) -> Usage:
    return Usage(
        uid=Uid(line["uid"]),
        accelerator_type=line["accelerator_type"],
        micro_usd_per_gpu_hour=from_price(line["micro_usd"]),
        gpu_ms=sums["gpu_ms"],
        low_ms=sums["gpu_ms"] - sums["below_ms"],
        high_ms=sums["gpu_ms"] + sums["above_ms"],
        variance=sums["variance_high"] * BASE + sums["variance_low"],
        idle_ms=sums["idle_ms"],
        unknown_ms=sums["unknown_ms"],
        gap_ms=sums["gap_ms"],
        starting_ms=sums["starting_ms"],
    )
