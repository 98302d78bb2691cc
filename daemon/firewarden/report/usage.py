"""Usage and cost over a stretch of time, grouped as asked, every sum with its bounds."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import reduce
from typing import Final

from rich.console import Group, RenderableType

from firewarden.report.encode import JsonObject, to_csv
from firewarden.report.tables import Column, line, make_table
from firewarden.report.text import (
    NOTHING,
    UNPRICED,
    accelerator,
    gpu_hours,
    instant,
    instant_json,
    ms_json,
    usd,
    usd_json,
)

ADJUSTMENTS: Final = "(adjustments)"
"""Stands where a bill does not say what a row is grouped by."""

_RATIO_DIGITS = 4


class UsageState(StrEnum):
    """How far a figure is to be trusted, least first; a sum is as its least trusted part."""

    DISPUTED = "disputed"
    ESTIMATED = "estimated"
    BACKFILLED = "backfilled"
    ADJUSTED = "adjusted"
    SETTLED = "settled"


_TRUST = tuple(UsageState)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """GPU-milliseconds and dollars of one group.

    ``low_ms`` and ``high_ms``, ``cost_low`` and ``cost_high`` are hard bounds. The costs
    are those of the priced part: ``unpriced_ms`` says how much is not in them.
    ``idle_actionable_cost`` is the idle cost of what nothing protects. ``adjusted_ms`` and
    ``adjustment`` say how much of ``gpu_ms`` and ``cost`` the provider's bill has added; their
    use is not known, so activity is told of the rest.
    """

    gpu_ms: int = 0
    low_ms: int = 0
    high_ms: int = 0
    idle_ms: int = 0
    unknown_ms: int = 0
    gap_ms: int = 0
    starting_ms: int = 0
    unpriced_ms: int = 0
    adjusted_ms: int = 0
    cost: Decimal = Decimal(0)
    cost_low: Decimal = Decimal(0)
    cost_high: Decimal = Decimal(0)
    idle_cost: Decimal = Decimal(0)
    idle_actionable_cost: Decimal = Decimal(0)
    adjustment: Decimal = Decimal(0)
    state: UsageState = UsageState.SETTLED

    def __add__(self, other: "Figures") -> "Figures":
        """Add two groups that have nothing in common; exact."""
        return Figures(
            gpu_ms=self.gpu_ms + other.gpu_ms,
            low_ms=self.low_ms + other.low_ms,
            high_ms=self.high_ms + other.high_ms,
            idle_ms=self.idle_ms + other.idle_ms,
            unknown_ms=self.unknown_ms + other.unknown_ms,
            gap_ms=self.gap_ms + other.gap_ms,
            starting_ms=self.starting_ms + other.starting_ms,
            unpriced_ms=self.unpriced_ms + other.unpriced_ms,
            adjusted_ms=self.adjusted_ms + other.adjusted_ms,
            cost=self.cost + other.cost,
            cost_low=self.cost_low + other.cost_low,
            cost_high=self.cost_high + other.cost_high,
            idle_cost=self.idle_cost + other.idle_cost,
            idle_actionable_cost=self.idle_actionable_cost + other.idle_actionable_cost,
            adjustment=self.adjustment + other.adjustment,
            state=min(self.state, other.state, key=_TRUST.index),
        )

    @property
    def active_ms(self) -> int:
        """GPU time in which it was seen in use."""
        return self.gpu_ms - self.adjusted_ms - self.idle_ms - self.unknown_ms - self.gap_ms

    @property
    def coverage(self) -> float | None:
        """Share of the metered time of which use or no use is known; None where there is none."""
        if not (metered_ms := self.gpu_ms - self.adjusted_ms):
            return None
        return round(1 - (self.unknown_ms + self.gap_ms) / metered_ms, _RATIO_DIGITS)

    @property
    def is_unpriced(self) -> bool:
        """Nothing of it has a known price: it has no cost, which is not a cost of 0."""
        return self.gpu_ms > 0 and self.unpriced_ms == self.gpu_ms


NO_USAGE = Figures()


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageReport:
    """Figures by group over ``[since, until)``; *problem* says why it is not complete."""

    since: datetime
    until: datetime
    group_by: tuple[str, ...]
    timezone: str
    complete: bool
    problem: str
    rows: tuple[tuple[Mapping[str, str], Figures], ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def total(self) -> Figures:
        """The sum of all rows, exact to the nano-dollar."""
        if not self.rows:
            return Figures(state=UsageState.ESTIMATED)
        return reduce(lambda left, right: left + right, (figures for _, figures in self.rows))


def figures_json(figures: Figures) -> JsonObject:
    """Give the stable keys of one row's figures; costs are None where nothing is priced."""
    unpriced = figures.is_unpriced

    def money(amount: Decimal) -> str | None:
        return None if unpriced else usd_json(amount)

    return {
        "gpu_seconds": ms_json(figures.gpu_ms),
        "gpu_seconds_low": ms_json(figures.low_ms),
        "gpu_seconds_high": ms_json(figures.high_ms),
        "idle_gpu_seconds": ms_json(figures.idle_ms),
        "unknown_gpu_seconds": ms_json(figures.unknown_ms),
        "gap_gpu_seconds": ms_json(figures.gap_ms),
        "starting_gpu_seconds": ms_json(figures.starting_ms),
        "unpriced_gpu_seconds": ms_json(figures.unpriced_ms),
        "adjusted_gpu_seconds": ms_json(figures.adjusted_ms),
        "coverage": figures.coverage,
        "state": figures.state.value,
        "cost_usd": money(figures.cost),
        "cost_usd_low": money(figures.cost_low),
        "cost_usd_high": money(figures.cost_high),
        "idle_cost_usd": money(figures.idle_cost),
        "idle_actionable_cost_usd": money(figures.idle_actionable_cost),
        "adjustment_usd": money(figures.adjustment),
    }


