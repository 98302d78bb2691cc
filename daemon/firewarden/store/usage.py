"""Usage by the hour: made again where something changed, never added to.

Days UTC are kept as the sums of their hours, so that a month costs 31 rows a line, not 744.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    bindparam,
    cast,
    delete,
    func,
    insert,
    literal,
    select,
)

from firewarden.model.ids import AccountId, Uid
from firewarden.model.usage import Usage
from firewarden.store.codes import to_price
from firewarden.store.instants import HOURS_PER_DAY, from_hour, to_hour, to_hour_after
from firewarden.store.names import Values, chunks, deployment_keys, insert_new, run
from firewarden.store.session import Session
from firewarden.store.tables import (
    SUMS,
    AccountRow,
    DeploymentRow,
    DirtyRow,
    UsageDayRow,
    UsageHourRow,
    UsageLineRow,
    table,
)

ACCOUNT: Final = table(AccountRow)
DEPLOYMENT: Final = table(DeploymentRow)
DIRTY: Final = table(DirtyRow)
HOUR: Final = table(UsageHourRow)
DAY: Final = table(UsageDayRow)
LINE: Final = table(UsageLineRow)
BASE: Final = 2**32
"""A variance is stored as high × BASE + low; sums of either part fit into 64 bits."""

Bucket = tuple[datetime, Uid]


class Line(NamedTuple):
    """What usage is counted by, as stored."""

    deployment_id: int
    accelerator_type: str
    micro_usd: int


def take_dirty(
    session: Session, account: AccountId, *, before: datetime, limit: int
) -> tuple[Bucket, ...]:
    """Read at most *limit* marked hours that start before *before*, the oldest first.

    Take them, read the segments and `replace_usages` in one writing transaction: then no
    change made meanwhile can lose its mark.
    """
    given = {"name": account, "before": to_hour_after(before), "most": limit}
    marks = run(session, _MARKED, given).mappings()
    return tuple((from_hour(mark["hour"]), Uid(mark["uid"])) for mark in marks)


def replace_usage(session: Session, hour: datetime, uid: Uid, usages: Sequence[Usage]) -> None:
    """Let *usages* be all that *uid* used in the *hour*, and take its mark away."""
    replace_usages(session, {(hour, uid): usages})


def replace_usages(session: Session, buckets: Mapping[Bucket, Sequence[Usage]]) -> None:
    """Let the usages of each (start of an hour, uid) be all of it, and take its mark away.

    Raises:
        StoreError: a deployment was never met.
    """
    if not buckets:
        return
    keys = deployment_keys(session, (uid for _, uid in buckets))
    numbers = _line_numbers(session, _lines(buckets, keys))
    hours: dict[int, set[int]] = defaultdict(set)
    values: list[Values] = []
    for (at, uid), usages in buckets.items():
        hour, deployment = to_hour(at), keys[uid]
        hours[hour].add(deployment)
        values += [
            {"hour": hour, "line_id": numbers[_line(deployment, usage)], **_sums(usage)}
            for usage in usages
        ]
    for hour, deployments in hours.items():
        for some in chunks(sorted(deployments)):
            run(session, delete(HOUR).where(HOUR.c.hour == hour, HOUR.c.line_id.in_(_of(some))))
    if values:
        run(session, insert(HOUR), values)
    _replace_days(session, hours)
    _take_away(session, hours)


def _lines(buckets: Mapping[Bucket, Sequence[Usage]], keys: Mapping[Uid, int]) -> set[Line]:
    lines = set()
    for (_, uid), usages in buckets.items():
        for usage in usages:
            if usage.uid != uid:
                raise ValueError(f"usage of {usage.uid} among that of {uid}")
            lines.add(_line(keys[uid], usage))
    return lines


def _line(deployment: int, usage: Usage) -> Line:
    return Line(deployment, usage.accelerator_type, to_price(usage.micro_usd_per_gpu_hour))


def _line_numbers(session: Session, lines: Collection[Line]) -> dict[Line, int]:
    deployments = {line.deployment_id for line in lines}
    numbers = _read_numbers(session, deployments)
    if missing := [line for line in lines if line not in numbers]:
        insert_new(session, LINE, [line._asdict() for line in sorted(missing)])
        numbers = _read_numbers(session, deployments)
    return numbers


def _read_numbers(session: Session, deployments: Iterable[int]) -> dict[Line, int]:
    found: dict[Line, int] = {}
    for some in chunks(sorted(deployments)):
        statement = select(LINE).where(LINE.c.deployment_id.in_(some))
        for row in run(session, statement).mappings():
            line = Line(row["deployment_id"], row["accelerator_type"], row["micro_usd"])
            found[line] = row["id"]
    return found


def _sums(usage: Usage) -> Values:
    if not usage.low_ms <= usage.gpu_ms <= usage.high_ms or usage.variance < 0:
        raise ValueError(f"bounds do not hold what they bound: {usage}")
    return {
        "gpu_ms": usage.gpu_ms,
        "below_ms": usage.gpu_ms - usage.low_ms,
        "above_ms": usage.high_ms - usage.gpu_ms,
        "variance_high": usage.variance // BASE,
        "variance_low": usage.variance % BASE,
        "idle_ms": usage.idle_ms,
        "unknown_ms": usage.unknown_ms,
        "gap_ms": usage.gap_ms,
        "starting_ms": usage.starting_ms,
    }


def _of(deployments: Sequence[int]) -> Select[tuple[int]]:
    return select(LINE.c.id).where(LINE.c.deployment_id.in_(deployments))


def _replace_days(session: Session, hours: Mapping[int, set[int]]) -> None:
    days: dict[int, set[int]] = defaultdict(set)
    for hour, deployments in hours.items():
        days[hour // HOURS_PER_DAY] |= deployments
    for day, deployments in days.items():
        for some in chunks(sorted(deployments)):
            run(session, delete(DAY).where(DAY.c.day == day, DAY.c.line_id.in_(_of(some))))
            run(session, insert(DAY).from_select(["day", "line_id", *SUMS], _day(day, some)))


def _day(day: int, deployments: Sequence[int]) -> Select[Any]:
    """Sum the hours of a *day*; each hour is named, which lets the database seek them."""
    first = day * HOURS_PER_DAY
    sums: dict[str, ColumnElement[int]] = {
        name: cast(func.sum(HOUR.c[name]), BigInteger) for name in SUMS
    }
    low = sums["variance_low"]
    sums["variance_high"] += low // BASE
    sums["variance_low"] = low % BASE
    return (
        select(literal(day), HOUR.c.line_id, *sums.values())
        .where(
            HOUR.c.hour.in_(range(first, first + HOURS_PER_DAY)),
            HOUR.c.line_id.in_(_of(deployments)),
        )
        .group_by(HOUR.c.line_id)
    )


def _take_away(session: Session, hours: Mapping[int, set[int]]) -> None:
    mark = delete(DIRTY).where(
        DIRTY.c.hour == bindparam("at_hour"), DIRTY.c.deployment_id == bindparam("of_deployment")
    )
    marks = [
        {"at_hour": hour, "of_deployment": deployment}
        for hour, deployments in hours.items()
        for deployment in sorted(deployments)
    ]
    run(session, mark, marks)


_MARKED: Final = (
    select(DIRTY.c.hour, DEPLOYMENT.c.uid)
    .join(DEPLOYMENT, DEPLOYMENT.c.id == DIRTY.c.deployment_id)
    .join(ACCOUNT, ACCOUNT.c.id == DEPLOYMENT.c.account_id)
    .where(ACCOUNT.c.name == bindparam("name"), DIRTY.c.hour < bindparam("before"))
    .order_by(DIRTY.c.hour, DIRTY.c.deployment_id)
    .limit(bindparam("most"))
    .with_for_update(of=DIRTY)
)
"""Put together once: every roll-up asks for it."""
