"""What was saved: by policy, and stop by stop, each with how sure it is."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from rich.console import Group, RenderableType

from firewarden.metering.ours import RETURNED, Ending
from firewarden.report.encode import JsonObject
from firewarden.report.tables import Column, line, make_table
from firewarden.report.text import (
    NOTHING,
    duration,
    gpu_hours,
    gpus,
    instant,
    instant_json,
    ms_json,
    plural,
    usd,
    usd_json,
)


class SavingState(StrEnum):
    """How sure a saving is: by our meter alone, or by the bill of all its days."""

    MEASURED = "measured"
    SETTLED = "settled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Saving:
    """What one stop saved within the stretch of the report.

    Attributes:
        until, ending: when and why it stopped being ours; None: it goes on.
        gpus: ready before it. gpu_ms: used less since, with hard bounds ``low_ms``, ``high_ms``.
        paid_ms: the part of it that is not reserved anyway; unpriced_ms: of that without a price.
        usd: of the priced part, at the margin, with bounds.
    """

    action_id: int
    deployment_id: str
    uid: str
    policy: str
    verb: str
    at: datetime
    until: datetime | None
    ending: Ending | None
    is_regretted: bool
    accelerator_type: str
    gpus: int
    gpu_ms: int
    low_ms: int
    high_ms: int
    paid_ms: int
    unpriced_ms: int
    usd: Decimal
    usd_low: Decimal
    usd_high: Decimal
    state: SavingState

    @property
    def has_returned(self) -> bool:
        """What was stopped was wanted again."""
        return self.ending in RETURNED


@dataclass(frozen=True, slots=True, kw_only=True)
class SavingsReport:
    """All savings of a stretch.

    Attributes:
        is_up_to: nobody has declared what is reserved, or a minimum spend is paid anyway: so no
            amount is more than *up to*.
        projected_usd_per_hour: what the plan would save from now on; in no total. None: the
            policies cannot be read.
    """

    account: str
    since: datetime
    until: datetime
    timezone: str
    problem: str
    is_up_to: bool
    projected_usd_per_hour: Decimal | None
    savings: tuple[Saving, ...]

    def total(self, state: SavingState) -> Decimal:
        """Add up what is *state*; the two are never added to each other."""
        return _sum(each.usd for each in self.savings if each.state is state)


def savings_json(report: SavingsReport) -> JsonObject:
    """Give the stable keys of ``report savings --json``."""
    return {
        "account": report.account,
        "from": instant_json(report.since),
        "to": instant_json(report.until),
        "complete": not report.problem,
        "basis": "up_to" if report.is_up_to else "margin",
        "settled_usd": usd_json(report.total(SavingState.SETTLED)),
        "measured_usd": usd_json(report.total(SavingState.MEASURED)),
        "projected_usd_per_hour": usd_json(report.projected_usd_per_hour),
        "policies": [_policy_json(name, some) for name, some in _by_policy(report.savings)],
        "savings": [_json(each) for each in report.savings],
    }


def _policy_json(name: str, some: Sequence[Saving]) -> JsonObject:
    return {
        "policy": name or None,
        "stop_count": len(some),
        "returned_count": sum(each.has_returned for each in some),
        "regret_count": sum(each.is_regretted for each in some),
        "gpu_seconds": ms_json(sum(each.gpu_ms for each in some)),
        **{f"{state}_usd": usd_json(_total(some, state)) for state in reversed(SavingState)},
    }


def _json(each: Saving) -> JsonObject:
    return {
        "action_id": each.action_id,
        "deployment_id": each.deployment_id,
        "uid": each.uid,
        "policy": each.policy or None,
        "verb": each.verb,
        "accelerator_type": each.accelerator_type,
        "gpu_count": each.gpus,
        "at": instant_json(each.at),
        "until": instant_json(each.until),
        "ended_because": each.ending.value if each.ending else None,
        "returned": each.has_returned,
        "regretted": each.is_regretted,
        "state": each.state.value,
        "gpu_seconds": ms_json(each.gpu_ms),
        "gpu_seconds_low": ms_json(each.low_ms),
        "gpu_seconds_high": ms_json(each.high_ms),
        "reserved_gpu_seconds": ms_json(max(0, each.gpu_ms - each.paid_ms)),
        "unpriced_gpu_seconds": ms_json(each.unpriced_ms),
        "usd": usd_json(each.usd),
        "usd_low": usd_json(each.usd_low),
        "usd_high": usd_json(each.usd_high),
    }


_POLICIES = (
    Column(name="policy"),
    Column(name="stops", number=True),
    Column(name="came back", number=True),
    Column(name="regrets", number=True),
    Column(name="GPU-h less", number=True),
    Column(name="settled USD", number=True),
    Column(name="measured USD", number=True),
)
_STOPS = (
    Column(name="stopped"),
    Column(name="deployment", shrink=True),
    Column(name="GPUs"),
    Column(name="policy", shrink=True),
    Column(name="lasted"),
    Column(name="ended because"),
    Column(name="GPU-h less", number=True),
    Column(name="USD", number=True),
    Column(name="low", number=True),
    Column(name="high", number=True),
    Column(name="state"),
)


def savings_view(report: SavingsReport, *, each: bool) -> RenderableType:
    """Lay it out for people: by policy, and with *each* stop by stop."""
    since, until = (instant(at, zone=report.timezone) for at in (report.since, report.until))
    warning = f" · not complete: {report.problem}" if report.problem else ""
    parts: list[RenderableType] = [
        line(f"saved by {report.account}, {since} to {until}{warning}", style="bold"),
        line(_headline(report)),
    ]
    if report.savings:
        rows = [_policy_cells(name, some) for name, some in _by_policy(report.savings)]
        total = _policy_cells("total", report.savings)
        parts.append(make_table(_POLICIES, rows, total=total))
    if each and report.savings:
        parts.append(make_table(_STOPS, [_cells(one, report) for one in report.savings]))
    return Group(*parts, *(line(note) for note in _notes(report)))


def _headline(report: SavingsReport) -> str:
    if not report.savings:
        return "nothing was stopped, so nothing was saved" + _projected(report)
    up_to = "up to " if report.is_up_to else ""
    settled, measured = (report.total(state) for state in reversed(SavingState))
    return (
        f"{up_to}{usd(settled)} settled by the bill, and {up_to}{usd(measured)} measured"
        f" that the bill has yet to settle{_projected(report)}"
    )


def _projected(report: SavingsReport) -> str:
    if not report.projected_usd_per_hour:
        return ""
    return f"; the plan would save {usd(report.projected_usd_per_hour, per='h')} more"


def _notes(report: SavingsReport) -> list[str]:
    notes = []
    if report.is_up_to and report.savings:
        notes.append(
            "up to: what is reserved is paid for anyway, and so is a minimum spend; declare"
            " `commitments:` in the policy folder, or `commitments: none`"
        )
    if unpriced := sum(each.unpriced_ms for each in report.savings):
        notes.append(f"{gpu_hours(unpriced)} GPU-h of it have no known price and no amount")
    if reserved := sum(max(0, each.gpu_ms - each.paid_ms) for each in report.savings):
        notes.append(f"{gpu_hours(reserved)} GPU-h of it are reserved: freed, not saved")
    if regrets := sum(each.is_regretted for each in report.savings):
        notes.append(f"{plural(regrets, 'stop')} regretted: a request came within an hour")
    return notes


def _by_policy(savings: Iterable[Saving]) -> list[tuple[str, list[Saving]]]:
    groups: defaultdict[str, list[Saving]] = defaultdict(list)
    for each in savings:
        groups[each.policy].append(each)
    return sorted(groups.items())


def _policy_cells(name: str, some: Sequence[Saving]) -> tuple[str, ...]:
    return (
        name or "by hand",
        f"{len(some):,}",
        f"{sum(each.has_returned for each in some):,}",
        f"{sum(each.is_regretted for each in some):,}",
        gpu_hours(sum(each.gpu_ms for each in some)),
        *(_amount(_total(some, state)) for state in reversed(SavingState)),
    )


def _cells(one: Saving, report: SavingsReport) -> tuple[str, ...]:
    return (
        instant(one.at, zone=report.timezone),
        one.deployment_id,
        gpus(one.gpus, one.accelerator_type),
        one.policy or "by hand",
        duration((one.until or report.until) - one.at),
        one.ending.value if one.ending else NOTHING,
        gpu_hours(one.gpu_ms),
        *(_amount(amount) for amount in (one.usd, one.usd_low, one.usd_high)),
        one.state.value,
    )


def _total(some: Iterable[Saving], state: SavingState) -> Decimal:
    return _sum(each.usd for each in some if each.state is state)


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))


def _amount(amount: Decimal) -> str:
    return usd(amount).removesuffix(" USD")