def usage_json(report: UsageReport) -> JsonObject:
    """Give the stable keys of ``report --json``."""
    return {
        "from": instant_json(report.since),
        "to": instant_json(report.until),
        "group_by": list(report.group_by),
        "timezone": report.timezone,
        "currency": "USD",
        "complete": report.complete,
        "rows": [_row_json(keys, figures) for keys, figures in report.rows],
        "total": figures_json(report.total),
    }


def _json_key(name: str) -> str:
    return "deployment_id" if name == "deployment" else name


def _row_json(keys: Mapping[str, str], figures: Figures) -> JsonObject:
    return {_json_key(name): value for name, value in keys.items()} | dict(figures_json(figures))


def usage_csv(report: UsageReport) -> str:
    """Write the rows, without the total, under the names that ``--json`` has too."""
    columns = [*map(_json_key, report.group_by), *figures_json(NO_USAGE)]
    return to_csv(columns, [_row_json(keys, figures) for keys, figures in report.rows])


def usage_ndjson(report: UsageReport) -> str:
    """Write each row as one line, without the total, with the keys that ``--json`` has."""
    return "".join(
        f"{json.dumps(_row_json(keys, figures), allow_nan=False)}\n"
        for keys, figures in report.rows
    )


FIGURE_COLUMNS = (
    Column(name="GPU-h", number=True),
    Column(name="active", number=True),
    Column(name="idle", number=True),
    Column(name="unknown", number=True),
    Column(name="gap", number=True),
    Column(name="starting", number=True),
    Column(name="USD", number=True),
    Column(name="low", number=True),
    Column(name="high", number=True),
    Column(name="adjusted", number=True),
    Column(name="idle USD", number=True),
    Column(name="unpriced", number=True),
    Column(name="coverage", number=True),
    Column(name="state"),
)


def usage_view(report: UsageReport) -> RenderableType:
    """Lay the report out for people: times are GPU-hours, money is US dollars."""
    since = instant(report.since, zone=report.timezone)
    until = instant(report.until, zone=report.timezone)
    columns = (*(Column(name=name) for name in report.group_by), *FIGURE_COLUMNS)
    total = ("total", *[""] * (len(report.group_by) - 1)) if report.group_by else ()
    table = make_table(
        columns,
        [(*labels(keys), *figure_cells(figures)) for keys, figures in report.rows],
        total=(*total, *figure_cells(report.total)),
    )
    warning = "" if report.complete else f" · not complete: {report.problem}"
    return Group(
        line(f"usage from {since} to {until}{warning}", style="bold"),
        line("GPU-hours held and US dollars; low and high are hard bounds"),
        table,
        *(line(note) for note in report.notes),
    )


def labels(keys: Mapping[str, str]) -> Sequence[str]:
    """Write what a row is grouped by, for people."""
    return [
        accelerator(value) if name == "accelerator" else value or NOTHING
        for name, value in keys.items()
    ]


def figure_cells(figures: Figures) -> Sequence[str]:
    """Write the figures of a row for people, in the order of `FIGURE_COLUMNS`."""
    money = (
        figures.cost,
        figures.cost_low,
        figures.cost_high,
        figures.adjustment,
        figures.idle_cost,
    )
    hours = (
        figures.gpu_ms,
        figures.active_ms,
        figures.idle_ms,
        figures.unknown_ms,
        figures.gap_ms,
        figures.starting_ms,
    )
    coverage = NOTHING if figures.coverage is None else f"{100 * figures.coverage:.1f} %"
    return (
        *map(gpu_hours, hours),
        *(
            UNPRICED if figures.is_unpriced else usd(amount).removesuffix(" USD")
            for amount in money
        ),
        gpu_hours(figures.unpriced_ms) if figures.unpriced_ms else NOTHING,
        coverage,
        figures.state.value,
    )
