"""Where each budget stands, and who has to hear of it: once for a threshold and a window."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from firewarden.decide.budget import Standing
from firewarden.model.ids import AccountId
from firewarden.model.notice import Notice
from firewarden.policy.durations import format_duration
from firewarden.policy.money import Threshold

HYSTERESIS = Decimal("0.02")
"""Of the limit: spend that a correction takes back by less than this is still over it."""

_HOUR = timedelta(hours=1)


def watch(
    account: AccountId,
    standings: Sequence[Standing],
    firing: Mapping[str, Notice],
    *,
    now: datetime,
) -> tuple[Notice, ...]:
    """Say what people should hear now; *firing* are the alerts of budgets that stand, by key.

    A threshold that is crossed speaks once in its window, and of several that are crossed at
    once only the highest. It is over with its window, or when spend is corrected or the limit
    raised.
    """
    found: list[Notice] = []
    holding: set[str] = set()
    for standing in standings:
        news, held = _of_one(account, standing, firing)
        found += news
        holding |= held
    over = sorted(firing.keys() - holding - {notice.key for notice in found})
    found += [_over(firing[key], standings, now=now) for key in over]
    return tuple(found)


def _of_one(
    account: AccountId, standing: Standing, firing: Mapping[str, Notice]
) -> tuple[list[Notice], set[str]]:
    """Give what is new of *standing*, and the keys of what goes on."""
    holding = {
        key
        for threshold in standing.budget.thresholds
        if (key := _key(standing, threshold)) in firing and _holds(standing, threshold)
    }
    crossed = [each for each in standing.budget.thresholds if _is_crossed(standing, each)]
    shares = [each for each in crossed if each.at is not None and not each.is_forecast]
    news = [each for each in crossed if each.at is None or each.is_forecast]
    highest = max(shares, key=_at, default=None)
    if highest is not None:
        told = [each for each in standing.budget.thresholds if _key(standing, each) in holding]
        if not any(not each.is_forecast and _at(each) >= _at(highest) for each in told):
            news.append(highest)
    return [
        _crossed(account, standing, each) for each in news if _key(standing, each) not in holding
    ], holding


def _at(threshold: Threshold) -> Decimal:
    return threshold.at or Decimal(0)


def _key(standing: Standing, threshold: Threshold) -> str:
    if threshold.at is None:
        what = f"burn {threshold.burn} {format_duration(threshold.over)}"
    else:
        what = f"{'forecast ' if threshold.is_forecast else ''}{threshold.at.normalize():f}"
    return f"{standing.stem}{standing.window.label}:{what}"


def _is_crossed(standing: Standing, threshold: Threshold) -> bool:
    if threshold.at is None:
        return standing.burning(threshold).fires is True
    if threshold.is_forecast:
        return _expected(standing, threshold, slack=Decimal(0))
    return standing.spent >= threshold.at * standing.limit


def _holds(standing: Standing, threshold: Threshold) -> bool:
    """Does what was told still hold? A little less than it took is enough, or not to know."""
    if threshold.at is None:
        return standing.burning(threshold, slack=HYSTERESIS).fires is not False
    if threshold.is_forecast:
        unknown = standing.outlook is None or not standing.outlook.probabilities
        return unknown or _expected(standing, threshold, slack=HYSTERESIS)
    return standing.spent >= (threshold.at - HYSTERESIS) * standing.limit


def _expected(standing: Standing, threshold: Threshold, *, slack: Decimal) -> bool:
    """Is it expected for as long as it has to be, that the window ends above the threshold?"""
    if standing.outlook is None or threshold.at is None:
        return False
    least = float(threshold.probability - slack)
    hours = threshold.sustained // _HOUR + 1
    found = standing.outlook.probabilities.get(threshold.at, ())[:hours]
    return len(found) == hours and all(each is not None and each >= least for each in found)


def _crossed(account: AccountId, standing: Standing, threshold: Threshold) -> Notice:
    kind, text = _told(standing, threshold)
    return Notice(
        account=account,
        kind=kind,
        key=_key(standing, threshold),
        severity=threshold.severity,
        at=standing.now,
        text=text,
        facts=_facts(standing, threshold),
        routes=standing.budget.routes,
    )


def _told(standing: Standing, threshold: Threshold) -> tuple[str, str]:
    if threshold.at is None:
        return "budget.burn", _burning(standing, threshold)
    if threshold.is_forecast:
        return "budget.forecast", _foreseen(standing, threshold)
    return "budget.threshold", _used(standing)


def _foreseen(standing: Standing, threshold: Threshold) -> str:
    unit, outlook = standing.unit, standing.outlook
    assert outlook is not None
    assert outlook.forecast is not None
    low, high = outlook.forecast.usd_interval
    probability = outlook.probabilities[threshold.at or Decimal(1)][0] or 0.0
    return (
        f"{standing.subject}: {outlook.forecast.usd:,.2f} {unit} ({low:,.2f} .. {high:,.2f}) are "
        f"expected by the end of {standing.window.label}, of {standing.limit:,.2f}; more than "
        f"{threshold.at:.0%} of it with a probability of {probability:.0%}, for "
        f"{format_duration(threshold.sustained)}; {standing.spent:,.2f} {unit} are spent "
        f"[{standing.budget.name}]"
    )


def _used(standing: Standing) -> str:
    unit = standing.unit
    if standing.budget.at_once:
        counts = f"{standing.spent:,.0f} of {standing.limit:,.0f} GPUs run at once"
        return f"{standing.subject}: {counts} ({standing.share:.0%}) [{standing.budget.name}]"
    left = format_duration(standing.window.until - standing.now)
    used = f"{standing.share:.0%} of {standing.limit:,.2f} {unit} used"
    spent = f"{standing.spent:,.2f} {unit} ({standing.low:,.2f} .. {standing.high:,.2f})"
    parts = [
        f"{standing.subject}: {used} with {left} left of {standing.window.label}",
        f"{spent}, {standing.burn:,.2f} {unit}/h now",
    ]
    if (at := standing.runs_out_at) is not None:
        parts.append(f"at this burn the limit is reached on {at.astimezone(UTC):%d %b %H:%M} UTC")
    if standing.unpriced:
        parts.append(f"{standing.unpriced:,.1f} GPU-h have no known price and are not in it")
    if standing.reach is not None:
        parts.append(f"the limit is {standing.reach}")
    return f"{'; '.join(parts)} [{standing.budget.name}]"


def _burning(standing: Standing, threshold: Threshold) -> str:
    spent, unit = standing.lately[threshold.over].usd, standing.unit
    times = standing.burning(threshold).multiple or Decimal(0)
    return (
        f"{standing.subject}: {spent:,.2f} {unit} in the last {format_duration(threshold.over)}: "
        f"{times:.1f} times the even pace of {standing.limit:,.2f} {unit} in "
        f"{standing.window.label} [{standing.budget.name}]"
    )


def _facts(standing: Standing, threshold: Threshold) -> dict[str, str]:
    budget, at = standing.budget, standing.runs_out_at
    whose = {budget.each: standing.value} if budget.each else {}
    return {
        **whose,
        "budget": budget.name,
        "window": standing.window.label,
        "window_ends_at": standing.window.until.isoformat(),
        "unit": standing.unit,
        "spent": f"{standing.spent:.2f}",
        "spent_low": f"{standing.low:.2f}",
        "spent_high": f"{standing.high:.2f}",
        "limit": f"{standing.limit:.2f}",
        "threshold": f"{threshold.at:.0%}" if threshold.at is not None else f"{threshold.burn}",
        "burn_per_hour": f"{standing.burn:.2f}",
        "if_nothing_changes": f"{standing.if_nothing_changes:.2f}",
        "runs_out_at": at.isoformat() if at else "",
        "unpriced_gpu_hours": f"{standing.unpriced:.1f}",
    }


def _over(notice: Notice, standings: Sequence[Standing], *, now: datetime) -> Notice:
    """Take back what was told, and name the cause, by the routes it was told by."""
    own = [each for each in standings if notice.key.startswith(each.stem)]
    if not own:
        cause = "the budget is gone"
    elif not any(notice.key.startswith(f"{each.stem}{each.window.label}:") for each in own):
        cause = "the window is over"
    elif own[0].budget.at_once:
        cause = "fewer run, or the limit was raised"
    else:
        cause = "spend was corrected, or the limit raised"
    routes = own[0].budget.routes if own else ()
    return replace(notice.ended(cause, at=now), routes=routes)
