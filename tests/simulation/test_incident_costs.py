"""What went wrong with cost in other tools while they ran, lived through by a whole daemon.

The families are those of docs/incidents.md; those that need no daemon are in tests/incidents.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, event, func, select

from firewarden.app.budgets import read_budgets
from firewarden.app.compose import open_database
from firewarden.app.queries import Ledger
from firewarden.app.usage import read_report
from firewarden.clock.virtual import VirtualClock, run_virtual
from firewarden.providers.simulated.fleet_parts import H100, OLD, fields, flow, own_model
from firewarden.providers.simulated.patterns import Steady
from firewarden.providers.simulated.plan import DeploymentPlan
from firewarden.report.usage import UsageReport
from firewarden.store.tables import PollRow, UsageDayRow, UsageHourRow, table
from tests.simulation.stages import HOUR, MINUTE, QUICK, START, small_stage
from tests.support.daemon import SlowTicker, Stage, ask, ledger_of, running
from tests.support.oracles import truth_of, written

POLLS, HOURS, DAYS = table(PollRow), table(UsageHourRow), table(UsageDayRow)
DAY = timedelta(days=1)
USD_PER_GPU_MS = 8 / 3_600_000
BUDGETS = """\
budgets:
  month:
    scope: {all: true}
    limit: {usd: 9000000, per: month}
    thresholds: [{at: 50%, do: info}]
"""
FLEET = tuple(
    DeploymentPlan(
        deployment_id=f"big-{number}",
        fields=fields(H100, 8, (0, 1), model=own_model(f"big-{number}")),
        age=OLD,
        flows=flow(Steady(per_minute=7)),
    )
    for number in range(3)
)


def a_life(clock: VirtualClock, folder: Path, *, polling: str = "30s") -> Stage:
    return small_stage(
        clock, folder, deployments=FLEET, policy=QUICK + BUDGETS, FIREWARDEN_POLL_EVERY=polling
    )


def lived(folder: Path, *, polling: str, lasts: timedelta) -> Stage:
    """Let a daemon look at each account as often as *polling* says, and stop."""

    async def life(clock: VirtualClock) -> Stage:
        stage = a_life(clock, folder, polling=polling)
        async with running(stage):
            await clock.sleep(lasts)
        return stage

    return run_virtual(life, start=START)


def month_of(ledger: Ledger) -> UsageReport:
    return read_report(
        ledger, since=START.isoformat(), until=None, group_by=["deployment", "day"], timezone=None
    )


def polls(stage: Stage) -> int:
    with ledger_of(stage) as ledger:
        return ledger.session.execute(select(func.count()).select_from(POLLS)).scalar_one()


def cost_of(report: UsageReport) -> float:
    return sum(float(figures.cost) for _, figures in report.rows)


@contextmanager
def counting() -> Iterator[list[str]]:
    """Keep every statement that is sent to whatever database meanwhile."""
    sent: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_more: object) -> None:
        sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def test_incident_C_endless_cost_a_stopped_daemon_leaves_a_report_that_does_not_grow(
    folder: Path,
) -> None:
    async def life(clock: VirtualClock) -> list[UsageReport]:
        stage = a_life(clock, folder)
        async with running(stage):
            await clock.sleep(40 * MINUTE)
        found = []
        for _ in range(3):
            with ledger_of(stage) as ledger:
                found.append(month_of(ledger))
            await clock.sleep(15 * HOUR)
        return found

    at_once, *later = run_virtual(life, start=START)
    costs = [sum(figures.cost for _, figures in each.rows) for each in (at_once, *later)]

    assert at_once.complete
    assert len(set(costs)) == 1
    assert 3 * 64 * 0.6 < costs[0] <= 3 * 64 * 40 / 60
    for each in later:
        assert not each.complete
        assert "nothing is counted beyond" in each.problem


def test_incident_C_budgets_never_reset_the_next_month_is_its_own_after_weeks_of_downtime(
    folder: Path,
) -> None:
    """Nobody was there when December began; what is counted in it holds the truth of it."""

    async def life(clock: VirtualClock) -> tuple[Stage, int]:
        stage = a_life(clock, folder)
        async with running(stage):
            await clock.sleep(30 * MINUTE)
        await clock.sleep(30 * DAY)
        async with running(stage, seed=2):
            await clock.sleep(30 * MINUTE)
        with ledger_of(stage) as ledger:
            (line,) = read_budgets(ledger).lines
        path = f"/_truth?from={written(line.since)}&to={written(clock.now())}"
        return stage, sum(each.gpu_ms for each in truth_of(await ask(stage, path)).values())

    stage, held = run_virtual(life, start=START)
    with ledger_of(stage) as ledger:
        (line,) = read_budgets(ledger).lines

    assert line.window == "2026-12"
    a_poll = timedelta(minutes=1) / HOUR * 3 * 64
    assert float(line.low) <= held * USD_PER_GPU_MS <= float(line.high) + a_poll
    assert line.low < line.spent <= line.high


@pytest.mark.parametrize(
    "read", [pytest.param(month_of, id="a report"), pytest.param(read_budgets, id="the budgets")]
)
def test_incident_C_slow_on_history_what_is_read_does_not_grow_with_the_polls(
    folder: Path, read: Callable[[Ledger], object]
) -> None:
    """Sixty looks an hour or six: the same number of statements, and few."""
    counts, looks = [], []
    for number, polling in enumerate(("60s", "10m")):
        own = folder / str(number)
        own.mkdir()
        stage = lived(own, polling=polling, lasts=2 * HOUR + 20 * MINUTE)
        looks.append(polls(stage))
        with ledger_of(stage) as ledger, counting() as sent:
            read(ledger)
        counts.append(len(sent))

    assert looks[0] > 8 * looks[1]
    assert 0 < counts[0] == counts[1] < 60


def test_incident_C_slow_on_history_whole_hours_are_read_as_sums_and_not_measured(
    folder: Path,
) -> None:
    """Without the sums they are not there: nobody measures them again to answer."""
    stage = lived(folder, polling="60s", lasts=2 * HOUR + 20 * MINUTE)
    with ledger_of(stage) as ledger:
        whole = cost_of(month_of(ledger))
    with (
        closing(open_database(stage.settings, upgrade=False)) as database,
        database.writing() as session,
    ):
        session.execute(delete(DAYS))
        session.execute(delete(HOURS))
    with ledger_of(stage) as ledger:
        left = cost_of(month_of(ledger))

    assert whole - left == pytest.approx(2 * 3 * 64, abs=1)
    assert 0 < left < 3 * 64 / 2


def test_incident_C_memory_and_task_leaks_after_a_thousand_cycles_no_task_is_left_over(
    folder: Path,
) -> None:
    async def life(clock: VirtualClock) -> tuple[list[int], int, int]:
        stage = a_life(clock, folder, polling="60s")
        counts = []
        async with running(stage, ticker=SlowTicker(clock, {"": MINUTE})):
            for cycles in (50, 1010):
                await clock.sleep(cycles * MINUTE)
                counts.append(len(asyncio.all_tasks()))
        return counts, len(asyncio.all_tasks()), polls(stage)

    during, afterwards, cycles = run_virtual(life, start=START)

    assert cycles > 1000
    assert during[0] == during[-1]
    assert afterwards == 1
