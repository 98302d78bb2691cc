"""Prices with the time they hold, and when each of them was learnt."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import RowMapping, or_, select, update

from firewarden.model.ids import AccountId
from firewarden.model.price import Price, PriceSource
from firewarden.store.instants import maybe_from_ms, maybe_ms, to_ms
from firewarden.store.names import account_key, insert_new, run
from firewarden.store.rows import Values
from firewarden.store.session import Session
from firewarden.store.tables import AccountRow, PriceRow, table

ACCOUNT: Final = table(AccountRow)
PRICE: Final = table(PriceRow)
Selector = tuple[str, str, str, str, int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceChange:
    """A price that was learnt, replaced or withdrawn; None: there was none, or is none."""

    before: Price | None
    after: Price | None


def record_prices(
    session: Session,
    account: AccountId,
    prices: Sequence[Price],
    *,
    sources: Collection[PriceSource],
    at: datetime,
) -> tuple[PriceChange, ...]:
    """Let *prices* be all that *sources* say from *at* on; tells what changed.

    What was known before stays readable as of then. The same prices again change nothing.
    """
    number = account_key(session, account)
    instant = to_ms(at)
    current = {_selector(price): (key, price) for key, price in _read(session, number, sources)}
    wanted = {_selector(price): price for price in prices}
    changes: list[PriceChange] = []
    for selector in [*wanted, *(one for one in current if one not in wanted)]:
        key, before = current.get(selector, (None, None))
        after = wanted.get(selector)
        if before == after:
            continue
        changes.append(PriceChange(before=before, after=after))
        if key is not None:
            superseded = update(PRICE).where(PRICE.c.id == key).values(superseded_at=instant)
            run(session, superseded)
        if after is not None:
            insert_new(session, PRICE, [_values(number, after, instant)])
    return tuple(changes)


def read_prices(
    session: Session, account: AccountId, *, as_of: datetime | None = None
) -> tuple[Price, ...]:
    """Read all prices as they are known, or were known at *as_of*."""
    statement = (
        select(PRICE)
        .join(ACCOUNT, ACCOUNT.c.id == PRICE.c.account_id)
        .where(ACCOUNT.c.name == account)
        .order_by(PRICE.c.id)
    )
    if as_of is None:
        statement = statement.where(PRICE.c.superseded_at.is_(None))
    else:
        instant = to_ms(as_of)
        statement = statement.where(
            PRICE.c.recorded_at <= instant,
            or_(PRICE.c.superseded_at.is_(None), PRICE.c.superseded_at > instant),
        )
    return tuple(_price_of(row) for row in run(session, statement).mappings())


def _read(
    session: Session, account: int, sources: Collection[PriceSource]
) -> list[tuple[int, Price]]:
    statement = select(PRICE).where(
        PRICE.c.account_id == account,
        PRICE.c.superseded_at.is_(None),
        PRICE.c.source.in_([source.value for source in sources]),
    )
    return [(row["id"], _price_of(row)) for row in run(session, statement).mappings()]


def _selector(price: Price) -> Selector:
    return (
        price.source,
        price.accelerator_type,
        price.plan,
        price.placement,
        maybe_ms(price.valid_from),
    )


def _values(account: int, price: Price, recorded_at: int) -> Values:
    return {
        "account_id": account,
        "source": price.source.value,
        "accelerator_type": price.accelerator_type,
        "plan": price.plan,
        "placement": price.placement,
        "micro_usd": price.micro_usd_per_gpu_hour,
        "valid_from": maybe_ms(price.valid_from),
        "valid_to": maybe_ms(price.valid_to),
        "recorded_at": recorded_at,
    }


def _price_of(row: RowMapping) -> Price:
    return Price(
        accelerator_type=row["accelerator_type"],
        micro_usd_per_gpu_hour=row["micro_usd"],
        source=PriceSource(row["source"]),
        valid_from=maybe_from_ms(row["valid_from"]),
        valid_to=maybe_from_ms(row["valid_to"]),
        plan=row["plan"],
        placement=row["placement"],
    )
