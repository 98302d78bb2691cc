"""The survey as one page of HTML: no script, no request, dark and light, on a phone too."""

from decimal import Decimal

from firewarden.decide.survey import Finding
from firewarden.report.html import Markup, tag
from firewarden.report.page import page, table
from firewarden.report.survey import BilledRow, Survey, basis, heading, headline
from firewarden.report.text import (
    NOTHING,
    UNPRICED,
    accelerator,
    gpu_hours,
    gpus,
    instant,
    plural,
    usd,
)

_DAY_WIDTH = 4
_CHART_HEIGHT = 28


def survey_html(survey: Survey) -> str:
    """Compose the page; names on it are escaped."""
    return page(f"firewarden survey · {survey.account}", *_sections(survey))


def _sections(survey: Survey) -> tuple[Markup, ...]:
    return (
        _headline(survey),
        tag("h2", _findings_title(survey)),
        _findings(survey.findings),
        tag("h2", "What runs"),
        _running(survey),
        tag("h2", f"Billed {survey.first} to {survey.last} ({survey.timezone} days)"),
        _billed(survey),
        tag("h2", "Prices used"),
        _prices(survey),
        tag("p", basis(survey), class_="soft"),
        *(tag("p", note, class_="soft") for note in survey.notes),
    )


def _headline(survey: Survey) -> Markup:
    warning = [tag("p", f"The listing is not complete: {survey.problem}", class_="warning")]
    return tag(
        "header",
        tag("h1", f"{survey.account} · {instant(survey.at, zone=survey.timezone)}"),
        tag("p", usd(survey.burn_usd_per_hour, per="h"), class_="burn"),
        tag("p", headline(survey)),
        *(warning if survey.problem else []),
    )


def _findings_title(survey: Survey) -> str:
    known = [each.usd_per_month for each in survey.findings if each.usd_per_month is not None]
    if not survey.findings:
        return "Nothing looks wrong"
    most = f", the largest {usd(max(known), per='month')}" if known else ""
    return plural(len(survey.findings), "finding") + most


def _findings(findings: tuple[Finding, ...]) -> Markup:
    return tag(
        "ol",
        *(
            tag(
                "li",
                tag(
                    "div",
                    tag("h3", heading(each)),
                    tag("span", usd(each.usd_per_month, per="month"), class_="money"),
                    class_="head",
                ),
                tag("p", each.evidence),
                tag("p", f"How sure: {each.sure}", class_="soft"),
                tag("p", tag("code", each.command)),
            )
            for each in findings
        ),
    )


def _running(survey: Survey) -> Markup:
    rows = [
        (
            row.deployment_id,
            row.base_model,
            row.state,
            gpus(row.gpu_count, row.accelerator_type),
            f"{row.min_replica_count}–{row.max_replica_count}",
            row.activity,
            row.owner or NOTHING,
            _money(row.burn_usd_per_hour),
        )
        for row in survey.running
    ]
    names = ("Deployment", "Model", "State", "GPUs", "Min–max", "Activity", "Owner", "USD/h")
    return table(names, rows, numbers={"GPUs", "Min–max", "USD/h"})


def _billed(survey: Survey) -> Markup:
    peak = max((day for row in survey.billed for day in row.days), default=0)
    rows = [
        (
            row.deployment_id,
            accelerator(row.accelerator_type),
            _bars(row, peak),
            gpu_hours(row.gpu_ms),
            _money(row.cost),
        )
        for row in survey.billed
    ]
    total = sum(row.gpu_ms for row in survey.billed)
    return table(
        ("Deployment", "GPU", "By day", "GPU-hours", "USD"),
        rows,
        numbers={"GPU-hours", "USD"},
        total=("Total", "", "", gpu_hours(total), _money(survey.billed_usd)),
    )


def _bars(row: BilledRow, peak: int) -> Markup:
    """Draw one bar a day, all rows on one scale, so that they can be compared."""
    width = _DAY_WIDTH * max(1, len(row.days))
    label = (
        f"GPU-hours a day: {gpu_hours(min(row.days, default=0))} at least, "
        f"{gpu_hours(max(row.days, default=0))} at most"
    )
    bars = (
        tag(
            "rect",
            x=str(_DAY_WIDTH * place),
            y=f"{_CHART_HEIGHT - height:.2f}",
            width=str(_DAY_WIDTH - 1),
            height=f"{height:.2f}",
        )
        for place, day in enumerate(row.days)
        if (height := _CHART_HEIGHT * day / peak if peak else 0)
    )
    ground = tag(
        "rect", x="0", y=str(_CHART_HEIGHT - 1), width=str(width), height="1", class_="ground"
    )
    return tag(
        "svg",
        tag("title", label),
        ground,
        *bars,
        role="img",
        viewBox=f"0 0 {width} {_CHART_HEIGHT}",
        preserveAspectRatio="none",
    )


def _prices(survey: Survey) -> Markup:
    rows = [
        (accelerator(row.accelerator_type), _money(row.usd_per_gpu_hour), row.source)
        for row in survey.prices
    ]
    return table(("GPU", "USD per GPU-hour", "From"), rows, numbers={"USD per GPU-hour"})


def _money(amount: Decimal | None) -> str:
    return UNPRICED if amount is None else f"{amount:,.2f}"
