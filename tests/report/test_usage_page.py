"""The report as a page: the numbers of the table, no request, dark and light, on a phone too."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from firewarden.app.usage_page import draw_charts
from firewarden.report.charts import PARTS
from firewarden.report.text import clean
from firewarden.report.usage import ADJUSTMENTS, Figures, UsageReport, UsageState, figure_cells
from firewarden.report.usage_html import UsagePage, chart_specs, over_time, usage_html
from tests.report.views import HOSTILE, NOW, a_report

HOUR_MS = 3_600_000
USED = Figures(
    gpu_ms=100 * HOUR_MS, low_ms=90 * HOUR_MS, high_ms=110 * HOUR_MS, idle_ms=30 * HOUR_MS,
    cost=Decimal(800), cost_low=Decimal(720), cost_high=Decimal(880), idle_cost=Decimal(240),
    idle_actionable_cost=Decimal(80),
)  # fmt: skip

UNPRICED = replace(
    USED, unpriced_ms=USED.gpu_ms, cost=Decimal(0), cost_low=Decimal(0), cost_high=Decimal(0),
    idle_cost=Decimal(0), idle_actionable_cost=Decimal(0),
)  # fmt: skip


def a_page(report: UsageReport) -> UsagePage:
    return UsagePage(
        account="acme",
        at=NOW,
        report=report,
        unit="day",
        over_time=[(f"2026-11-{day:02d}", USED) for day in range(1, 31)],
        by_deployment=[(f"exp-{number}", USED) for number in range(20)],
    )


def shown(*rows: tuple[str, Figures], **changes: object) -> str:
    report = a_report(*(({"deployment": name}, figures) for name, figures in rows))
    return usage_html(a_page(replace(report, **changes)), {})  # type: ignore[arg-type]  # any field


def test_the_page_is_self_contained() -> None:
    page = shown(("exp-7", USED))

    assert "<script" not in page
    assert "default-src 'none'" in page.replace("&#x27;", "'")
    assert not re.search(r"https?://|@import|\bsrc=|\bhref=", page)


def test_every_cell_of_the_table_and_the_total_is_on_it() -> None:
    other = replace(USED, gpu_ms=7 * HOUR_MS, cost=Decimal("56.129"))
    report = a_report(({"deployment": "a"}, USED), ({"deployment": "b"}, other))

    page = usage_html(a_page(report), {})

    cells = [*figure_cells(USED), *figure_cells(other), *figure_cells(report.total)]
    assert [cell for cell in cells if f"<span>{cell}</span>" not in page] == []


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        pytest.param(USED, "between 720.00 USD and 880.00 USD; 100.00 GPU-hours, 30.0 %", id="sum"),
        pytest.param(USED, "240.00 USD, of which 80.00 USD nothing protects", id="idle"),
        pytest.param(
            replace(USED, unpriced_ms=5 * HOUR_MS),
            "5.00 GPU-hours have no known price and are in no amount", id="unpriced in part",
        ),
        pytest.param(UNPRICED, ">unpriced<", id="unpriced in whole"),
        pytest.param(
            UNPRICED, ">no price is known of any of it; 100.00 GPU-hours, 30.0 % of them idle. All",
            id="unpriced in whole has no bounds",
        ),
        pytest.param(
            replace(USED, adjusted_ms=-2 * HOUR_MS),
            "The bill takes 2.00 GPU-hours away, which no bar shows.", id="taken away",
        ),
        pytest.param(
            replace(USED, gap_ms=HOUR_MS), "1.00 GPU-hours lie in gaps: nobody watched", id="gaps"
        ),
        *(
            pytest.param(replace(USED, state=state), words, id=state.value)
            for state, words in (
                (UsageState.DISPUTED, "the bill says something else"),
                (UsageState.ESTIMATED, "its bill not in yet"),
                (UsageState.BACKFILLED, "before the first poll"),
                (UsageState.ADJUSTED, "agrees with the bill"),
                (UsageState.SETTLED, "the bill says the same"),
            )
        ),
    ],
)  # fmt: skip
def test_how_sure_it_is_stands_at_the_top(figures: Figures, words: str) -> None:
    assert words in shown(("exp-7", figures))


def test_every_pattern_that_a_part_is_filled_with_is_on_the_page() -> None:
    needed = {fill[5:-1] for fill in PARTS.values() if fill.startswith("url(#")}

    assert needed == set(re.findall(r'<pattern [^>]*\bid="(\w+)"', shown(("exp-7", USED))))


def test_a_report_that_is_not_complete_says_so() -> None:
    assert "Not complete: page 2 failed" in shown(
        ("exp-7", USED), complete=False, problem="page 2 failed"
    )


def test_whose_it_is_and_when_it_was_made_stand_at_the_top() -> None:
    page = shown(("exp-7", USED), timezone="Europe/Berlin")

    assert "acme · 2026-11-21 15:00 CET to 2026-11-22 15:00 CET" in page
    assert "made 2026-11-22 15:00 CET; days begin at midnight in Europe/Berlin" in page


def test_nothing_known_is_not_called_nothing_used() -> None:
    page = shown(complete=False, problem="no complete listing yet")

    assert "Not complete: no complete listing yet" in page
    assert "Nothing is known to have been used in this stretch of time." in page


@pytest.mark.parametrize(
    ("unit", "used_in", "length", "labels"),
    [
        pytest.param(
            "day", ["2026-11-20"], timedelta(days=3),
            ["2026-11-19", "2026-11-20", "2026-11-21", "2026-11-22"], id="unused days are there",
        ),
        pytest.param(
            "hour", [ADJUSTMENTS, "2026-11-22T13:00+00:00"], timedelta(hours=2),
            ["2026-11-22T12:00+00:00", "2026-11-22T13:00+00:00", ADJUSTMENTS],
            id="what is of no hour comes last",
        ),
        pytest.param("day", [], timedelta(hours=1), ["2026-11-22"], id="nothing used"),
    ],
)  # fmt: skip
def test_time_has_no_holes(
    unit: str, used_in: list[str], length: timedelta, labels: list[str]
) -> None:
    rows = [({unit: label}, USED) for label in used_in]
    report = a_report(*rows, since=NOW - length, group_by=(unit,))

    found = over_time(report, unit)

    assert [label for label, _ in found] == labels
    assert {label for label, figures in found if figures == USED} == set(used_in)
    assert sum((figures.cost for _, figures in found), Decimal(0)) == report.total.cost


def test_nothing_used_is_a_page_without_charts() -> None:
    view = a_page(a_report())

    assert chart_specs(view) == {}
    assert draw_charts(view) == {}
    assert "Nothing is known to have been used" in usage_html(view, {})


def test_hostile_names_stay_text() -> None:
    view = replace(a_page(a_report(({"deployment": HOSTILE}, USED))), account=HOSTILE)
    page = usage_html(replace(view, by_deployment=[(HOSTILE, USED)]), draw_charts(view))

    assert "<script" not in page
    assert "\x1b" not in page
    assert "&lt;script&gt;" in page


@pytest.fixture
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = [({"deployment": f"exp-{number}"}, USED) for number in range(500)]
    view = a_page(a_report(*rows))
    target = tmp_path_factory.mktemp("page") / "report.html"
    target.write_text(usage_html(view, draw_charts(view)), encoding="utf-8")
    return target


def opened(page: Page, target: Path) -> tuple[list[str], list[str]]:
    complaints: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(target.as_uri())
    page.wait_for_load_state("networkidle")
    return complaints, requests


LUMINANCE = """
(colours) => {
  const shine = (colour) => colour.match(/[0-9.]+/g).slice(0, 3).map(Number)
    .map((part) => part / 255)
    .map((part) => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
  const [one, other] = colours.map(shine).sort((a, b) => b - a);
  return (one + 0.05) / (other + 0.05);
}
"""
"""Contrast of two colours (WCAG 2.2, 1.4.3)."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_shows_it_without_a_complaint_or_a_request(
    browser: Browser, page_file: Path, scheme: str
) -> None:
    page = browser.new_page(color_scheme="dark" if scheme == "dark" else "light")

    complaints, requests = opened(page, page_file)

    assert complaints == []
    assert requests == [page_file.as_uri()]
    assert page.locator("figure svg").count() == 3
    assert page.locator("tbody tr").count() == 500
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(20, 23, 27)" if scheme == "dark" else "rgb(255, 255, 255)")
    for part in ("p", "figcaption span", "th", "figure svg text"):
        name = "fill" if part.endswith("text") else "color"
        ink = page.locator(part).first.evaluate(f"element => getComputedStyle(element).{name}")
        assert page.evaluate(LUMINANCE, [ink, paper]) >= 4.5, part


