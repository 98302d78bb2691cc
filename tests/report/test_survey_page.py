"""The survey's page: self-contained, escaped, and readable in a real browser."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from firewarden.report.survey_html import survey_html
from tests.report.views import HOSTILE, a_survey


def test_the_page_is_self_contained() -> None:
    page = survey_html(a_survey())

    assert "<script" not in page
    assert "default-src 'none'" in page.replace("&#x27;", "'")
    assert not re.search(r"https?://|url\(|@import|\bsrc=|\bhref=", page)


def test_hostile_names_stay_text() -> None:
    survey = a_survey()
    hostile = survey.findings[0]
    page = survey_html(a_survey(account=HOSTILE, problem=HOSTILE, notes=(HOSTILE,), role=HOSTILE))

    assert hostile.subject in page
    assert "<script" not in page
    assert "\x1b" not in page
    assert "&lt;script&gt;" in page


def test_an_empty_account_has_a_page_too() -> None:
    page = survey_html(a_survey(findings=(), running=(), billed=(), prices=()))

    assert "Nothing looks wrong" in page
    assert "0.00 USD/h" in page


@pytest.fixture
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page_file(tmp_path: Path) -> Path:
    target = tmp_path / "survey.html"
    target.write_text(survey_html(a_survey(problem="page 2 of 3 failed")), encoding="utf-8")
    return target


def _open(page: Page, target: Path) -> tuple[list[str], list[str]]:
    complaints: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(target.as_uri())
    page.wait_for_load_state("networkidle")
    return complaints, requests


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_shows_it_without_a_complaint_or_a_request(
    browser: Browser, page_file: Path, scheme: str
) -> None:
    page = browser.new_page(color_scheme="dark" if scheme == "dark" else "light")

    complaints, requests = _open(page, page_file)

    assert complaints == []
    assert requests == [page_file.as_uri()]
    assert page.locator(".burn").inner_text() == "16.00 USD/h"
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(20, 23, 27)" if scheme == "dark" else "rgb(255, 255, 255)")


def test_a_phone_shows_it_without_scrolling_sideways(browser: Browser, page_file: Path) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 740})

    _open(page, page_file)

    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 360
    cell = page.locator("td[data-label=Deployment]").first
    label = cell.evaluate("cell => getComputedStyle(cell, '::before').content")
    assert label == '"Deployment"'
