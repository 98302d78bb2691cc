"""A ledger that has been written for many days: one is lived through, the others are its copies.

The day that is lived through is yesterday, by the product's own hand (see `Recorded`). Its rows
are then copied day by day into the past, where they are as many, and as large, as if each of
these days had been lived through; what is still open belongs to the newest day alone.
"""

import asyncio
import shutil
import sqlite3
from collections.abc import Collection
from contextlib import closing
from pathlib import Path

from benchmarks.clocks import Ahead
from benchmarks.recorded import DAY, Recorded
from benchmarks.storage import CHANGES, opened
from benchmarks.worker import seams_of, settings_for
from firewarden.app.compose import open_accounts
from firewarden.clock.real import WallClock
from firewarden.model.deployment import Deployment

MS_A_DAY = 86_400_000
COPIED = {
    "poll": (MS_A_DAY, ("asked_at", "answered_at"), "ok"),
    "scrape": (MS_A_DAY, ("answered_at",), "whole"),
    "segment": (MS_A_DAY, ("start_lo", "end_lo", "confirmed_at"), "end_lo IS NOT NULL"),
    "activity_run": (MS_A_DAY, ("since", "until"), "until IS NOT NULL"),
    "usage_hour": (24, ("hour",), "hour"),
    "usage_day": (1, ("day",), "day"),
}
"""Of each table that grows: a day in its unit, its instants, and which of its rows have ended."""


def lived_through(url: str, file: Path) -> None:
    """Make a ledger *file* of yesterday, of the account that is served at *url*."""
    midnight = WallClock().now().replace(hour=0, minute=0, second=0, microsecond=0)
    fleet = asyncio.run(_fleet(url, file))
    account = Recorded(fleet, changes=CHANGES, seed=1, begin=midnight - DAY)
    with opened(file) as database:
        account.live(database, 0)


def copied(
    file: Path, *, days: int, into: Path, tables: Collection[str] = frozenset(COPIED)
) -> int:
    """Make the ledger *into* of *file*, as if it had been written for *days*; give its rows.

    Of *tables* alone, where the others make no difference.
    """
    shutil.copyfile(file, into)
    with closing(sqlite3.connect(into)) as connection, connection:
        for name in sorted(tables):
            connection.execute(_statement(connection, name), {"days": days})
        counts = [
            connection.execute(f"SELECT count(*) FROM {name}").fetchone() for name in sorted(tables)
        ]
    return sum(count for (count,) in counts)


def _statement(connection: sqlite3.Connection, name: str) -> str:
    day, instants, ended = COPIED[name]
    columns = connection.execute(f"PRAGMA table_info({name})").fetchall()
    names = [column[1] for column in columns]
    keys = ", ".join(str(number) for number, column in enumerate(columns, start=1) if column[5])
    shown = ", ".join(f"{each} - ago * {day}" if each in instants else each for each in names)
    return (
        "WITH RECURSIVE past(ago) AS (SELECT 1 UNION ALL SELECT ago + 1 FROM past"
        " WHERE ago < :days - 1)"
        f" INSERT INTO {name} SELECT {shown} FROM {name}, past WHERE {ended} ORDER BY {keys}"
    )


async def _fleet(url: str, file: Path) -> list[Deployment]:
    async with open_accounts(settings_for(url, file), seams_of(Ahead())) as (account,):
        fleet = await account.provider.fetch_fleet()
    return list(fleet.deployments.values())
