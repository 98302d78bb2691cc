"""A report of usage as one page of HTML: totals, charts, and every row, to be sent to people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from firewarden.metering.periods import cut
from firewarden.report.charts import Spec, cost_over_time, hours_over_time, ranking
from firewarden.report.html import Markup, tag
from firewarden.report.page import page, table
from firewarden.report.text import UNPRICED, gpu_hours, instant, share, usd
from firewarden.report.usage import (
    FIGURE_COLUMNS,
    NO_USAGE,
    Figures,
    UsageReport,
    figure_cells,
    labels,
)

_TITLES = {
    "hours": "GPU-hours by {unit}",
    "cost": "Cost by {unit}, with its hard bounds",
    "ranking": "What cost most",
}
_STATES = {
    "disputed": "Some of it is disputed: the bill says something else, our figure is shown.",
    "estimated": "Some of it is estimated: metered, its bill not in yet.",
    "backfilled": "Some of it is from the bill of days before the first poll.",
    "adjusted": "All of it agrees with the bill, where needed after an adjustment.",
    "settled": "All of it is settled: metered, and the bill says the same.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class UsagePage:
    """A report with what its charts show.

    Attributes:
        at: when it was made.
        over_time: the same stretch by *unit*, in order. by_deployment: and by deployment.
    """

    account: str
    at: datetime
    report: UsageReport
    unit: str
    over_time: Sequence[tuple[str, Figures]]
    by_deployment: Sequence[tuple[str, Figures]]


def over_time(report: UsageReport, unit: str) -> Sequence[tuple[str, Figures]]:
    """Give every period of a *report* by *unit* in order, those without use too.

    What is of no period, as an adjustment is of no hour, comes last.
    """
    known = {keys[unit]: figures for keys, figures in report.rows}
    zone = ZoneInfo(report.timezone)
    every = [each.label for each in cut(unit, since=report.since, until=report.until, zone=zone)]
    return [(label, known.get(label, NO_USAGE)) for label in dict.fromkeys((*every, *known))]


def chart_specs(view: UsagePage) -> Mapping[str, Spec]:
    """Describe the charts of the page by their names; none where nothing was used."""
    if not view.report.rows:
        return {}
    return {
        "hours": hours_over_time(view.over_time),
        "cost": cost_over_time(view.over_time),
        "ranking": ranking(view.by_deployment),
    }


def usage_html(view: UsagePage, drawn: Mapping[str, Markup]) -> str:
    """Compose the page with the charts that were *drawn*, by name; names on it are escaped."""
    report = view.report
    since, until = (instant(at, zone=report.timezone) for at in (report.since, report.until))
    return page(
        f"firewarden report · {view.account} · {since} to {until}",
        tag(
            "header",
            tag("h1", f"{view.account} · {since} to {until}"),
            *_headline(report),
            tag(
                "p",
                f"made {instant(view.at, zone=report.timezone)}; "
                f"days begin at midnight in {report.timezone}",
                class_="soft",
            ),
        ),
        _patterns(),
        *(
            _figure(_TITLES[name].format(unit=view.unit), svg, _BELOW.get(name, ""))
            for name, svg in drawn.items()
        ),
        tag("h2", _by(report)),
        _rows(report),
        *(tag("p", note, class_="soft") for note in (*report.notes, *_FOOT)),
    )


def _headline(report: UsageReport) -> list[Markup]:
    total = report.total
    if report.rows:
        said = [
            tag("p", UNPRICED if total.is_unpriced else usd(total.cost), class_="burn"),
            tag("p", f"{_sum(total)} {_STATES[total.state.value]}"),
        ]
    else:
        words = "Nothing is known to have been used in this stretch of time."
        said = [tag("p", words, class_="burn")]
    return [*said, *(tag("p", each, class_="warning") for each in _warnings(report))]


def _sum(total: Figures) -> str:
    hours = (
        f"{gpu_hours(total.gpu_ms)} GPU-hours, {share(total.idle_ms, total.gpu_ms)} of them idle"
    )
    if total.is_unpriced:
        return f"no price is known of any of it; {hours}."
    return (
        f"between {usd(total.cost_low)} and {usd(total.cost_high)}; {hours} "
        f"({usd(total.idle_cost)}, of which {usd(total.idle_actionable_cost)} nothing protects)."
    )


def _warnings(report: UsageReport) -> list[str]:
    total, found = report.total, []
    if not report.complete:
        found.append(f"Not complete: {report.problem}")
    if total.unpriced_ms:
        found.append(
            f"{gpu_hours(total.unpriced_ms)} GPU-hours have no known price and are in no amount."
        )
    if total.gap_ms:
        found.append(
            f"{gpu_hours(total.gap_ms)} GPU-hours lie in gaps: nobody watched, the bounds are wide."
        )
    if taken := -sum(min(0, figures.adjusted_ms) for _, figures in report.rows):
        found.append(f"The bill takes {gpu_hours(taken)} GPU-hours away, which no bar shows.")
    return found


def _figure(title: str, svg: Markup, below: str) -> Markup:
    caption = tag("figcaption", title, *([tag("span", below, class_="soft")] if below else []))
    return tag("figure", caption, tag("div", svg, class_="chart", tabindex="0"))


def _patterns() -> Markup:
    """Fill what differs by more than colour; the ids are those that `PARTS` names."""
    size = {"width": "6", "height": "6"}
    drawn = (
        tag(
            "pattern",
            tag("rect", class_=name, **size),
            tag("path", d=lines, class_="hatch"),
            id=name,
            patternUnits="userSpaceOnUse",
            **size,
        )
        for name, lines in _HATCHES.items()
    )
    return tag("svg", tag("defs", *drawn), class_="patterns", aria_hidden="true")


def _by(report: UsageReport) -> str:
    return f"By {', '.join(report.group_by)}" if report.group_by else "In all"


def _rows(report: UsageReport) -> Markup:
    figures = [f"{column.name}{_OF.get(column.name, '')}" for column in FIGURE_COLUMNS]
    names = (*report.group_by, *figures)
    numbers = {name for name, column in zip(figures, FIGURE_COLUMNS, strict=True) if column.number}
    blank = ("total", *[""] * (len(report.group_by) - 1)) if report.group_by else ()
    rows = [(*labels(keys), *figure_cells(figures)) for keys, figures in report.rows]
    body = table(names, rows, numbers=numbers, total=(*blank, *figure_cells(report.total)))
    return tag("div", body, class_="wide", tabindex="0")


_OF = {
    **dict.fromkeys(("active", "idle", "unknown", "gap", "starting", "unpriced"), " GPU-h"),
    **dict.fromkeys(("low", "high", "adjusted"), " USD"),
}
"""The unit of a column whose name does not tell it."""
_HATCHES = {
    "idle": "M-1,1 l2,-2 M0,6 l6,-6 M5,7 l2,-2",
    "unwatched": "M2,3 h2",
    "billed": "M3,0 v6",
}
_BELOW = {
    "hours": " Idle: READY and quiet for at least 5 minutes. Unknown: no evidence of either.",
    "cost": " The line over a bar: how low and how high the truth can be. Without a price, no bar.",
}
_FOOT = (
    "GPU-hours are ready replicas × accelerators per replica; money is US dollars.",
    "Each amount is rounded to the cent by itself: `--format csv` has the rows to the nano-dollar.",
    "Low and high are hard bounds: whatever happened between two looks, the truth lies in between.",
    "Idle is not waste by itself: a standby is idle on purpose.",
)