def test_a_phone_shows_it_without_scrolling_sideways(browser: Browser, page_file: Path) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 740})

    opened(page, page_file)

    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    chart = page.locator(".chart").first
    assert chart.evaluate("box => box.scrollWidth > box.clientWidth"), "a chart scrolls by itself"
    label = page.locator("td[data-label=deployment]").first.evaluate(
        "cell => getComputedStyle(cell, '::before').content"
    )
    assert label == '"deployment"'


@pytest.mark.parametrize("width", [360, 700, 1280])
def test_no_number_is_broken_in_two(browser: Browser, tmp_path: Path, width: int) -> None:
    dear = replace(USED, cost=Decimal("1234567.89"), cost_high=Decimal("2234567.89"))
    target = tmp_path / "dear.html"
    target.write_text(shown(("llama-70b-of-a-long-name", dear)), encoding="utf-8")
    page = browser.new_page(viewport={"width": width, "height": 740})

    opened(page, target)

    broken = page.locator(".wide .number > span").evaluate_all(
        "spans => spans.filter(span => span.getClientRects().length > 1).map(s => s.innerText)"
    )
    assert broken == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_hostile_page_runs_nothing(browser: Browser, tmp_path: Path) -> None:
    names = [
        HOSTILE,
        "\"'&</text></svg><script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
    ]
    view = a_page(a_report(*(({"deployment": name}, USED) for name in names)))
    view = replace(view, by_deployment=[(name, USED) for name in names])
    target = tmp_path / "hostile.html"
    target.write_text(usage_html(view, draw_charts(view)), encoding="utf-8")
    page = browser.new_page()

    complaints, requests = opened(page, target)

    assert (complaints, requests) == ([], [target.as_uri()])
    assert page.locator("script, img").count() == 0
    assert page.locator("tbody td[data-label=deployment]").all_inner_texts() == [
        clean(name) for name in names
    ]


def test_names_are_cleaned_as_on_a_terminal() -> None:
    assert clean("exp\u202e7") in shown(("exp\u202e7", USED))
