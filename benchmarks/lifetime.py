"""The whole daemon in virtual time, for so many cycles: tells how large the process has become.

``python -m benchmarks.lifetime CYCLES`` prints a line of JSON each time a twentieth is over.
The simulated account is in the same process; what it remembers of requests is bounded.
"""

import json
import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from benchmarks.processes import resident
from benchmarks.worker import POLICIES
from firewarden.app.logging import configure_logging
from firewarden.app.redaction import Redactor
from firewarden.clock.virtual import VirtualClock, run_virtual
from firewarden.providers.simulated.http import application
from firewarden.providers.simulated.log import Log
from firewarden.providers.simulated.world import World
from tests.simulation.stages import account_of, in_memory, small_fleet
from tests.support.daemon import Heard, Stage, running, settings_for

START = datetime(2026, 11, 2, 6, tzinfo=UTC)
COUNT = 3
EVERY = timedelta(seconds=5)
"""Between cycles; everything else comes as often as it always does."""

PARTS = 20


def main(cycles: int) -> None:
    """Live through *cycles*, and a few more or fewer."""
    with TemporaryDirectory(dir=in_memory()) as folder:
        run_virtual(lambda clock: _live(clock, Path(folder), cycles), start=START)


async def _live(clock: VirtualClock, folder: Path, cycles: int) -> None:
    configure_logging(clock=clock, redactor=Redactor(), level="warning")
    world = World([account_of(small_fleet()[:COUNT])], seed=1, start=clock.now())
    every = f"{EVERY.total_seconds():.0f}s"
    stage = Stage(
        world=world,
        clock=clock,
        settings=settings_for(folder, POLICIES, FIREWARDEN_POLL_EVERY=every),
        heard=Heard(),
        transport=httpx.ASGITransport(app=application(world, clock=clock, log=Log(most=100))),
    )
    async with running(stage):
        for _ in range(PARTS):
            await clock.sleep(cycles * EVERY / PARTS)
            told = {
                "cycles": _count(folder / "ledger.db", "poll"),
                "scrapes": _count(folder / "ledger.db", "scrape"),
                "rss_mib": resident("self").now,
            }
            print(json.dumps(told), flush=True)


def _count(ledger: Path, name: str) -> int:
    with closing(sqlite3.connect(ledger)) as connection:
        (count,) = connection.execute(f"SELECT count(*) FROM {name}").fetchone()
    return int(count)


if __name__ == "__main__":
    main(int(sys.argv[1]))
