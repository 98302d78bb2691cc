"""Writes the page of results: a run puts its rows in place of the older ones of the same names."""

import os
import platform
import sqlite3
import subprocess
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.figures import Figure, show

PAGE = Path(__file__).parent / "RESULTS.md"
LIBRARIES = ("httpx", "msgspec", "pydantic", "sqlalchemy", "sqlmodel", "typer")
MISSED = "**missed**"


def write(figures: Sequence[Figure]) -> None:
    """Write *figures* with when and of which commit they are, and keep the rows of all others."""
    old = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    PAGE.write_text(page(figures, old, measured=_measured(), machine=_machine()), encoding="utf-8")


def page(figures: Sequence[Figure], old: str, *, measured: str, machine: str) -> str:
    """Put the rows of *figures* into the *old* page; each row says when it was *measured*."""
    rows = [*_kept(old, {figure.name for figure in figures})]
    rows += [_row(figure, measured) for figure in figures]
    rows.sort(key=lambda row: int(_name(row)[1:]))
    missed = sum(f"| {MISSED} |" in row for row in rows)
    verdict = f"{missed} of {len(rows)} missed" if missed else "all targets met"
    lines = "\n".join(rows)
    return f"""\
# Results of `make bench`

**{verdict}**. Each row says when it was measured, and of which commit; the newest are of {machine}.

Ratios are medians over pairs that were measured in turn, in CPU time of the measured process;
the absolute figures are of that machine and that hour. What each row means, and how to run one
of them: [docs/performance.md](../docs/performance.md).

| | Measured | Figure | Target | | Details | When |
|---|---|--:|--:|---|---|---|
{lines}
"""


def _kept(old: str, names: Collection[str]) -> list[str]:
    rows = [line for line in old.splitlines() if line.startswith("| P")]
    return [row for row in rows if _name(row) not in names]


def _name(row: str) -> str:
    return row.split("|")[1].strip()


def _measured() -> str:
    git = ["git", "-C", str(PAGE.parent)]
    commit, changed = (
        subprocess.run([*git, *ask], capture_output=True, text=True, check=True).stdout.strip()
        for ask in (["rev-parse", "--short", "HEAD"], ["status", "--porcelain", "-uno"])
    )
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {commit}{' and changes' if changed else ''}"


def _row(figure: Figure, measured: str) -> str:
    verdict = "ok" if figure.is_reached else MISSED
    value, target = (show(each, figure.unit) for each in (figure.value, figure.target))
    bound = f"{'≥' if figure.is_floor else '≤'} {target}"
    cells = (figure.name, figure.what, value, bound, verdict, figure.details, measured)
    return f"| {' | '.join(cells)} |"


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
