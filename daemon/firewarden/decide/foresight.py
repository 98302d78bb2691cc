"""Money before it is a surprise: days out of the ordinary, and the provider's own limit."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from firewarden.metering.anomaly import Compared, Usual
from firewarden.metering.cliff import Cliff
from firewarden.model.ids import AccountId
from firewarden.model.notice import Notice
from firewarden.model.vocabulary import Severity

ANOMALY: Final = "cost.anomaly"
PAUSE: Final = "provider.pause_forecast"

WORTH_TELLING_USD: Final = Decimal(50)
"""Above the usual: what is odd by less takes more attention than it is worth."""

PAGED_WITHIN: Final = timedelta(hours=72)
"""A pause of everything that is nearer than this is a page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mover:
    """One deployment and what it cost in the hours that are out of the ordinary."""

    name: str
    usd: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthlyLimit:
    """What the provider lets an account spend in a month, how much of it is, and the month."""

    limit: Decimal
    spent: Decimal
    month: str


def is_worth_telling(odd: Compared) -> bool:
    """Is what is out of the ordinary so much that people should hear of it?"""
    return bool(
        odd.is_anomaly and odd.usual and odd.usd - odd.usual.median_usd >= WORTH_TELLING_USD
    )


def anomaly(
    account: AccountId,
    scope: str,
    odd: Compared,
    movers: Iterable[Mover],
    *,
    zone: ZoneInfo,
    at: datetime,
) -> Notice:
    """Say that *scope* ("": the account) costs more than it uses to, once a local day.

    *odd* is known to be above the threshold; *movers* are the dearest deployments of its
    hours, the dearest first.
    """
    usual = odd.usual
    assert usual is not None
    day = (odd.until - timedelta(hours=1)).astimezone(zone).date()
    whose = scope or account
    since, until = (edge.astimezone(zone) for edge in (odd.since, odd.until))
    named = ", ".join(f"{each.name} {each.usd:,.2f} USD" for each in movers)
    return Notice(
        account=account,
        kind=ANOMALY,
        key=f"{ANOMALY}:{account}:{scope}:{day.isoformat()}",
        severity=Severity.WARN,
        at=at,
        text=(
            f"{whose}: {odd.usd:,.2f} USD from {since:%d %b %H:%M} to {until:%H:%M %Z}, "
            f"{_against(odd.usd, usual)}; most of it: {named or 'unknown'}; see `firewarden"
            f" report --from {odd.since:%Y-%m-%dT%H:%MZ} --to {odd.until:%Y-%m-%dT%H:%MZ}`"
        ),
        facts={
            **({"team": scope} if scope else {}),
            "day": day.isoformat(),
            "since": odd.since.isoformat(),
            "until": odd.until.isoformat(),
            "usd": f"{odd.usd:.2f}",
            "usual_usd": f"{usual.median_usd:.2f}",
            "threshold_usd": f"{usual.threshold_usd:.2f}",
            "weeks": str(usual.weeks),
        },
        once=True,
    )


def _against(usd: Decimal, usual: Usual) -> str:
    times = f"{usd / usual.median_usd:.1f} times " if usual.median_usd else "against "
    return (
        f"{times}the usual {usual.median_usd:,.2f} of the same hours (median of {usual.weeks} "
        f"weeks; told above {usual.threshold_usd:,.2f})"
    )


def pause(
    account: AccountId,
    cliff: Cliff,
    limit: MonthlyLimit,
    firing: Mapping[str, Notice],
    *,
    at: datetime,
) -> Iterator[Notice]:
    """Say when the provider will pause every request, at this pace; a page from 72 hours on.

    At 100 % of the monthly limit all requests pause (Fireworks docs: account-quotas).
    """
    key = f"{PAUSE}:{account}:{limit.month}"
    if cliff.at is None:
        if key in firing:
            yield firing[key].ended("the limit is not expected to be reached this month", at=at)
        return
    between = ""
    if cliff.earliest is not None and cliff.earliest < cliff.at:
        latest = f"{cliff.latest:%d %b %H:%M}" if cliff.latest else "after the month"
        between = f" ({cliff.earliest:%d %b %H:%M} .. {latest})"
    more = "" if cliff.is_priced else "; some usage has no known price: it may be sooner"
    yield Notice(
        account=account,
        kind=PAUSE,
        key=key,
        severity=Severity.PAGE if cliff.at - at <= PAGED_WITHIN else Severity.WARN,
        at=at,
        text=(
            f"{account}: at this pace Fireworks pauses every request on {cliff.at:%d %b ~%H:%M} UTC"
            f"{between}: {limit.spent:,.2f} of {limit.limit:,.2f} USD of the monthly limit are "
            f"used{more}; "
            "raise the limit (quota monthly-spend-usd), or stop something: `firewarden plan`"
        ),
        facts={
            "pauses_at": cliff.at.isoformat(),
            "earliest_at": cliff.earliest.isoformat() if cliff.earliest else "",
            "spent": f"{limit.spent:.2f}",
            "limit": f"{limit.limit:.2f}",
        },
    )


def passed(firing: Mapping[str, Notice], *, month: str, at: datetime) -> Iterator[Notice]:
    """Say of alerts of earlier months that their month is over."""
    for key, notice in firing.items():
        if notice.kind == PAUSE and not key.endswith(f":{month}"):
            yield notice.ended("a new month has begun", at=at)
