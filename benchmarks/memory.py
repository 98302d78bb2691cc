"""P6: how much memory the daemon takes, and whether it takes more the longer it lives.

At rest it is measured from outside, as a process that looks after a simulated account over HTTP
and is asked for its metrics all the while; what counts is the most that it ever had. How it
grows is measured in virtual time (see `benchmarks.lifetime`).
"""

import json
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from benchmarks.figures import Figure
from benchmarks.processes import OURS, Resident, resident, running
from benchmarks.worker import KEY, POLICIES
from firewarden.clock.real import WallClock

SMALL, LARGE = (500, 10), (10_000, 2)
"""How many deployments, and how much faster than life: as fast as they can be served."""

LIVE_SHARE = 5
MOST_SMALL, MOST_LARGE, MOST_GROWTH = 130.0, 260.0, 2.0
CYCLES = 100_000
"""At some 7 ms each: by far the longest of all measurements."""

WARM_UP = 10_000
SETTLED = 8
SETTLED_QUICK = 4
"""Cycles and scrapes after which everything has been done at least once."""

PATIENCE_S = 600.0
WALL = WallClock()


def figures(*, quick: bool) -> list[Figure]:
    """Measure two accounts at rest, and a long life; a short life would tell nothing of it."""
    cycles = SETTLED_QUICK if quick else SETTLED
    at_rest = [
        _at_rest(*SMALL, target=MOST_SMALL, cycles=cycles),
        _at_rest(*LARGE, target=MOST_LARGE, cycles=cycles),
    ]
    return at_rest if quick else [*at_rest, _grown()]


def _at_rest(count: int, speed: int, *, target: float, cycles: int) -> Figure:
    live = count // LIVE_SHARE
    with (
        TemporaryDirectory() as folder,
        _daemon(count, live, speed, Path(folder)) as (process, url),
    ):
        found = _settled(process, url, Path(folder) / "ledger.db", cycles)
    return Figure(
        name="P6",
        what=f"resident memory of `firewarden run`, {count:,} deployments, {live:,} live,"
        " the most it ever had",
        value=found.peak,
        target=target,
        unit="MiB",
        details=f"{found.now:.1f} MiB at the end, after {cycles} cycles and scrapes at"
        f" {speed} x life, its metrics read each second",
    )


@contextmanager
def _daemon(
    count: int, live: int, speed: int, folder: Path
) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Run the daemon before a simulator; give its process and the address that it serves."""
    origin = WALL.now().isoformat()
    words = [sys.executable, "-m", "benchmarks.simulator", count, live, speed, origin]
    with running([str(each) for each in words]) as simulator:
        assert simulator.stdout is not None
        address = f"127.0.0.1:{_free_port()}"
        variables = {
            "FIREWORKS_API_KEY": KEY,
            "FIREWORKS_BASE_URL": f"http://127.0.0.1:{simulator.stdout.readline().strip()}",
            "FIREWARDEN_DATABASE_URL": f"sqlite:///{folder / 'ledger.db'}",
            "FIREWARDEN_POLICIES": str(POLICIES),
            "FIREWARDEN_LISTEN": address,
            "FIREWARDEN_TIME_SPEED": str(speed),
            "FIREWARDEN_TIME_ORIGIN": origin,
            "FIREWARDEN_LOG_LEVEL": "warning",
        }
        with running([OURS / "firewarden", "run"], cwd=folder, environ=variables) as process:
            yield process, f"http://{address}"


def _settled(process: "subprocess.Popen[str]", url: str, ledger: Path, cycles: int) -> Resident:
    """Wait for so many *cycles* and scrapes, and figures of all that; read the size then."""
    deadline = WALL.mono() + PATIENCE_S
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as http:
        while process.poll() is None and WALL.mono() < deadline:
            time.sleep(1)  # a scraper's pace: what is measured is another process
            with suppress(httpx.TransportError):
                shown = http.get("/metrics").raise_for_status().text
                if "firewarden_replicas{" in shown and min(_counts(ledger)) >= cycles:
                    return resident(process.pid)
    raise RuntimeError(f"no {cycles} cycles within {PATIENCE_S:.0f} s, exit {process.poll()}")


def _counts(ledger: Path) -> tuple[int, int]:
    with closing(sqlite3.connect(ledger)) as connection:
        polls = connection.execute("SELECT count(*) FROM poll WHERE complete").fetchone()
        scrapes = connection.execute("SELECT count(*) FROM scrape WHERE whole").fetchone()
    return int(polls[0]), int(scrapes[0])


def _free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        return int(server.getsockname()[1])


def _grown() -> Figure:
    command = [sys.executable, "-m", "benchmarks.lifetime", str(CYCLES)]
    with running(command) as process:
        told = list(_told(process))
    settled = next(one for one in told if one["cycles"] >= WARM_UP)
    last = told[-1]
    return Figure(
        name="P6",
        what=f"growth of the daemon in {CYCLES:,} cycles, all its roles in virtual time",
        value=100 * (last["rss_mib"] / settled["rss_mib"] - 1),
        target=MOST_GROWTH,
        unit="%",
        details=f"{settled['rss_mib']:.1f} MiB after {settled['cycles']:,} cycles,"
        f" {last['rss_mib']:.1f} after {last['cycles']:,} and {last['scrapes']:,} scrapes;"
        " 3 deployments, a cycle every 5 s, the simulated account in the same process",
    )


def _told(process: "subprocess.Popen[str]") -> Iterator[dict[str, Any]]:
    """Read what a life tells to its end."""
    assert process.stdout is not None
    for line in process.stdout:
        yield json.loads(line)
    if process.wait():
        raise RuntimeError(f"a life ended early, exit code {process.returncode}")
