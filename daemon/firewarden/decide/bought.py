"""What was bought ahead: when it ends, what of it lies idle, and a minimum that will be missed."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from firewarden.metering.forecast import Forecast
from firewarden.model.commitment import Commitment
from firewarden.model.ids import AccountId
from firewarden.model.notice import Notice
from firewarden.model.price import MICRO, MS_PER_HOUR
from firewarden.model.vocabulary import CommitmentKind, Severity

ENDING: Final = "commitment.ending"
UNUSED: Final = "commitment.unused"
UNDERSHOOT: Final = "commitment.undershoot"

ENDS_WITHIN: Final = (timedelta(days=7), timedelta(days=30))
"""How far ahead the end of a commitment is told, the nearest first."""

UNUSED_SHARE: Final = Decimal("0.1")
USED_AGAIN_SHARE: Final = Decimal("0.05")
"""Of what is reserved: from which share on it is told, and below which it is over."""

MISSED_SHARE: Final = Decimal("0.95")
"""A minimum that is expected to be reached to this share is no news: it is an estimate."""

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserved:
    """GPUs of one kind that were reserved over a stretch, and how much of that was used."""

    accelerator_type: str
    since: datetime
    until: datetime
    reserved_ms: int
    used_ms: int
    micro_usd_per_gpu_hour: int | None

    @property
    def unused_ms(self) -> int:
        """What was paid for and not used, at least."""
        return max(0, self.reserved_ms - self.used_ms)


def endings(
    account: AccountId, commitments: Iterable[Commitment], *, zone: ZoneInfo, at: datetime
) -> Iterator[Notice]:
    """Say 30 and 7 days ahead that a commitment ends, each once."""
    for each in commitments:
        left = each.until - at
        near = next((span for span in ENDS_WITHIN if timedelta(0) < left <= span), None)
        if near is None or not (each.since is None or each.since <= at):
            continue
        day = each.until.astimezone(zone).date()
        yield Notice(
            account=account,
            kind=ENDING,
            key=f"{ENDING}:{account}:{_named(each)}:{day.isoformat()}:{near.days}d",
            severity=Severity.WARN,
            at=at,
            text=(
                f"{account}: {_named(each)} ends on {day:%d %b %Y}, in {_days(left)}: "
                f"{_afterwards(each)}; renew it, or take it out of `commitments`"
            ),
            facts={"commitment": _named(each), "ends_at": each.until.isoformat()},
            once=True,
        )


def _afterwards(commitment: Commitment) -> str:
    match commitment.kind:
        case CommitmentKind.CAPACITY:
            return "what it covers is paid for on demand from then on"
        case CommitmentKind.SPEND:
            return "what is not spent by then is paid all the same"
        case CommitmentKind.CREDIT:
            return "what is left of it is lost then"


def unused(
    account: AccountId,
    reserved: Iterable[Reserved],
    firing: Mapping[str, Notice],
    *,
    at: datetime,
) -> Iterator[Notice]:
    """Say that a part of what is reserved lies idle, and that it does no more.

    *firing*: the alerts of this kind that stand, by key. One whose reservation is gone is over.
    """
    seen = set()
    for each in reserved:
        key = f"{UNUSED}:{account}:{each.accelerator_type}"
        seen.add(key)
        share = Decimal(each.unused_ms) / each.reserved_ms if each.reserved_ms else Decimal(0)
        if share >= UNUSED_SHARE:
            yield _unused(account, key, each, share, at)
        elif key in firing and share < USED_AGAIN_SHARE:
            yield firing[key].ended("it is used again", at=at)
    for key in firing.keys() - seen:
        yield firing[key].ended("nothing of it is reserved any more", at=at)


def _unused(account: AccountId, key: str, each: Reserved, share: Decimal, at: datetime) -> Notice:
    hours = Decimal(each.unused_ms) / MS_PER_HOUR
    lasted = each.until - each.since
    gpus = hours / Decimal(lasted / timedelta(hours=1))
    whole = Decimal(each.reserved_ms) / MS_PER_HOUR / Decimal(lasted / timedelta(hours=1))
    price = each.micro_usd_per_gpu_hour
    paid = f", {hours * price / MICRO:,.2f} USD paid for nothing" if price is not None else ""
    return Notice(
        account=account,
        kind=UNUSED,
        key=key,
        severity=Severity.WARN,
        at=at,
        text=(
            f"{account}: at least {gpus:.1f} of {whole:.1f} reserved {each.accelerator_type} were "
            f"not used in the last {_days(lasted)} ({share:.0%}, {hours:,.1f} GPU-h{paid}): "
            f"using them costs nothing more; see `firewarden report --group-by accelerator,day`"
        ),
        facts={
            "accelerator_type": each.accelerator_type,
            "unused_gpu_hours": f"{hours:.1f}",
            "share": f"{share:.3f}",
            "since": each.since.isoformat(),
            "until": each.until.isoformat(),
        },
    )


def undershoot(
    account: AccountId,
    commitment: Commitment,
    forecast: Forecast,
    firing: Mapping[str, Notice],
    *,
    at: datetime,
) -> Iterator[Notice]:
    """Say that a minimum spend will most likely not be reached, and that it will after all."""
    key = f"{UNDERSHOOT}:{account}:{_named(commitment)}"
    _, most = forecast.usd_interval
    if most < commitment.usd * MISSED_SHARE:
        yield Notice(
            account=account,
            kind=UNDERSHOOT,
            key=key,
            severity=Severity.WARN,
            at=at,
            text=(
                f"{account}: of {_named(commitment)}, {forecast.spent_usd:,.2f} USD are spent and "
                f"at most {most:,.2f} expected by {commitment.until:%d %b %Y}: until it is passed "
                f"nothing that is stopped saves cash, and {commitment.usd - most:,.2f} USD or "
                "more are paid for nothing"
            ),
            facts={
                "commitment": _named(commitment),
                "spent": f"{forecast.spent_usd:.2f}",
                "expected": f"{forecast.usd:.2f}",
                "expected_high": f"{most:.2f}",
            },
        )
    elif key in firing and forecast.usd >= commitment.usd:
        yield firing[key].ended("it is expected to be reached", at=at)


def _named(commitment: Commitment) -> str:
    match commitment.kind:
        case CommitmentKind.CAPACITY:
            where = f" in {commitment.placement}" if commitment.placement else ""
            return f"the reservation of {commitment.gpus} {commitment.accelerator_type}{where}"
        case CommitmentKind.SPEND:
            return f"the minimum spend of {commitment.usd:,.2f} USD"
        case CommitmentKind.CREDIT:
            return f"the credit of {commitment.usd:,.2f} USD"


def _days(span: timedelta) -> str:
    days = -(-span // _DAY)
    return "1 day" if days == 1 else f"{days} days"
