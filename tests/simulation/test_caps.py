"""Budgets that act: whoever burns is stopped in time, in order, once, and put back once."""

from collections.abc import Callable, Coroutine
from decimal import Decimal
from pathlib import Path
from typing import Any

from firewarden.clock.virtual import VirtualClock, run_virtual
from firewarden.model.action import Intent, Outcome
from firewarden.model.vocabulary import Verb
from firewarden.providers.simulated.fleet_parts import H100, OLD, fields, flow, own_model
from firewarden.providers.simulated.patterns import Steady
from firewarden.providers.simulated.plan import DeploymentPlan
from firewarden.store.intents import read_actions
from firewarden.store.notices import read_alerts
from tests.simulation.stages import MINUTE, START, small_stage
from tests.support.daemon import Stage, ask, happen, ledger_of, running
from tests.support.oracles import truth_of, written

LIMIT = Decimal(500)
USD_PER_GPU_MS = Decimal(8) / 3_600_000

ATTRIBUTION = """\
version: 1
attribution:
  - {name: "big-*", team: research, env: experiment}
"""
BUDGET = """\
budgets:
  team-day:
    scope: {each: team}
    limit: {usd: {research: 500}, per: day}
    thresholds:
      - {at: 50%, do: info}
      - {at: 80%, do: warn}
      - {at: 100%, do: page}
      - {at: 100%, do: park, mode: enforce}
    allow: [default_model]
    stop_early: true
    restore: {at: window_start}
"""


def one(name: str, *, per_minute: int = 7, replicas: int = 1, **more: Any) -> DeploymentPlan:
    """One of eight H100 GPUs a replica, 64 USD an hour each; in use unless nobody calls it."""
    return DeploymentPlan(
        deployment_id=name,
        fields=fields(H100, 8, (replicas, replicas), model=own_model(name), **more),
        age=OLD,
        flows=flow(Steady(per_minute=per_minute)) if per_minute else (),
    )


BUSY = tuple(one(f"big-{number}") for number in range(1, 7))
IDLE = (one("big-idle", per_minute=0), one("big-quiet", per_minute=0))
OTHER = one("other")
FLEET = (*BUSY, *IDLE, OTHER)
"""512 USD an hour of research, and 64 of somebody else."""


def live(
    folder: Path,
    work: Callable[[Stage], Coroutine[Any, Any, None]],
    *,
    budget: str = BUDGET,
    deployments: tuple[DeploymentPlan, ...] = FLEET,
    **changes: Any,
) -> Stage:
    async def life(clock: VirtualClock) -> Stage:
        stage = small_stage(
            clock,
            folder,
            deployments=deployments,
            policy=ATTRIBUTION + budget,
            **{"FIREWARDEN_MODE": "enforce"} | changes,
        )
        await work(stage)
        return stage

    return run_virtual(life, start=START)


async def spent(stage: Stage) -> Decimal:
    """Tell what research has truly spent since the start."""
    told = await ask(stage, f"/_truth?from={written(START)}&to={written(stage.clock.now())}")
    truth = truth_of(told)
    gpu_ms = sum(each.gpu_ms for uid, each in truth.items() if "/big-" in uid)
    return gpu_ms * USD_PER_GPU_MS


def actions(stage: Stage, verb: Verb) -> list[Intent]:
    with ledger_of(stage) as ledger:
        found = reversed(read_actions(ledger.session, ledger.account, since=START))
        return [each for each in found if each.verb is verb]


def names(intents: list[Intent]) -> list[str]:
    return [each.uid.rpartition("@")[0].rpartition("/")[2] for each in intents]


def told(stage: Stage, *kinds: str) -> list[str]:
    with ledger_of(stage) as ledger:
        alerts = read_alerts(ledger.session, ledger.account, since=START, kinds=set(kinds))
    return [each.notice.text for each in alerts]


def test_a_limit_is_never_passed_and_each_threshold_speaks_once_in_five_restarts(
    folder: Path,
) -> None:
    async def work(stage: Stage) -> None:
        for number in range(6):
            async with running(stage, seed=number):
                await stage.clock.sleep(11 * MINUTE)
        assert await spent(stage) < LIMIT
        assert await spent(stage) > LIMIT * Decimal("0.85"), "it acts no earlier than it has to"

    stage = live(folder, work)
    parked = actions(stage, Verb.PARK)

    assert names(parked)[:2] == ["big-idle", "big-quiet"]
    assert sorted(names(parked)) == sorted(each.deployment_id for each in FLEET[:-1])
    assert {each.outcome for each in parked} == {Outcome.APPLIED}
    used = [text.partition(" % ")[0] for text in told(stage, "budget.threshold")]
    assert len(used) == 2, used
    (pending,) = told(stage, "budget.action_pending")
    assert "the limit is hard" in pending


