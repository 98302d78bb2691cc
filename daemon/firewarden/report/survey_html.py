"""The survey as one page of HTML: no script, no request, dark and light, on a phone too."""

import base64
import hashlib
from collections.abc import Sequence
from decimal import Decimal

from firewarden.decide.survey import Finding
from firewarden.report.html import Markup, join, tag
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

_STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--paper:#fff;--panel:#f5f6f8;
--line:#d5d9df;--bar:#b4460f;--accent:#0b57d0}
@media (prefers-color-scheme:dark){:root{--ink:#e8eaed;--soft:#a5adb8;--paper:#14171b;
--panel:#1e2329;--line:#363d46;--bar:#ff9a62;--accent:#9ec1ff}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:70rem;padding:1.5rem 1rem 4rem;color:var(--ink);
background:var(--paper);font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.1rem;font-weight:600;margin:0;color:var(--soft)}
h2{font-size:1.25rem;margin:2.5rem 0 .75rem}
h3{font-size:1rem;margin:0}
p{margin:.35rem 0}
.burn{font-size:clamp(2rem,7vw,3.25rem);font-weight:700;line-height:1.15;margin:.25rem 0}
.soft{color:var(--soft)}
.warning{border-left:.3rem solid var(--bar);padding-left:.75rem;font-weight:600}
ol{list-style:none;margin:0;padding:0;display:grid;gap:.75rem}
li{background:var(--panel);border:1px solid var(--line);border-radius:.5rem;padding:.75rem 1rem}
.head{display:flex;flex-wrap:wrap;gap:.25rem 1rem;justify-content:space-between}
.money{font-variant-numeric:tabular-nums;font-weight:700;white-space:nowrap}
code{font:.9rem ui-monospace,monospace;color:var(--accent)}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.4rem .75rem .4rem 0;border-bottom:1px solid var(--line);
vertical-align:top}
th{font-weight:600;color:var(--soft)}
tfoot td{font-weight:700}
.number{text-align:right}
svg{display:block;width:100%;min-width:8rem;max-width:16rem;height:1.75rem}
svg rect{fill:var(--bar)}
svg .ground{fill:var(--line)}
@media (max-width:40rem){
thead{position:absolute;clip-path:inset(50%);width:1px;height:1px;overflow:hidden}
tr{display:block;padding:.6rem 0;border-bottom:1px solid var(--line)}
th,td{border:0}
td{display:grid;grid-template-columns:8rem 1fr;gap:.5rem;padding:.1rem 0}
td:empty{display:none}
td::before{content:attr(data-label);color:var(--soft)}
.number{text-align:left}}
"""

_DAY_WIDTH = 4
_CHART_HEIGHT = 28


def survey_html(survey: Survey) -> str:
    """Compose the page. Names on it are escaped; styles are pinned by their hash."""
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", f"firewarden survey · {survey.account}"),
        tag("style", Markup(_STYLE)),
    )
    body = tag("body", tag("main", *_sections(survey)))
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


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
    return _table(names, rows, numbers={"GPUs", "Min–max", "USD/h"})


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
    return _table(
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
    return _table(("GPU", "USD per GPU-hour", "From"), rows, numbers={"USD per GPU-hour"})


def _table(
    names: tuple[str, ...],
    rows: Sequence[tuple[str, ...]],
    *,
    numbers: set[str],
    total: tuple[str, ...] = (),
) -> Markup:
    def cells(row: tuple[str, ...]) -> Markup:
        return join(
            tag(
                "td",
                *([tag("span", cell)] if cell else []),
                data_label=name,
                **_kind(name, numbers),
            )
            for name, cell in zip(names, row, strict=True)
        )

    return tag(
        "table",
        tag(
            "thead",
            tag("tr", *(tag("th", name, scope="col", **_kind(name, numbers)) for name in names)),
        ),
        tag("tbody", *(tag("tr", cells(row)) for row in rows)),
        *([tag("tfoot", tag("tr", cells(total)))] if total else []),
    )


def _kind(name: str, numbers: set[str]) -> dict[str, str]:
    return {"class_": "number"} if name in numbers else {}


def _money(amount: Decimal | None) -> str:
    return UNPRICED if amount is None else f"{amount:,.2f}"
