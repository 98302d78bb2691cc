"""Writes a recorded past: the daemon's own work on a simulated account, in virtual time."""

import random
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from firewarden.app.compose import Seams, open_accounts, open_database
from firewarden.app.housekeeping import Housekeeping
from firewarden.app.keeper import Keeper
from firewarden.app.lease import LeaseKeeper, Terms
from firewarden.app.memory import Tools
from firewarden.app.queries import read_ledger
from firewarden.app.scaffold import shipped_policies
from firewarden.app.settings import Settings, load_settings
from firewarden.app.simulate import HOST, KEY
from firewarden.app.summary import Summary, sum_up
from firewarden.app.ticker import LoopTicker
from firewarden.clock.real import WallClock
from firewarden.clock.virtual import VirtualClock, run_virtual
from firewarden.errors import UserError
from firewarden.policy.durations import parse_duration
from firewarden.providers.simulated.fleets import FLEETS
from firewarden.providers.simulated.http import application
from firewarden.providers.simulated.transport import in_process
from firewarden.providers.simulated.world import World
from firewarden.report.text import gpu_hours
from firewarden.store.accounts import read_accounts
from firewarden.store.relax import relax
from firewarden.store.runner import Inline

Advance = Callable[[str, float], None]

POLL_EVERY = timedelta(minutes=6)
METRICS_EVERY = timedelta(minutes=3)
"""Coarser than life: the past is written faster, its bounds are wider, and as true."""

LEASED_FOR = timedelta(hours=2)
"""Nobody else writes this past, and its hours go by in a moment."""

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_STEPS_SHOWN = 60


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
    """Do what the daemon does, at its own pace: metrics, every second time a poll, and so on."""
    world = World(FLEETS[fleet](seed), seed=seed, start=clock.now())
    rng = random.Random(seed)  # noqa: S311 - a simulation, no secret
    seams = Seams(
        clock=clock,
        wall=clock,
        rng=rng,
        ticker=LoopTicker(clock),
        transport=in_process(application(world, clock=clock)),
    )
    with closing(open_database(settings, upgrade=True)) as database:
        relax(database)
        tools = Tools(
            settings=settings,
            clock=clock,
            wall=clock,
            rng=rng,
            database=database,
            run_db=Inline(),
            crash=seams.crash,
        )
        async with open_accounts(settings, seams) as (account, *_):
            lease = LeaseKeeper(
                account.account,
                database=database,
                run_db=tools.run_db,
                wall=clock,
                rng=rng,
                terms=Terms(ttl=LEASED_FOR),
            )
            keeper, house = Keeper(account, tools, lease), Housekeeping(account, tools)
            for step in range(span // METRICS_EVERY):
                await _work(step, keeper, house)
                if step % _STEPS_SHOWN == 0:
                    advance(f"{clock.now():%Y-%m-%d}", step * METRICS_EVERY / span)
                await clock.sleep(METRICS_EVERY)
            await keeper.cycle()
            await house.roll_up()
    return world


async def _work(step: int, keeper: Keeper, house: Housekeeping) -> None:
    if step % (_HOUR // METRICS_EVERY) == 0:
        await keeper.lease.acquire()
        await keeper.refresh()
    if step % (POLL_EVERY // METRICS_EVERY) == 0:
        await keeper.cycle()
    await keeper.scrape()
    if step % (_HOUR // METRICS_EVERY) == 0:
        await house.roll_up()
    if step % (_DAY // METRICS_EVERY) == 0:
        await house.read_bill()


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
