"""What people accepted of the bill, and the dollars it names: both only grow."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import func, select

from firewarden.metering.implied import PriceCheck
from firewarden.model.ids import AccountId
from firewarden.model.trueup import BilledMoney
from firewarden.store.instants import from_day, from_ms, to_day, to_ms
from firewarden.store.names import account_key, insert_new, run
from firewarden.store.rows import storable
from firewarden.store.session import Session
from firewarden.store.tables import AcceptanceRow, AccountRow, BilledMoneyRow, table

ACCEPTANCE: Final = table(AcceptanceRow)
ACCOUNT: Final = table(AccountRow)
MONEY: Final = table(BilledMoneyRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """A person took the bill of *day*, as its *revision* has it, for what it says."""

    day: date
    revision: int
    actor: str
    reason: str
    accepted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """The prices of a day UTC, as found when its *revision* of the bill had settled."""

    revision: int
    prices: tuple[PriceCheck, ...]


def record_acceptance(session: Session, account: AccountId, acceptance: Acceptance) -> None:
    """Append *acceptance*."""
    values = {
        "account_id": account_key(session, account),
        "day": to_day(acceptance.day),
        "revision": acceptance.revision,
        "actor": storable(acceptance.actor),
        "reason": storable(acceptance.reason),
        "accepted_at": to_ms(acceptance.accepted_at),
    }
    insert_new(session, ACCEPTANCE, [values])


def read_acceptances(
    session: Session, account: AccountId, *, first: date, last: date
) -> Mapping[date, Acceptance]:
    """Read the newest acceptance of each of the days *first* to *last*."""
    statement = (
        select(ACCEPTANCE)
        .join(ACCOUNT, ACCOUNT.c.id == ACCEPTANCE.c.account_id)
        .where(
            ACCOUNT.c.name == account,
            ACCEPTANCE.c.day >= to_day(first),
            ACCEPTANCE.c.day <= to_day(last),
        )
        .order_by(ACCEPTANCE.c.id)
    )
    return {
        from_day(row["day"]): Acceptance(
            day=from_day(row["day"]),
            revision=row["revision"],
            actor=row["actor"],
            reason=row["reason"],
            accepted_at=from_ms(row["accepted_at"]),
        )
        for row in run(session, statement).mappings()
    }


def record_billed_money(
    session: Session,
    account: AccountId,
    day: date,
    billed: Sequence[BilledMoney],
    *,
    revision: int,
    own: Mapping[str, int | None],
) -> None:
    """Append what the dollars of *day* are, beside our *own* micro-USD per GPU-hour.

    A day without any gets a row without an accelerator: it was asked for.
    """
    number = account_key(session, account)
    rows = billed or [BilledMoney(accelerator_type="", gpu_ms=0, micro_usd=0)]
    insert_new(
        session,
        MONEY,
        [
            {
                "account_id": number,
                "day": to_day(day),
                "revision": revision,
                "accelerator_type": storable(each.accelerator_type),
                "gpu_ms": each.gpu_ms,
                "micro_usd": each.micro_usd,
                "own_micro_usd": own.get(each.accelerator_type),
            }
            for each in rows
        ],
    )


def read_prices_checked(
    session: Session, account: AccountId, *, first: date, last: date
) -> Mapping[date, Checked]:
    """Read how the prices of the days *first* to *last* compared, the newest of each."""
    in_range = (
        ACCOUNT.c.name == account,
        MONEY.c.day >= to_day(first),
        MONEY.c.day <= to_day(last),
    )
    newest = (
        select(MONEY.c.account_id, MONEY.c.day, func.max(MONEY.c.revision).label("revision"))
        .join(ACCOUNT, ACCOUNT.c.id == MONEY.c.account_id)
        .where(*in_range)
        .group_by(MONEY.c.account_id, MONEY.c.day)
        .subquery()
    )
    statement = (
        select(MONEY)
        .join(
            newest,
            (newest.c.account_id == MONEY.c.account_id)
            & (newest.c.day == MONEY.c.day)
            & (newest.c.revision == MONEY.c.revision),
        )
        .order_by(MONEY.c.day, MONEY.c.accelerator_type)
    )
    prices: defaultdict[date, list[PriceCheck]] = defaultdict(list)
    revisions: dict[date, int] = {}
    for row in run(session, statement).mappings():
        day = from_day(row["day"])
        revisions[day] = row["revision"]
        if row["accelerator_type"]:
            billed = BilledMoney(
                accelerator_type=row["accelerator_type"],
                gpu_ms=row["gpu_ms"],
                micro_usd=row["micro_usd"],
            )
            prices[day].append(PriceCheck.of(billed, own_micro_usd=row["own_micro_usd"]))
    return {
        day: Checked(revision=revision, prices=tuple(prices[day]))
        for day, revision in revisions.items()
    }
