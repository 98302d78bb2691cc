"""Charts of usage, as descriptions in Vega-Lite: what to draw, nothing of how.

Colours are CSS variables of the page, so that one drawing serves light and dark. For the
colour-blind, what is idle, in gaps or by the bill has a pattern; the rest differs in lightness.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import chain, count
from typing import Any, Final

from firewarden.report.text import clean
from firewarden.report.usage import Figures

Spec = Mapping[str, Any]

PARTS: Final = {
    "active": "var(--active)",
    "idle": "url(#idle)",
    "unknown": "var(--unknown)",
    "not watched": "url(#unwatched)",
    "by the bill": "url(#billed)",
}
"""What GPU time is made of, in the order of the legend, with how it is filled."""

SHOWN: Final = 12
"""Bars of a ranking; what is left is one bar more."""

_MS_PER_HOUR: Final = 3_600_000
_LONGEST: Final = 40
_WIDTH: Final = 860
_CONFIG: Final = {
    "font": "sans-serif",
    "padding": {"left": 24, "right": 24, "top": 5, "bottom": 5},
    "view": {"stroke": None},
    "axis": {
        "labelColor": "currentColor",
        "titleColor": "currentColor",
        "titleFontWeight": "normal",
        "domainColor": "var(--line)",
        "tickColor": "var(--line)",
        "gridColor": "var(--line)",
        "labelFontSize": 12,
        "titleFontSize": 12,
    },
    "legend": {
        "labelColor": "currentColor",
        "titleColor": "currentColor",
        "orient": "top",
        "labelFontSize": 12,
    },
}


def hours_over_time(rows: Iterable[tuple[str, Figures]]) -> Spec:
    """Stack the GPU-hours of each period by what they were; *rows* are in order of time."""
    known = list(rows)
    values = [
        {"period": label, "part": part, "hours": _hours(ms), "order": order}
        for label, figures in known
        for order, (part, ms) in enumerate(_parts(figures).items())
        if ms
    ]
    present = [part for part in PARTS if any(each["part"] == part for each in values)]
    return _spec(
        values,
        height=220,
        mark={"type": "bar", "stroke": "var(--paper)", "strokeWidth": 0.5},
        encoding={
            "x": _periods(label for label, _ in known),
            "y": {"field": "hours", "type": "quantitative", "title": "GPU-hours"},
            "order": {"field": "order"},
            "color": {
                "field": "part",
                "type": "nominal",
                "title": None,
                "scale": {"domain": present, "range": [PARTS[part] for part in present]},
            },
        },
    )


def cost_over_time(rows: Iterable[tuple[str, Figures]]) -> Spec:
    """Draw the cost of each period with its hard bounds; *rows* are in order of time."""
    known = list(rows)
    values = [{"period": label, **_cost(figures)} for label, figures in known]
    x = _periods(label for label, _ in known)
    return _bars(values, x, _money("y", "usd"), bounds={"y": _low("y"), "y2": {"field": "high"}})


def ranking(rows: Iterable[tuple[str, Figures]]) -> Spec:
    """Draw who cost most, with hard bounds, the dearest first; the others are one bar."""
    ordered = sorted(rows, key=lambda row: (-row[1].cost, row[0]))
    shown = [(_short(label), figures) for label, figures in ordered[:SHOWN]]
    if rest := ordered[SHOWN:]:
        total = sum((figures for _, figures in rest[1:]), rest[0][1])
        shown.append((f"({len(rest)} others)", total))
    names = _distinct([f"{name} (unpriced)" if of.is_unpriced else name for name, of in shown])
    values = [{"name": name, **_cost(of)} for name, (_, of) in zip(names, shown, strict=True)]
    y = {
        "field": "name",
        "type": "nominal",
        "title": None,
        "sort": None,
        "axis": {"labelLimit": 340},
    }
    return _bars(
        values,
        _money("x", "usd"),
        y,
        bounds={"x": _low("x"), "x2": {"field": "high"}},
        height=22 * max(1, len(values)),
    )


def _bars(values: Sequence[Spec], x: Spec, y: Spec, *, bounds: Spec, height: int = 220) -> Spec:
    """Draw bars, and over each a line from its low to its high bound."""
    both = {"x": x, "y": y}
    return {
        **_spec(values, height=height),
        "layer": [
            {"mark": {"type": "bar", "color": "var(--active)"}, "encoding": both},
            {
                "mark": {"type": "rule", "color": "currentColor", "strokeWidth": 1.5},
                "encoding": {**both, **bounds},
            },
        ],
    }


def _spec(values: Sequence[Spec], *, height: int, **more: Any) -> Spec:
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "background": None,
        "width": _WIDTH,
        "height": height,
        "data": {"values": list(values)},
        "config": _CONFIG,
        **more,
    }


def _periods(labels: Iterable[str]) -> Spec:
    """Lay periods out in their order; an hour is labelled by day and time, without its year."""
    return {
        "field": "period",
        "type": "ordinal",
        "title": None,
        "sort": list(labels),
        "axis": {
            "labelOverlap": "greedy",
            "labelSeparation": 12,
            "labelAngle": 0,
            "labelExpr": "length(datum.label) < 16 ? datum.label :"
            " slice(datum.label, 5, 10) + ' ' + slice(datum.label, 11, 16)",
        },
    }


def _money(channel: str, field: str) -> Spec:
    return {"field": field, "type": "quantitative", "title": "USD", "axis": _axis(channel)}


def _axis(channel: str) -> Spec:
    return {"format": ",~f", "orient": "left" if channel == "y" else "bottom"}


def _low(channel: str) -> Spec:
    return _money(channel, "low")


def _parts(figures: Figures) -> Mapping[str, int]:
    unwatched, billed = figures.gap_ms, max(0, figures.adjusted_ms)
    parts = (figures.active_ms, figures.idle_ms, figures.unknown_ms, unwatched, billed)
    return dict(zip(PARTS, parts, strict=True))


def _cost(figures: Figures) -> Spec:
    """Give what a bar shows; what nobody knows the price of has none, not one of 0."""
    amounts = {"usd": figures.cost, "low": figures.cost_low, "high": figures.cost_high}
    return {
        name: None if figures.is_unpriced else _rounded(amount) for name, amount in amounts.items()
    }


def _rounded(amount: Decimal) -> float:
    return round(float(amount), 2)


def _hours(ms: int) -> float:
    return round(ms / _MS_PER_HOUR, 3)


def _short(name: str) -> str:
    """Cut a long name in its middle: what tells names apart is mostly at their ends."""
    shown = clean(name)
    half = (_LONGEST - 1) // 2
    return shown if len(shown) <= _LONGEST else f"{shown[:half]}…{shown[-half:]}"


def _distinct(names: Sequence[str]) -> Sequence[str]:
    """Number names that look the same: bars of one name would be drawn as one, of all they cost."""
    found: list[str] = []
    for name in names:
        numbered = (f"{name} ({number})" for number in count(2))
        found.append(next(each for each in chain((name,), numbered) if each not in found))
    return found
