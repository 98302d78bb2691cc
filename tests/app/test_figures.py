"""What `/metrics` tells of an account that could not be seen for a while."""

import random
from contextlib import closing
from pathlib import Path

from firewarden.app.compose import Seams, load_policies, open_accounts, open_database
from firewarden.app.figures import Figures, FiguresReader, PollFigures
from firewarden.app.memory import Tools, read_memory
from firewarden.app.ticker import LoopTicker
from firewarden.clock.virtual import VirtualClock, run_virtual
from firewarden.ports import CrashPoint
from firewarden.store.runner import Inline
from tests.simulation.stages import HOUR, IDLE, MINUTE, START, small_stage
from tests.support.daemon import Stage, ledger_of, running

OUTAGE = """
[[fault]]
kind = "server-error"
on = "list"
from = "40m"
to = "1h"
"""


async def figures_of(stage: Stage, clock: VirtualClock) -> Figures:
    """Make the figures of *stage* as they stand in its ledger."""

    def nothing(_: CrashPoint) -> None:
        """Crash nowhere."""

    seams = Seams(
        clock=clock,
        wall=clock,
        rng=random.Random(1),
        ticker=LoopTicker(clock),
        transport=stage.transport,
        run_db=Inline,
        crash=nothing,
    )
    with closing(open_database(stage.settings, upgrade=False)) as database:
        tools = Tools(
            settings=stage.settings,
            clock=clock,
            wall=clock,
            rng=seams.rng,
            database=database,
            run_db=Inline(),
            crash=nothing,
        )
        async with open_accounts(stage.settings, seams) as accounts:
            (account,) = accounts
            memory = read_memory(account, load_policies(account.policies), tools)
        with ledger_of(stage) as ledger:
            return FiguresReader().read(ledger, memory, PollFigures())


def test_a_gap_is_counted_once_for_the_account_and_its_use_is_unknown(tmp_path: Path) -> None:
    async def life(clock: VirtualClock) -> Figures:
        stage = small_stage(clock, tmp_path, faults=OUTAGE)
        async with running(stage):
            await clock.sleep(2 * HOUR)
        return await figures_of(stage, clock)

    figures = run_virtual(life, start=START)

    account = figures.account
    assert account.notifications["log", "sent"] >= 2
    assert (account.outbox_pending, account.outbox_oldest_age_seconds) == (0, 0)
    assert account.actions == {}
    gap_s = account.gap_seconds
    assert 20 * MINUTE.total_seconds() <= gap_s <= 22 * MINUTE.total_seconds()
    idle = next(each for each in figures.deployments if each.deployment == IDLE)
    assert idle.gpu_seconds["active"] == 0
    assert idle.gpu_seconds["unknown"] >= 8 * gap_s
    assert idle.gpu_seconds["idle"] >= 8 * HOUR.total_seconds()
