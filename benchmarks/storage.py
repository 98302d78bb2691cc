"""P9: what a deployment-day costs on disk, beside a table with one row for each look at it.

Everything the meter keeps is counted: polls, scrapes, segments, runs of use, usage by hour
and day, descriptions, indexes, and what SQLite leaves free. The first day brings what is
written once for each deployment; what counts is how the file grows in the days after it.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.figures import Figure
from benchmarks.recorded import Recorded, deployments
from firewarden.store.engine import Database

TARGET = 2_048
COUNT = 500
CHANGES = 16
DAYS = 2

RAW_TABLE = """\
CREATE TABLE sample (
    deployment INTEGER NOT NULL, at INTEGER NOT NULL, ready INTEGER NOT NULL,
    starting INTEGER NOT NULL, floor INTEGER NOT NULL, ceiling INTEGER NOT NULL,
    desired INTEGER NOT NULL, busy INTEGER NOT NULL, state TEXT NOT NULL,
    PRIMARY KEY (deployment, at)
) WITHOUT ROWID
"""


def figures(*, quick: bool) -> list[Figure]:  # noqa: ARG001 - a smaller one tells nothing
    """Record some days in a ledger, and one of them raw."""
    account = Recorded(deployments(COUNT), changes=CHANGES, seed=1)
    with TemporaryDirectory() as folder:
        sizes = list(_grown(account, Path(folder) / "ledger.db", days=DAYS))
        raw = _raw(account, Path(folder) / "raw.db") / COUNT
    ours = (sizes[-1] - sizes[0]) / (DAYS - 1) / COUNT
    return [
        Figure(
            name="P9",
            what=f"storage of a deployment-day, {COUNT} deployments, {CHANGES} changes of replicas"
            f" and {CHANGES} of use a day, listings and scrapes every 30 s",
            value=ours,
            target=TARGET,
            unit="bytes",
            details=f"raw samples {raw:,.0f} bytes: {raw / ours:.0f} x as much;"
            f" the first day {sizes[0] / COUNT:,.0f} bytes",
        )
    ]


def _grown(account: Recorded, file: Path, *, days: int) -> Iterator[int]:
    """Live day after day, and tell the size of the file after each."""
    for day in range(days):
        with opened(file) as database:
            account.live(database, day)
        yield file.stat().st_size


@contextmanager
def opened(file: Path) -> Iterator[Database]:
    """Open the ledger; closed again, it is one file and its log is empty."""
    database = Database.open(f"sqlite:///{file}", upgrade=True)
    try:
        yield database
    finally:
        database.close()


def _raw(account: Recorded, file: Path) -> int:
    connection = sqlite3.connect(file)
    try:
        with connection:
            connection.execute(RAW_TABLE)
            connection.executemany(
                "INSERT INTO sample VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", account.samples(0)
            )
    finally:
        connection.close()
    return file.stat().st_size
