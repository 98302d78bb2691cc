"""One measured process: does a cycle for each line it is given, and tells what that cost.

``python -m benchmarks.worker floor URL`` or ``… keeper URL FILE``: each line of standard
input says by how many seconds the clock is ahead; each answer is one line of JSON.
"""

import asyncio
import json
import random
import resource
import sqlite3
import sys
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks.clocks import Ahead
from benchmarks.floor import floor
from benchmarks.pairs import STEP_S
from firewarden.app.compose import Seams, open_accounts, open_database
from firewarden.app.keeper import Keeper
from firewarden.app.lease import LeaseKeeper, Terms
from firewarden.app.logging import configure_logging
from firewarden.app.memory import Tools
from firewarden.app.redaction import Redactor
from firewarden.app.settings import Settings, load_settings
from firewarden.app.ticker import LoopTicker
from firewarden.metering.instants import floor_hour
from firewarden.store.engine import Database
from firewarden.store.runner import DbThread

KEY = "fw_simulated"
POLICIES = Path(__file__).parent / "ten.yaml"

LEASED_FOR = timedelta(hours=2)
"""Longer than anything measured here: renewals are no part of a cycle."""

Cycle = Callable[[], Coroutine[None, None, Any]]


def cpu_s() -> float:
    """Tell the seconds of CPU that this process has taken, all its threads together."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def settings_for(url: str, file: Path) -> Settings:
    """Make the settings of a daemon that asks *url* and keeps its ledger in *file*.

    It expects its cycles as far apart as they are: 2.5 times that is a gap, with rows to write.
    """
    return load_settings(
        environ={
            "FIREWORKS_API_KEY": KEY,
            "FIREWORKS_BASE_URL": url,
            "FIREWARDEN_DATABASE_URL": f"sqlite:///{file}",
            "FIREWARDEN_POLICIES": str(POLICIES),
            "FIREWARDEN_POLL_EVERY": f"{STEP_S:.0f}s",
            "FIREWARDEN_METRICS_EVERY": f"{STEP_S:.0f}s",
        },
        dotenv=None,
    ).settings


def seams_of(clock: Ahead) -> Seams:
    """Take all time from *clock*, and nothing from chance."""
    return Seams(clock=clock, wall=clock, rng=random.Random(1), ticker=LoopTicker(clock))


class Product:
    """What the daemon does once a cycle, put together as the daemon does it."""

    def __init__(self, keeper: Keeper, database: Database) -> None:
        """Take a keeper and the ledger it writes."""
        self.keeper = keeper
        self._database = database

    @classmethod
    async def open(cls, stack: AsyncExitStack, url: str, file: Path, clock: Ahead) -> "Product":
        """Open the ledger and the way to the account, and read what leans on deployments."""
        settings = settings_for(url, file)
        configure_logging(clock=clock, redactor=Redactor(), level=settings.log_level)
        seams = seams_of(clock)
        database = open_database(settings, upgrade=True)
        stack.callback(database.close)
        run_db = DbThread()
        stack.callback(run_db.close)
        (account,) = await stack.enter_async_context(open_accounts(settings, seams))
        tools = Tools(
            settings=settings,
            clock=clock,
            wall=clock,
            rng=seams.rng,
            database=database,
            run_db=run_db,
            crash=seams.crash,
        )
        lease = LeaseKeeper(
            account.account,
            database=database,
            run_db=run_db,
            wall=clock,
            rng=seams.rng,
            terms=Terms(ttl=LEASED_FOR),
        )
        await lease.acquire()
        keeper = Keeper(account, tools, lease)
        await keeper.refresh()
        return cls(keeper, database)

    async def cycle(self) -> None:
        """List, fold, judge, commit; then scrape, fold, commit."""
        await self.keeper.cycle()
        await self.keeper.scrape()

    def rows(self) -> int:
        """Tell how many rows SQLite has inserted, changed or deleted since the start."""
        with self._database.connection() as connection:
            driver = connection.connection.dbapi_connection
            assert isinstance(driver, sqlite3.Connection)
            return driver.total_changes

    def check(self) -> None:
        """Make sure that what was measured was the whole thing, not a failure.

        Raises:
            RuntimeError: the listing was not complete, or the scrape proved nothing.
        """
        memory, poll = self.keeper.memory, self.keeper.last_poll
        record = memory.watch.book.last_record if memory else None
        if poll is None or not poll.complete or record is None or not record.whole:
            raise RuntimeError(f"not a whole cycle: {poll} {record}")


def _answer(found: dict[str, Any]) -> None:
    print(json.dumps(found), flush=True)


def serve_floor(url: str) -> None:
    """Answer with the cost of the floor."""
    cycle = floor(url, KEY)
    with asyncio.Runner() as runner:
        for _ in sys.stdin:
            before = cpu_s()
            counts = runner.run(cycle())
            _answer({"cpu_s": cpu_s() - before, "deployments": counts[0], "lines": counts[1]})


def serve_keeper(url: str, file: Path) -> None:
    """Answer with the cost of the product, the rows that it wrote, and the hour that it was."""
    clock = Ahead()
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        try:
            product = runner.run(Product.open(stack, url, file, clock))
            for line in sys.stdin:
                clock.by = timedelta(seconds=float(line))
                rows, before = product.rows(), cpu_s()
                runner.run(product.cycle())
                spent = cpu_s() - before
                product.check()
                hour = floor_hour(clock.now()).isoformat()
                _answer({"cpu_s": spent, "rows": product.rows() - rows, "hour": hour})
        finally:
            runner.run(stack.aclose())


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["floor", at]:
            serve_floor(at)
        case ["keeper", at, ledger]:
            serve_keeper(at, Path(ledger))
        case _:
            sys.exit(__doc__)
