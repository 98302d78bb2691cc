"""Writes a recorded past: the whole daemon on a simulated account, in virtual time."""

import asyncio
import random
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from firewarden.app.compose import Seams, open_database
from firewarden.app.daemon import look_after
from firewarden.app.queries import read_ledger
from firewarden.app.scaffold import shipped_policies
from firewarden.app.settings import Settings, load_settings
from firewarden.app.simulate import HOST, KEY
from firewarden.app.summary import Summary, sum_up
from firewarden.app.ticker import LoopTicker
from firewarden.clock.real import WallClock
from firewarden.clock.virtual import VirtualClock, run_virtual
from firewarden.errors import UserError
from firewarden.notify.log import LogNotifier
from firewarden.policy.durations import parse_duration
from firewarden.providers.simulated.fleets import FLEETS
from firewarden.providers.simulated.http import application
from firewarden.providers.simulated.transport import in_process
from firewarden.providers.simulated.world import World
from firewarden.report.text import gpu_hours
from firewarden.store.accounts import read_accounts
from firewarden.store.engine import Database
from firewarden.store.runner import Inline

Advance = Callable[[str, float], None]

POLL_EVERY = timedelta(minutes=5)
METRICS_EVERY = timedelta(seconds=150)
"""Coarser than life: the past is written faster, its bounds are wider, and as true."""

_STEP = timedelta(hours=6)
_MINUTE = timedelta(minutes=1)
_NO_FOLLOWING = "61"
"""A speed at which nothing is read between polls; time itself is virtual."""


def write_history(url: str, *, length: str, fleet: str, seed: int, advance: Advance) -> str:
    """Write *length* of the past of *fleet*, up to now, into the empty database at *url*.

    Gives one line that says what was written.

    Raises:
        UserError: *length* is no duration, or the database is not empty.
        SettingsError, FileUnusable, StoreUnavailable: see `Database.open`.
    """
    try:
        span = parse_duration(length)
    except ValueError as error:
        raise UserError(str(error), where="--history", mend="give a length like 30d") from error
    end = WallClock().now().replace(second=0, microsecond=0)
    with TemporaryDirectory(prefix="firewarden-history-") as folder:
        settings = _settings(url, Path(folder))
        _demand_empty(settings)

        async def record(clock: VirtualClock) -> World:
            return await _record(settings, clock, span, fleet=fleet, seed=seed, advance=advance)

        world = run_virtual(record, start=end - span)
        with (
            closing(open_database(settings, upgrade=False)) as database,
            read_ledger(database, settings, next(iter(world.accounts)), now=end) as ledger,
        ):
            return _told(database.describe(), length, sum_up(ledger, world))


def _settings(url: str, folder: Path) -> Settings:
    config = folder / "firewarden.toml"
    config.touch()
    environ = {
        "FIREWORKS_BASE_URL": f"http://{HOST}:1",
        "FIREWORKS_API_KEY": KEY,
        "FIREWARDEN_DATABASE_URL": url,
        "FIREWARDEN_POLICIES": str(shipped_policies()),
        "FIREWARDEN_POLL_EVERY": f"{POLL_EVERY.seconds}s",
        "FIREWARDEN_METRICS_EVERY": f"{METRICS_EVERY.seconds}s",
        "FIREWARDEN_TIME_SPEED": _NO_FOLLOWING,
    }
    return load_settings(config, environ, dotenv=None).settings


def _demand_empty(settings: Settings) -> None:
    with closing(open_database(settings, upgrade=True)) as database, database.reading() as session:
        if accounts := read_accounts(session):
            raise UserError(
                f"already holds the history of {', '.join(accounts)}",
                where=database.describe(),
                mend="name a database that is empty or not there yet",
            )


async def _record(
    settings: Settings,
    clock: VirtualClock,
    span: timedelta,
    *,
    fleet: str,
    seed: int,
    advance: Advance,
) -> World:
    world = World(FLEETS[fleet](seed), seed=seed, start=clock.now())
    seams = Seams(
        clock=clock,
        wall=clock,
        rng=random.Random(seed),  # noqa: S311 - a simulation, no secret
        ticker=LoopTicker(clock),
        transport=in_process(application(world, clock=clock)),
        run_db=_inline,
    )
    stop = asyncio.Event()
    begun, end = clock.now(), clock.now() + span
    async with asyncio.TaskGroup() as group:
        group.create_task(
            look_after(settings, seams, stop=stop, notifier=LogNotifier(), serves=False)
        )
        while (left := end - clock.now()) > timedelta(0):
            await clock.sleep(min(left, _STEP))
            advance(f"{clock.now():%Y-%m-%d}", (clock.now() - begun) / span)
        stop.set()
    return world


def _inline(_database: Database) -> Inline:
    return Inline()


def _told(where: str, length: str, summary: Summary | None) -> str:
    if summary is None:
        return f"{where}: nothing was recorded"
    total = summary.total
    inside = "inside" if summary.is_inside else "OUTSIDE"
    return (
        f"{where}: {length} recorded, {gpu_hours(total.gpu_ms)} GPU-h "
        f"({gpu_hours(total.low_ms)} .. {gpu_hours(total.high_ms)}); "
        f"the simulator's truth, {gpu_hours(summary.truth_ms)} GPU-h, lies {inside}"
    )
