"""Reads what a page about usage shows: the report as asked, and the same by time and deployment."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from firewarden.app.drawing import draw
from firewarden.app.queries import Ledger
from firewarden.app.usage import read_report
from firewarden.report.html import Markup
from firewarden.report.usage import UsageReport
from firewarden.report.usage_html import UsagePage, chart_specs, over_time

_UNITS = ((timedelta(days=3), "hour"), (timedelta(days=62), "day"), (timedelta(days=1100), "month"))
"""Up to which length a stretch is shown by which unit of time; a longer one by year."""


def read_usage_page(
    ledger: Ledger,
    *,
    since: str | None,
    until: str | None,
    group_by: Sequence[str],
    timezone: str | None,
) -> UsagePage:
    """Read the report, and what its charts show.

    Raises:
        UserError: as `read_report`.
    """

    def read(groups: Sequence[str]) -> UsageReport:
        return read_report(ledger, since=since, until=until, group_by=groups, timezone=timezone)

    report = read(group_by)
    length = report.until - report.since
    unit = next((unit for longest, unit in _UNITS if length <= longest), "year")
    return UsagePage(
        account=ledger.account,
        at=ledger.now,
        report=report,
        unit=unit,
        over_time=over_time(read([unit]), unit),
        by_deployment=[
            (keys["deployment"], figures) for keys, figures in read(["deployment"]).rows
        ],
    )


def draw_charts(view: UsagePage) -> Mapping[str, Markup]:
    """Draw the charts of *view*, by name.

    Raises:
        NotDrawn: they could not be drawn.
    """
    specs = chart_specs(view)
    if not specs:
        return {}
    return dict(zip(specs, draw(list(specs.values())), strict=True))
