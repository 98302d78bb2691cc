"""How each local day stands against the bill, and what is added to what was metered for it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, RowMapping, Table, bindparam, func, select, update

from firewarden.metering.billed import Standing
from firewarden.model.ids import AccountId, DeploymentId
from firewarden.model.trueup import Adjustment, Cause, DayState, Money, RowState
from firewarden.store.instants import from_day, from_ms, to_day, to_ms
from firewarden.store.names import account_key, insert, insert_new, run
from firewarden.store.rows import Values, storable
from firewarden.store.session import Session
from firewarden.store.tables import (
    AccountRow,
    AdjustmentRow,
    BillAnswerRow,
    TrueupDayRow,
    table,
)

ACCOUNT: Final = table(AccountRow)
ADJUSTMENT: Final = table(AdjustmentRow)
ANSWER: Final = table(BillAnswerRow)
VERDICT: Final = table(TrueupDayRow)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What stands of the bill of one day, and in which zone it is one."""

    standing: Standing
    timezone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How a day stands; *stale*: an hour of it was metered again since it was judged."""

    day: date
    timezone: str
    revision: int
    state: DayState
    judged_at: datetime
    stale: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjusted:
    """One deployment's day on one accelerator, where it is more than equal; ``revision``: by it.

    ``accepted_by``: who took the bill's word for it; "": nobody had to.
    """

    day: date
    timezone: str
    deployment_id: DeploymentId
    accelerator_type: str
    base_model: str
    revision: int
    state: RowState
    cause: Cause
    adjustment: Adjustment
    accepted_by: str = ""


def lock_books(session: Session, account: AccountId) -> int:
    """Let nobody else judge a day of *account* before this transaction ends; gives its number.

    On SQLite a writing transaction keeps everybody else out by itself.
    """
    number = account_key(session, account)
    mine = select(ACCOUNT.c.id).where(ACCOUNT.c.id == number)
    run(session, mine.with_for_update(key_share=True))
    return number


def record_answers(
    session: Session,
    account: AccountId,
    days: Collection[date],
    *,
    changed: Collection[date],
    timezone: str,
    at: datetime,
) -> None:
    """Note an answer for *days*: for those that *changed* another one, else the same again."""
    number = account_key(session, account)
    known = read_answers(session, account, first=min(days), last=max(days))
    begun: list[Values] = []
    again: list[Values] = []
    for day in days:
        answered = known.get(day)
        if answered is None or day in changed or answered.timezone != timezone:
            revision = answered.standing.revision + 1 if answered else 1
            values = {"revision": revision, "timezone": timezone, "first_at": to_ms(at)}
            begun.append({**_of_day(number, day), **values, "last_at": to_ms(at)})
        elif at > answered.standing.last_at:
            which = {"number": number, "its_day": to_day(day), "its_last": to_ms(at)}
            again.append({**which, "its_revision": answered.standing.revision})
    insert_new(session, ANSWER, begun)
    if again:
        run(session, _AGAIN, again)


def read_answers(
    session: Session, account: AccountId, *, first: date, last: date
) -> Mapping[date, Answered]:
    """Read what stands of the bill for the days *first* to *last*, as far as it was asked for."""
    newest = (
        select(ANSWER.c.account_id, ANSWER.c.day, func.max(ANSWER.c.revision).label("revision"))
        .where(*_range(ANSWER, account, first, last))
        .group_by(ANSWER.c.account_id, ANSWER.c.day)
        .subquery()
    )
    statement = select(ANSWER).join(
        newest,
        (newest.c.account_id == ANSWER.c.account_id)
        & (newest.c.day == ANSWER.c.day)
        & (newest.c.revision == ANSWER.c.revision),
    )
    return {
        from_day(row["day"]): Answered(
            standing=Standing(
                revision=row["revision"],
                first_at=from_ms(row["first_at"]),
                last_at=from_ms(row["last_at"]),
            ),
            timezone=row["timezone"],
        )
        for row in run(session, statement).mappings()
    }


def write_verdict(session: Session, account: AccountId, verdict: Verdict) -> None:
    """Let *verdict* be how its day stands."""
    values = {
        "timezone": verdict.timezone,
        "revision": verdict.revision,
        "state": verdict.state.value,
        "stale": verdict.stale,
        "judged_at": to_ms(verdict.judged_at),
    }
    number = account_key(session, account)
    statement = insert(session, VERDICT).values(**_of_day(number, verdict.day), **values)
    run(
        session,
        statement.on_conflict_do_update(
            index_elements=[VERDICT.c.account_id, VERDICT.c.day], set_=values
        ),
    )


def read_verdicts(
    session: Session, account: AccountId, *, first: date, last: date
) -> Mapping[date, Verdict]:
    """Read how the days *first* to *last* stand; those never judged are left out."""
    statement = select(VERDICT).where(*_range(VERDICT, account, first, last))
    return {
        from_day(row["day"]): Verdict(
            day=from_day(row["day"]),
            timezone=row["timezone"],
            revision=row["revision"],
            state=DayState(row["state"]),
            stale=row["stale"],
            judged_at=from_ms(row["judged_at"]),
        )
        for row in run(session, statement.order_by(VERDICT.c.day)).mappings()
    }


def mark_stale(session: Session, account: AccountId, hours: Collection[datetime]) -> None:
    """Have the days be judged again that an hour of *hours* may lie in, in whatever zone."""
    if hours:
        days = [hour.date() for hour in hours]
        days = [min(days) - _DAY, max(days) + _DAY]
        which = _range(VERDICT, account, days[0], days[1])
        run(session, update(VERDICT).where(*which).values(stale=True))


def record_adjustments(
    session: Session, account: AccountId, day: date, wanted: Sequence[Adjusted], *, at: datetime
) -> int:
    """Let *wanted* be all that is added to *day*; tells how many rows that took.

    The same again takes none. What is not wanted any more is followed by a row that says 0.
    """
    number = account_key(session, account)
    known = {_key(each): each for each in _read_newest(session, account, first=day, last=day)}
    asked = {_key(each): each for each in wanted}
    over = [_nothing(each) for key, each in known.items() if key not in asked]
    rows = [
        _values(number, each, at)
        for each in (*asked.values(), *over)
        if _matters(each, known.get(_key(each)))
    ]
    insert_new(session, ADJUSTMENT, rows)
    return len(rows)


def read_adjustments(
    session: Session, account: AccountId, *, first: date, last: date
) -> tuple[Adjusted, ...]:
    """Read what is in force for the days *first* to *last*, both included, by day and name."""
    found = _read_newest(session, account, first=first, last=last)
    return tuple(each for each in found if not _says_nothing(each))


def _read_newest(
    session: Session, account: AccountId, *, first: date, last: date
) -> tuple[Adjusted, ...]:
    key = (ADJUSTMENT.c.day, ADJUSTMENT.c.deployment_id, ADJUSTMENT.c.accelerator_type)
    newest = (
        select(func.max(ADJUSTMENT.c.id).label("id"))
        .where(*_range(ADJUSTMENT, account, first, last))
        .group_by(*key)
        .subquery()
    )
    statement = select(ADJUSTMENT).join(newest, newest.c.id == ADJUSTMENT.c.id).order_by(*key)
    return tuple(map(_adjusted_of, run(session, statement).mappings()))


def _key(adjusted: Adjusted) -> tuple[str, str]:
    return (adjusted.deployment_id, adjusted.accelerator_type)


def _says_nothing(adjusted: Adjusted) -> bool:
    return adjusted.state is RowState.EQUAL and adjusted.adjustment.is_nothing


def _nothing(adjusted: Adjusted) -> Adjusted:
    return replace(
        adjusted,
        state=RowState.EQUAL,
        cause=Cause.NONE,
        adjustment=Adjustment(),
        accepted_by="",
    )


def _matters(wanted: Adjusted, known: Adjusted | None) -> bool:
    """Tell whether *wanted* says anything that is not known; by which answer is no such thing."""
    if known is None:
        return not _says_nothing(wanted)
    return wanted != replace(known, revision=wanted.revision)


def _values(account: int, adjusted: Adjusted, at: datetime) -> Values:
    change = adjusted.adjustment
    money = change.money
    return {
        **_of_day(account, adjusted.day),
        "timezone": adjusted.timezone,
        "deployment_id": storable(adjusted.deployment_id),
        "accelerator_type": storable(adjusted.accelerator_type),
        "base_model": storable(adjusted.base_model),
        "revision": adjusted.revision,
        "state": adjusted.state.value,
        "cause": adjusted.cause.value,
        "gpu_ms": change.gpu_ms,
        "low_ms": change.low_ms,
        "high_ms": change.high_ms,
        "micro_usd": money.micro_usd if money else None,
        "low_micro_usd": money.low_micro_usd if money else None,
        "high_micro_usd": money.high_micro_usd if money else None,
        "accepted_by": storable(adjusted.accepted_by),
        "recorded_at": to_ms(at),
    }


def _adjusted_of(row: RowMapping) -> Adjusted:
    money = None
    if row["micro_usd"] is not None:
        money = Money(
            micro_usd=row["micro_usd"],
            low_micro_usd=row["low_micro_usd"],
            high_micro_usd=row["high_micro_usd"],
        )
    return Adjusted(
        day=from_day(row["day"]),
        timezone=row["timezone"],
        deployment_id=DeploymentId(row["deployment_id"]),
        accelerator_type=row["accelerator_type"],
        base_model=row["base_model"],
        revision=row["revision"],
        state=RowState(row["state"]),
        cause=Cause(row["cause"]),
        adjustment=Adjustment(
            gpu_ms=row["gpu_ms"], low_ms=row["low_ms"], high_ms=row["high_ms"], money=money
        ),
        accepted_by=row["accepted_by"],
    )


def _of_day(account: int, day: date) -> Values:
    return {"account_id": account, "day": to_day(day)}


def _range(
    rows: Table, account: AccountId, first: date, last: date
) -> tuple[ColumnElement[bool], ...]:
    number: Any = select(ACCOUNT.c.id).where(ACCOUNT.c.name == account).scalar_subquery()
    return (
        rows.c.account_id == number,
        rows.c.day >= to_day(first),
        rows.c.day <= to_day(last),
    )


_AGAIN: Final = (
    update(ANSWER)
    .where(
        ANSWER.c.account_id == bindparam("number"),
        ANSWER.c.day == bindparam("its_day"),
        ANSWER.c.revision == bindparam("its_revision"),
    )
    .values(last_at=bindparam("its_last"))
)
