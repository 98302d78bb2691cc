"""What may happen in a simulated life has to happen in some of them, or the lives prove little.

A test says what did, by ``record_property("sometimes", …)``; the properties come home from every
worker with the reports. A run of enough lives fails where something that is wanted never happened.
"""

from collections import Counter
from collections.abc import Iterable
from typing import TypedDict

import pytest

ENOUGH = 200
"""So many lives are to show everything; fewer show what they can."""

PROPERTY = "sometimes"


class Told(TypedDict):
    """What one life wants to see in any of them, and what happened in it."""

    wanted: list[str]
    happened: dict[str, int]


class Sometimes:
    """A plugin that adds up what happened, and says at the end what never did."""

    def __init__(self) -> None:
        self.lives = 0
        self.happened: Counter[str] = Counter()
        self.wanted: set[str] = set()

    @property
    def missing(self) -> list[str]:
        """What never happened, in as many lives as should have shown it."""
        return sorted(self.wanted - self.happened.keys()) if self.lives >= ENOUGH else []

    def add(self, told: Told) -> None:
        """Take in one life."""
        self.lives += 1
        self.wanted.update(told["wanted"])
        self.happened.update(told["happened"])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            for told in _told(report.user_properties):
                self.add(told)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.missing and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self.lives:
            return
        terminalreporter.section(f"what happened in {self.lives} lives")
        for name in self.missing:
            terminalreporter.write_line(f"NEVER  {name}", red=True)
        rare = sorted(self.happened.items(), key=lambda each: (each[1], each[0]))
        shown = ", ".join(f"{name} {count}" for name, count in rare)
        terminalreporter.write_line(shown)


def _told(properties: Iterable[tuple[str, object]]) -> Iterable[Told]:
    for name, value in properties:
        if name == PROPERTY and isinstance(value, dict):
            yield Told(wanted=value["wanted"], happened=value["happened"])
