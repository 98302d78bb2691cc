"""How each of the last 35 days compares with its bill, from the ledger alone."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

from firewarden.app.queries import Ledger
from firewarden.app.trueup import open_books, window
from firewarden.metering.billed import SECOND_MS, Day
from firewarden.metering.implied import PriceCheck, calibrate
from firewarden.model.price import MICRO
from firewarden.model.trueup import DayState, RowState
from firewarden.report.trueup import BACKFILLED, ComparedDay, ComparedGpu, ComparedRow, Trueup
from firewarden.store.accepted import (
    Acceptance,
    Checked,
    read_acceptances,
    read_prices_checked,
)
from firewarden.store.trueup import Adjusted, Verdict, read_adjustments, read_verdicts

_DAY = timedelta(days=1)


def read_trueup(ledger: Ledger) -> Trueup:
    """Read both sides of every day that has ended and whose bill is read, the oldest first."""
    books = open_books(ledger)
    first, today = window(ledger.now, books.zone)
    last = today - _DAY
    session, account = ledger.session, ledger.account
    verdicts = read_verdicts(session, account, first=first, last=last)
    accepted = read_acceptances(session, account, first=first, last=last)
    adjusted: defaultdict[date, list[Adjusted]] = defaultdict(list)
    for each in read_adjustments(session, account, first=first, last=last):
        adjusted[each.day].append(each)
    days, settled = [], []
    for offset in range((today - first).days):
        day = first + offset * _DAY
        both = books.day(day)
        if not (both.billed or both.metered):
            continue
        verdict = verdicts.get(day)
        days.append(_compared(day, both, verdict, adjusted[day], accepted.get(day)))
        if verdict is not None and not both.is_unwatched and not both.is_partly_watched:
            settled.append(both)
    checked = read_prices_checked(session, account, first=first, last=last)
    return Trueup(
        account=account,
        timezone=ledger.timezone,
        days=tuple(days),
        gpus=_gpus(settled, checked),
    )


def _compared(
    day: date,
    both: Day,
    verdict: Verdict | None,
    adjusted: Sequence[Adjusted],
    acceptance: Acceptance | None,
) -> ComparedDay:
    state = verdict.state if verdict else DayState.OPEN
    revision = both.answer.revision if both.answer else 0
    rows = [
        ComparedRow(
            deployment_id=each.deployment_id,
            accelerator_type=each.accelerator_type,
            state=each.state,
            cause=each.cause.value,
            metered_ms=_metered_ms(both, (each.deployment_id, each.accelerator_type)),
            billed_ms=_billed_ms(both, (each.deployment_id, each.accelerator_type)),
            adjusted_ms=each.adjustment.gpu_ms,
        )
        for each in adjusted
        if each.state is not RowState.EQUAL
    ]
    took = acceptance if any(each.accepted_by for each in adjusted) else None
    return ComparedDay(
        day=day,
        state=BACKFILLED if both.is_unwatched else state.value,
        revised=verdict is not None and verdict.revision != revision,
        metered_ms=sum(row.totals.gpu_ms for row in both.metered.values()),
        billed_ms=sum(row.seconds for row in both.billed.values()) * SECOND_MS,
        adjusted_ms=sum(each.adjustment.gpu_ms for each in adjusted),
        adjustment_usd=_usd(adjusted),
        causes=tuple(sorted({row.cause for row in rows if row.cause})),
        accepted_by=took.actor if took else "",
        accepted_reason=took.reason if took else "",
        rows=tuple(rows),
    )


def _metered_ms(both: Day, key: tuple[str, str]) -> int:
    return both.metered[key].totals.gpu_ms if key in both.metered else 0


def _billed_ms(both: Day, key: tuple[str, str]) -> int:
    return both.billed[key].seconds * SECOND_MS if key in both.billed else 0


def _usd(adjusted: Iterable[Adjusted]) -> Decimal | None:
    amounts = [each.adjustment.money for each in adjusted if each.adjustment.gpu_ms]
    priced = [money.micro_usd for money in amounts if money is not None]
    return None if amounts and not priced else Decimal(sum(priced)) / MICRO


def _gpus(days: Iterable[Day], checked: Mapping[date, Checked]) -> tuple[ComparedGpu, ...]:
    rows = [
        (accelerator, _metered_ms(day, (name, accelerator)), _billed_ms(day, (name, accelerator)))
        for day in days
        for name, accelerator in {*day.billed, *day.metered}
    ]
    ratios = calibrate(rows)
    newest: dict[str, PriceCheck] = {}
    for _, each in sorted(checked.items()):
        newest |= {price.accelerator_type: price for price in each.prices}
    found = []
    for accelerator in sorted({*ratios, *newest}):
        price = newest.get(accelerator)
        found.append(
            ComparedGpu(
                accelerator_type=accelerator,
                calibration=ratios.get(accelerator),
                implied_usd=price.implied_usd if price else None,
                own_usd=price.own_usd if price else None,
                is_off=price is not None and price.is_off,
            )
        )
    return tuple(found)
