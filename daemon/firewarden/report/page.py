"""A page of HTML that stands alone: no script, no request, dark and light, on a phone too."""

import base64
import hashlib
from collections.abc import Sequence

from firewarden.report.html import Markup, join, tag

STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--paper:#fff;--panel:#f5f6f8;
--line:#d5d9df;--bar:#b4460f;--accent:#0b57d0;--active:#1f6fb2;--idle:#e39b00;--unknown:#8d949e;
--billed:#9a6fb0}
@media (prefers-color-scheme:dark){:root{--ink:#e8eaed;--soft:#a5adb8;--paper:#14171b;
--panel:#1e2329;--line:#363d46;--bar:#ff9a62;--accent:#9ec1ff;--active:#6db3ee;--idle:#f2b93b;
--unknown:#8b929c;--billed:#c9a3dd}}
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
td svg{display:block;width:100%;min-width:8rem;max-width:16rem;height:1.75rem}
td svg rect{fill:var(--bar)}
td svg .ground{fill:var(--line)}
figure{margin:2rem 0 0}
figcaption{font-size:1.25rem;font-weight:600;margin-bottom:.5rem}
figcaption span{display:block;font-size:.9rem;font-weight:400}
.chart,.wide{overflow-x:auto}
.wide{overflow-wrap:normal}
.wide td:not(.number){min-width:6rem;overflow-wrap:anywhere}
.wide td.number{white-space:nowrap}
.wide table{font-size:.875rem}
.chart svg{display:block;width:100%;min-width:44rem;height:auto}
.patterns{position:absolute;width:0;height:0}
.patterns .idle{fill:var(--idle)}
.patterns .unwatched{fill:var(--panel)}
.patterns .hatch{stroke:var(--ink);stroke-width:1}
.patterns .billed{fill:var(--billed)}
.patterns .idle+.hatch,.patterns .billed+.hatch{stroke:#1b1f24}
@media (max-width:40rem){
thead{position:absolute;clip-path:inset(50%);width:1px;height:1px;overflow:hidden}
tr{display:block;padding:.6rem 0;border-bottom:1px solid var(--line)}
th,td{border:0}
td{display:grid;grid-template-columns:8rem 1fr;gap:.5rem;padding:.1rem 0}
td:empty{display:none}
td::before{content:attr(data-label);color:var(--soft)}
.number{text-align:left}}
"""


def page(title: str, *sections: Markup) -> str:
    """Compose the page. Whatever is no markup is escaped; styles are pinned by their hash."""
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", title),
        tag("style", Markup(STYLE)),
    )
    body = tag("body", tag("main", *sections))
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def table(
    names: tuple[str, ...],
    rows: Sequence[tuple[str, ...]],
    *,
    numbers: set[str],
    total: tuple[str, ...] = (),
) -> Markup:
    """Lay *rows* out; on a phone each row is a block of its cells with their names.

    *numbers* are the columns to be right-aligned; *total* is set apart below.
    """

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
