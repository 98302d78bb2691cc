"""Where each budget stands: what is spent, what is left, and what it comes to."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from rich.console import Group, RenderableType

from firewarden.report.encode import JsonObject
from firewarden.report.tables import Column, line, make_table
from firewarden.report.text import NOTHING, instant, instant_json, usd, usd_json


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetReach:
    """How much of the burn its ladder can stop, and why that does not keep the limit ("": does)."""

    stoppable_per_hour: Decimal
    why_soft: str

    @property
    def is_hard(self) -> bool:
        """The limit is kept, whatever the scope does."""
        return not self.why_soft


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetLine:
    """One budget for one of its values; amounts are in *unit*: USD or GPU-h.

    ``expected``: at the window's end, with its 95 % interval; None: not asked for, or too little
    history. ``reach``: None: it only tells.
    """

    budget: str
    value: str
    window: str
    since: datetime
    until: datetime
    unit: str
    limit: Decimal
    spent: Decimal
    low: Decimal
    high: Decimal
    unpriced_gpu_hours: Decimal
    burn_per_hour: Decimal
    if_nothing_changes: Decimal
    runs_out_at: datetime | None
    expected: tuple[Decimal, Decimal, Decimal] | None = None
    reach: BudgetReach | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetsView:
    """All budgets of one account at one instant; *problem* says why that is not complete."""

    account: str
    at: datetime
    timezone: str
    problem: str
    lines: tuple[BudgetLine, ...]


def budgets_json(view: BudgetsView) -> JsonObject:
    """Give the stable keys of ``budgets --json``."""
    return {
        "account": view.account,
        "at": instant_json(view.at),
        "complete": not view.problem,
        "budgets": [_json(each) for each in view.lines],
    }


def _json(each: BudgetLine) -> JsonObject:
    return {
        "budget": each.budget,
        "value": each.value or None,
        "window": each.window,
        "from": instant_json(each.since),
        "to": instant_json(each.until),
        "unit": each.unit,
        "limit": usd_json(each.limit),
        "spent": usd_json(each.spent),
        "spent_low": usd_json(each.low),
        "spent_high": usd_json(each.high),
        "share": round(float(each.spent / each.limit), 4),
        "unpriced_gpu_hours": round(float(each.unpriced_gpu_hours), 3),
        "burn_per_hour": usd_json(each.burn_per_hour),
        "if_nothing_changes": usd_json(each.if_nothing_changes),
        **_expected_json(each),
        "runs_out_at": None if each.runs_out_at is None else instant_json(each.runs_out_at),
        **_reach_json(each.reach),
    }


def _reach_json(reach: BudgetReach | None) -> JsonObject:
    if reach is None:
        return {"hard": False, "soft_because": "it only tells", "stoppable_per_hour": None}
    return {
        "hard": reach.is_hard,
        "soft_because": reach.why_soft or None,
        "stoppable_per_hour": usd_json(reach.stoppable_per_hour),
    }


def _expected_json(each: BudgetLine) -> JsonObject:
    amounts = each.expected or (None, None, None)
    names = ("expected", "expected_low", "expected_high")
    return {
        name: None if amount is None else usd_json(amount)
        for name, amount in zip(names, amounts, strict=True)
    }


_COLUMNS = (
    Column(name="budget"),
    Column(name="whose"),
    Column(name="window"),
    Column(name="used", number=True),
    Column(name="spent", number=True),
    Column(name="low", number=True),
    Column(name="high", number=True),
    Column(name="limit", number=True),
    Column(name="unit"),
    Column(name="now, per h", number=True),
    Column(name="if nothing changes", number=True),
    Column(name="expected", number=True),
    Column(name="runs out"),
    Column(name="limit is"),
)


def budgets_view(view: BudgetsView) -> RenderableType:
    """Lay it out for people; instants are in the zone of the account."""
    at = instant(view.at, zone=view.timezone)
    warning = f" · not complete: {view.problem}" if view.problem else ""
    if not view.lines:
        return Group(line(f"{view.account} has no budget: see docs/policies.md, budgets"))
    return Group(
        line(f"budgets of {view.account} at {at}{warning}", style="bold"),
        line("spent so far in the window; low and high are hard bounds"),
        make_table(_COLUMNS, [_cells(each, view.timezone) for each in view.lines]),
        *_unpriced(view),
        *_soft(view),
    )


def _cells(each: BudgetLine, zone: str) -> tuple[str, ...]:
    amounts = (each.spent, each.low, each.high, each.limit)
    return (
        each.budget,
        each.value or NOTHING,
        each.window,
        f"{each.spent / each.limit:.0%}",
        *(_amount(amount) for amount in amounts),
        each.unit,
        _amount(each.burn_per_hour),
        _amount(each.if_nothing_changes),
        _expected(each),
        NOTHING if each.runs_out_at is None else instant(each.runs_out_at, zone=zone),
        "told" if each.reach is None else "hard" if each.reach.is_hard else "soft",
    )


def _expected(each: BudgetLine) -> str:
    if each.expected is None:
        return NOTHING
    amount, low, high = map(_amount, each.expected)
    return f"{amount} ({low} .. {high})"


def _amount(amount: Decimal) -> str:
    return usd(amount).removesuffix(" USD")


def _unpriced(view: BudgetsView) -> list[RenderableType]:
    return [
        line(
            f"{each.budget} {each.value}: {each.unpriced_gpu_hours:,.1f} GPU-h have no known price "
            "and are not in it"
        )
        for each in view.lines
        if each.unpriced_gpu_hours
    ]


def _soft(view: BudgetsView) -> list[RenderableType]:
    return [
        line(f"{each.budget} {each.value}: soft, {each.reach.why_soft}")
        for each in view.lines
        if each.reach is not None and not each.reach.is_hard
    ]
