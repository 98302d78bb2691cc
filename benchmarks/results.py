"""Writes the page that a whole run leaves behind."""

import os
import platform
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.figures import Figure, show

PAGE = Path(__file__).parent / "RESULTS.md"
LIBRARIES = ("httpx", "msgspec", "pydantic", "sqlalchemy", "sqlmodel", "typer")


def write(figures: Sequence[Figure]) -> None:
    """Write all *figures*, the machine they are of, and what was missed."""
    missed = [figure for figure in figures if not figure.is_reached]
    verdict = f"{len(missed)} of {len(figures)} missed" if missed else "all targets met"
    rows = "\n".join(_row(figure) for figure in figures)
    PAGE.write_text(
        f"""\
# Results of `make bench`

{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {_machine()}: **{verdict}**.

Ratios are medians over pairs that were measured in turn, in CPU time of the measured process;
the absolute figures are of this machine and this hour. What each row means, and how to run one
of them: [docs/performance.md](../docs/performance.md).

| | Measured | Figure | Target | | Details |
|---|---|--:|--:|---|---|
{rows}
"""
    )


def _row(figure: Figure) -> str:
    verdict = "ok" if figure.is_reached else "**missed**"
    value, target = (show(each, figure.unit) for each in (figure.value, figure.target))
    bound = f"{'≥' if figure.is_floor else '≤'} {target}"
    return f"| {figure.name} | {figure.what} | {value} | {bound} | {verdict} | {figure.details} |"


def _machine() -> str:
    load = os.getloadavg()[0]
    versions = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return (
        f"{os.cpu_count()} cores ({_processor()}), load {load:.1f} at the end,"
        f" {platform.system()} {platform.release()}, Python {platform.python_version()},"
        f" SQLite {sqlite3.sqlite_version}, {versions}, firewarden {version('firewarden')}"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
