"""P5: a month's report out of 400 days, beside SQL over raw samples.

One day is lived through by the product's own hand; its hours and days are then copied into the
past. The peer sums samples of every 30 s by deployment in one statement over one day of them,
which is as little as it can do; a month is taken as 31 times that, since it reads every row.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks.figures import Figure, ratio, spread
from benchmarks.history import copied
from benchmarks.recorded import ACCOUNT, BEGIN, DAY, Recorded, deployments
from benchmarks.storage import RAW_TABLE, opened
from firewarden.app.queries import Ledger
from firewarden.app.settings import Settings, load_settings
from firewarden.app.usage import read_report
from firewarden.store.engine import Database

COUNT, DAYS = 1_000, 400
CHANGES = 16
MONTH = 31
ROUNDS, ROUNDS_QUICK = 9, 3
WARM_UP = 1

TARGET_MS, TIMES = 200.0, 50.0

RAW_REPORT = """\
SELECT deployment, SUM(ready * 30), SUM(CASE WHEN busy THEN 0 ELSE ready * 30 END)
FROM sample WHERE at >= ? AND at < ? GROUP BY deployment
"""


def figures(*, quick: bool) -> list[Figure]:
    """Write 400 days, and read the newest month of them and the raw samples in turn."""
    rounds = ROUNDS_QUICK if quick else ROUNDS
    with TemporaryDirectory() as name:
        folder = Path(name)
        account = Recorded(deployments(COUNT), changes=CHANGES, seed=1)
        with opened(folder / "day.db") as database:
            account.live(database, 0)
        tables = {"poll", "usage_hour", "usage_day"}
        rows = copied(folder / "day.db", days=DAYS, into=folder / "ledger.db", tables=tables)
        with (
            opened(folder / "ledger.db") as database,
            _raw(account, folder / "raw.db") as raw,
        ):
            settings = _settings(folder)
            timed = [
                (_report(database, settings), MONTH * _raw_report(raw))
                for _ in range(WARM_UP + rounds)
            ][WARM_UP:]
    ours, theirs = [one for one, _ in timed], [other for _, other in timed]
    details = f"{spread(ours)} against {spread(theirs)}, {rounds} pairs; {rows:,} rows"
    return [
        Figure(
            name="P5",
            what=f"a month's report by deployment, {COUNT:,} deployments, {DAYS} days stored",
            value=sorted(ours)[len(ours) // 2] * 1_000,
            target=TARGET_MS,
            unit="ms",
            details=details,
        ),
        Figure(
            name="P5",
            what="SQL over raw samples of every 30 s / that report",
            value=ratio(theirs, ours),
            target=TIMES,
            is_floor=True,
            details=details,
        ),
    ]


def _settings(folder: Path) -> Settings:
    file = folder / "firewarden.toml"
    file.write_text('policies = "none"\n', encoding="utf-8")
    return load_settings(file, {"FIREWORKS_API_KEY": "fw"}, dotenv=None).settings


def _report(database: Database, settings: Settings) -> float:
    begun = perf_counter()
    with database.reading() as session:
        ledger = Ledger(
            settings=settings, session=session, account=ACCOUNT, timezone="UTC", now=BEGIN + DAY
        )
        since = (BEGIN + DAY - MONTH * DAY).isoformat()
        found = read_report(ledger, since=since, until=None, group_by=["deployment"], timezone=None)
    took = perf_counter() - begun
    held = sum(figures.gpu_ms for _, figures in found.rows)
    if len(found.rows) != COUNT or not held:
        raise RuntimeError(f"the report holds {len(found.rows)} deployments and {held} GPU-ms")
    return took


@contextmanager
def _raw(account: Recorded, file: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(file)) as connection:
        with connection:
            connection.execute(RAW_TABLE)
            connection.executemany(
                "INSERT INTO sample VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", account.samples(0)
            )
        yield connection


def _raw_report(connection: sqlite3.Connection) -> float:
    begun = perf_counter()
    since = int(BEGIN.timestamp() * 1_000)
    until = since + int(DAY / timedelta(milliseconds=1))
    rows = connection.execute(RAW_REPORT, (since, until)).fetchall()
    took = perf_counter() - begun
    if len(rows) != COUNT:
        raise RuntimeError(f"the samples hold {len(rows)} deployments")
    return took
