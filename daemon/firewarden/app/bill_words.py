"""What people hear of a day's bill: what differs, by how much, why most likely, what to do."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from firewarden.metering.implied import PriceCheck
from firewarden.metering.trueup import Judged, Row
from firewarden.model.ids import AccountId
from firewarden.model.notice import Notice
from firewarden.model.price import MICRO, MS_PER_HOUR
from firewarden.model.trueup import Cause, RowState
from firewarden.model.vocabulary import Severity

DISPUTED: Final = "bill.disputed"
UNATTRIBUTED: Final = "bill.unattributed"
ADJUSTED: Final = "bill.adjusted"
PRICE: Final = "bill.price"
OF_A_DAY: Final = (DISPUTED, UNATTRIBUTED)
"""What holds until the bill of its day says otherwise."""

_NAMED = 3
_WHY: Final[Mapping[Cause, str]] = {
    Cause.GAP: "likely because nobody watched for a part of the day",
    Cause.RESERVATION: "likely a reservation or a credit that is invoiced apart",
    Cause.RULE: "likely another rule of counting, or what came and went between two looks",
}
_KIND_OF: Final[Mapping[RowState, str]] = {
    RowState.DISPUTED: DISPUTED,
    RowState.UNATTRIBUTED: UNATTRIBUTED,
    RowState.ADJUSTED: ADJUSTED,
}


def of_day(
    account: AccountId, day: date, judged: Judged, *, revision: int, at: datetime
) -> Iterator[Notice]:
    """Say what of *day* people should know, once for each cause; and what is over by now."""
    told = [row for row in judged.rows if row.is_told]
    firing = set()
    for kind, cause in sorted({(_KIND_OF[row.state], row.cause) for row in told}):
        rows = [row for row in told if (_KIND_OF[row.state], row.cause) == (kind, cause)]
        notice = _notice(account, kind, day, cause, rows, at)
        if kind == ADJUSTED:
            # It is dealt with, and each answer may tell of one: an event, over at once.
            yield replace(notice, key=f"{notice.key}:{revision}", once=True)
        else:
            firing.add(notice.key)
            yield notice
    for kind in OF_A_DAY:
        for cause in Cause:
            key = _key(account, kind, day, cause)
            if key not in firing:
                text = f"the bill of {day} no longer differs: {judged.state}"
                yield _over(account, kind, key, text, at)


def past(
    account: AccountId, firing: Iterable[Notice], *, first: date, at: datetime
) -> list[Notice]:
    """Say that a day's bill is read no more: what it was told for stays as it is."""
    return [
        _over(
            account,
            each.kind,
            each.key,
            f"the bill of {each.facts['day']} is read no more: the figures stay as they are",
            at,
        )
        for each in firing
        if each.kind in OF_A_DAY and each.facts.get("day", "9") < first.isoformat()
    ]


def of_prices(
    account: AccountId, day: date, prices: Collection[PriceCheck], *, at: datetime
) -> Iterator[Notice]:
    """Say which prices the dollars of *day* contradict, and which they do no more."""
    for each in prices:
        if each.implied_usd is None or each.own_usd is None:
            continue
        key = f"{PRICE}:{account}:{each.accelerator_type}"
        if not each.is_off:
            text = f"a GPU-hour of {each.accelerator_type} is billed as it is priced again"
            yield _over(account, PRICE, key, text, at)
            continue
        yield Notice(
            account=account,
            kind=PRICE,
            key=key,
            severity=Severity.WARN,
            at=at,
            text=(
                f"{account}: the bill of {day} comes to {each.implied_usd:.4f} USD per GPU-hour of"
                f" {each.accelerator_type}, our price is {each.own_usd:.4f}: costs since are off by"
                f" {_percent(each.implied_usd, each.own_usd)}; look for a new price, a contract or"
                f" a credit, and set `prices` in firewarden.toml"
            ),
            facts={
                "day": day.isoformat(),
                "cause": Cause.PRICE.value,
                "accelerator_type": each.accelerator_type,
                "implied_usd_per_gpu_hour": f"{each.implied_usd:f}",
                "own_usd_per_gpu_hour": f"{each.own_usd:f}",
            },
        )


def _notice(
    account: AccountId, kind: str, day: date, cause: Cause, rows: Sequence[Row], at: datetime
) -> Notice:
    billed = sum(row.billed_ms for row in rows)
    metered = sum(row.metered.gpu_ms for row in rows)
    usd = _usd(rows)
    money = "unpriced" if usd is None else f"{usd:+,.2f} USD"
    sides = (
        f"{_hours(billed)} GPU-h billed, {_hours(metered)} metered"
        f" ({_hours(billed - metered, sign='+')} GPU-h, {money})"
    )
    what, todo = _frame(kind, day)
    return Notice(
        account=account,
        kind=kind,
        key=_key(account, kind, day, cause),
        severity=Severity.INFO if kind == ADJUSTED else Severity.WARN,
        at=at,
        text=f"{account}: {day}, {_names(rows)}: {sides}; {_WHY.get(cause, cause)}; {what}: {todo}",
        facts={
            "day": day.isoformat(),
            "cause": cause.value,
            "deployments": ", ".join(sorted({row.name for row in rows})),
            "billed_gpu_seconds": str(billed // 1000),
            "metered_gpu_seconds": f"{Decimal(metered) / 1000:f}",
            "difference_usd": "unpriced" if usd is None else f"{usd:.2f}",
        },
    )


def _frame(kind: str, day: date) -> tuple[str, str]:
    """Say what was made of it, and what a person can do."""
    if kind == DISPUTED:
        accept = f"firewarden trueup accept {day.isoformat()} --reason TEXT"
        return (
            "our figure stands",
            f"compare it with the invoice, and take the bill's by `{accept}`",
        )
    if kind == UNATTRIBUTED:
        return "counted as billed", "look in the provider's audit log for who ran it"
    return "adjusted to the bill", "nothing to do; `firewarden trueup` shows it by day"


def _over(account: AccountId, kind: str, key: str, text: str, at: datetime) -> Notice:
    return Notice(
        account=account,
        kind=kind,
        key=key,
        severity=Severity.INFO,
        at=at,
        text=f"{account}: {text}",
        resolved=True,
    )


def _key(account: AccountId, kind: str, day: date, cause: Cause) -> str:
    return f"{kind}:{account}:{day.isoformat()}:{cause.value}"


def _names(rows: Sequence[Row]) -> str:
    dearest = sorted(rows, key=_size, reverse=True)
    names = list(dict.fromkeys(row.name for row in dearest))
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _size(row: Row) -> tuple[int, str]:
    return abs(row.difference_ms), row.name


def _usd(rows: Iterable[Row]) -> Decimal | None:
    """Add up what the differences cost by our prices; None where one of them has none."""
    amounts = [row.difference_micro_usd for row in rows]
    known = [each for each in amounts if each is not None]
    return Decimal(sum(known)) / MICRO if len(known) == len(amounts) else None


def _hours(gpu_ms: int, *, sign: str = "") -> str:
    return f"{Decimal(gpu_ms) / MS_PER_HOUR:{sign},.2f}"


def _percent(one: Decimal, other: Decimal) -> str:
    return f"{100 * (one - other) / other:+.1f} %" if other else "all of it"