def test_without_stopping_early_the_limit_is_passed(folder: Path) -> None:
    async def work(stage: Stage) -> None:
        async with running(stage):
            await stage.clock.sleep(65 * MINUTE)
        assert await spent(stage) > LIMIT

    live(folder, work, budget=BUDGET.replace("    stop_early: true\n", ""))


PROTECT = """\
protect:
  - {name: "big-[1-6]", reason: customers, owner: sre@example.com, forever: true}
"""


def test_a_limit_over_what_is_protected_is_called_soft_and_stops_what_it_can(folder: Path) -> None:
    async def work(stage: Stage) -> None:
        async with running(stage):
            await stage.clock.sleep(70 * MINUTE)

    stage = live(folder, work, budget=BUDGET + PROTECT)

    assert names(actions(stage, Verb.PARK)) == ["big-idle", "big-quiet"]
    (pending,) = told(stage, "budget.action_pending")
    assert "384.00 of 512.00 USD/h is out of its reach (protected)" in pending
    assert "this ladder can stop 128.00" in pending
    (page,) = [text for text in told(stage, "budget.threshold") if "101%" in text or "100%" in text]
    assert "soft: 384.00" in page


def test_what_was_stopped_comes_back_once_when_the_next_window_begins(folder: Path) -> None:
    hourly = BUDGET.replace("per: day", "per: hour").replace("research: 500", "research: 100")

    async def work(stage: Stage) -> None:
        for number in range(2):
            async with running(stage, seed=number):
                await stage.clock.sleep(31 * MINUTE)

    stage = live(folder, work, budget=hourly, deployments=(*BUSY[:2], *IDLE, OTHER))
    stopped, restored = actions(stage, Verb.PARK), actions(stage, Verb.RESTORE)

    assert sorted(names(restored)) == sorted(names(stopped))
    assert {each.planned_at.hour for each in stopped} == {START.hour}
    assert {each.planned_at.hour for each in restored} == {START.hour + 1}
    live_now = stage.world.accounts["acme"].live()
    assert {(each.floor, each.ceiling) for each in live_now} == {(1, 1)}


def test_no_more_is_stopped_than_the_limit_calls_for(folder: Path) -> None:
    """64 USD an hour fit into what is left of 1,500 USD a day, 128 do not."""
    early = BUDGET.replace("research: 500", "research: 1500").replace("at: 50%", "at: 1%")
    early = early.replace("at: 100%, do: park", "at: 5%, do: park")

    async def work(stage: Stage) -> None:
        async with running(stage):
            await stage.clock.sleep(50 * MINUTE)

    stage = live(folder, work, budget=early, deployments=(BUSY[0], IDLE[0]))

    assert names(actions(stage, Verb.PARK)) == ["big-idle"]


def test_a_person_who_wants_it_running_is_not_stopped_again_in_that_window(folder: Path) -> None:
    async def work(stage: Stage) -> None:
        async with running(stage):
            await stage.clock.sleep(62 * MINUTE)
            fields = {"minReplicaCount": 1, "maxReplicaCount": 1}
            await happen(stage, "patch", "big-1", fields=fields)
            await stage.clock.sleep(15 * MINUTE)

    stage = live(folder, work)

    assert names(actions(stage, Verb.PARK)).count("big-1") == 1


def test_an_edit_that_puts_the_limit_below_what_is_spent_stops_nothing(folder: Path) -> None:
    lavish = BUDGET.replace("research: 500", "research: 5000")

    async def work(stage: Stage) -> None:
        async with running(stage):
            await stage.clock.sleep(10 * MINUTE)
            file = folder / "policies" / "quick.yaml"
            file.write_text(file.read_text().replace("research: 5000", "research: 50"))
            await stage.clock.sleep(15 * MINUTE)
        async with running(stage, seed=2):
            await stage.clock.sleep(10 * MINUTE)

    stage = live(folder, work, budget=lavish)

    assert actions(stage, Verb.PARK) == []
