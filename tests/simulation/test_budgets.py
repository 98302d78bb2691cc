"""A budget that runs out before a daemon that is started again and again."""

from decimal import Decimal
from pathlib import Path

import pytest

from firewarden.app.budgets import read_budgets
from firewarden.app.usage import read_report
from firewarden.clock.virtual import VirtualClock, run_virtual
from firewarden.providers.simulated.fleet_parts import H100, OLD, fields, flow, own_model
from firewarden.providers.simulated.patterns import Steady
from firewarden.providers.simulated.plan import DeploymentPlan
from firewarden.report.budgets import BudgetLine, budgets_json
from firewarden.store.notices import read_alerts
from tests.simulation.stages import HOUR, MINUTE, QUICK, START, small_stage
from tests.support.daemon import Stage, happen, ledger_of, running

BUDGETS = """\
attribution:
  - {name: "big-*", team: research}
  - {name: shared, split: {research: 50%, search: 50%}}
budgets:
  team-day:
    scope: {each: team, untagged: nobody}
    limit: {usd: {research: 500, default: 100}, per: day}
    thresholds: [{at: 50%, do: info}, {at: 80%, do: warn}, {at: 100%, do: page}]
  hourly:
    scope: {team: research}
    limit: {usd: 600, per: hour}
    thresholds: [{at: 50%, do: info}]
  hours:
    scope: {name: "big-*"}
    limit: {gpu_hours: 1000, rolling: 2h}
    thresholds: [{at: 10%, do: warn}]
  at-once:
    scope: {each: team}
    limit: {gpus: {research: 80, search: 3}}
    thresholds: [{at: 80%, do: info}, {at: 100%, do: warn}]
"""


def busy(name: str, replicas: int, *, gpus: int = 8) -> DeploymentPlan:
    """One in use, of so many replicas of eight H100 GPUs, that is never scaled."""
    return DeploymentPlan(
        deployment_id=name,
        fields=fields(H100, gpus, (replicas, replicas), model=own_model(name)),
        age=OLD,
        flows=flow(Steady(per_minute=7)),
    )


FLEET = (busy("big-1", 4), busy("big-2", 4), busy("shared", 1), busy("plain", 1, gpus=1))
"""512 USD an hour of research, 64 that it shares with search, 8 of nobody."""


def a_life(clock: VirtualClock, folder: Path) -> Stage:
    return small_stage(clock, folder, deployments=FLEET, policy=QUICK + BUDGETS)


def told(stage: Stage, window: str) -> list[tuple[str, str]]:
    """Name whose thresholds of a window have spoken, in order."""
    with ledger_of(stage) as ledger:
        alerts = read_alerts(
            ledger.session, ledger.account, since=START, kinds={"budget.threshold"}
        )
    return [
        (
            alert.notice.facts.get("team", alert.notice.facts["budget"]),
            alert.notice.facts["threshold"],
        )
        for alert in alerts
        if alert.notice.facts["window"] == window
    ]


def lines(stage: Stage) -> dict[tuple[str, str], BudgetLine]:
    with ledger_of(stage) as ledger:
        return {(each.budget, each.value): each for each in read_budgets(ledger).lines}


def test_each_threshold_speaks_once_however_often_the_daemon_is_started(folder: Path) -> None:
    async def life(clock: VirtualClock) -> Stage:
        stage = a_life(clock, folder)
        for number in range(6):
            async with running(stage, seed=number):
                await clock.sleep(14 * MINUTE)
        return stage

    stage = run_virtual(life, start=START)
    research = [each for each in told(stage, "2026-11-02") if each[0] == "research"]

    assert research == [("research", "50%"), ("research", "80%"), ("research", "100%")]
    heard = [each.text for each in stage.heard.notices if each.kind == "budget.threshold"]
    assert len(heard) == len(set(heard))
    assert any(" of 500.00 USD used with " in text for text in heard)


def test_a_new_window_begins_with_nothing_spent_and_speaks_anew(folder: Path) -> None:
    async def life(clock: VirtualClock) -> Stage:
        stage = a_life(clock, folder)
        async with running(stage):
            await clock.sleep(2 * HOUR + 20 * MINUTE)
        return stage

    stage = run_virtual(life, start=START)
    now = lines(stage)["hourly", ""]

    assert [told(stage, f"2026-11-02T0{hour}:00+00:00") for hour in (6, 7, 8)] == [
        [("hourly", "50%")],
        [("hourly", "50%")],
        [],
    ]
    assert (now.window, now.since - START) == ("2026-11-02T08:00+00:00", 2 * HOUR)
    # Nothing is counted beyond the newest listing, which may be a poll and its jitter old.
    assert Decimal(544) * 19 / 60 <= now.spent <= Decimal(544) * 20 / 60


def test_gpus_at_once_are_told_while_so_many_run_and_not_when_fewer_do(folder: Path) -> None:
    async def life(clock: VirtualClock) -> Stage:
        stage = a_life(clock, folder)
        async with running(stage):
            await clock.sleep(10 * MINUTE)
            await happen(stage, "delete", "big-1")
            await clock.sleep(10 * MINUTE)
        return stage

    stage = run_virtual(life, start=START)
    found = lines(stage)

    assert told(stage, "now") == [("research", "80%"), ("search", "100%")]
    with ledger_of(stage) as ledger:
        alerts = read_alerts(ledger.session, ledger.account, since=START)
    texts = [each.notice.text for each in alerts if each.notice.facts.get("window") == "now"]
    over, beyond = texts
    assert over == (
        "over, because fewer run, or the limit was raised: research: 68 of 80 GPUs run at once"
        " (85%) [at-once]"
    )
    assert beyond == "search: 4 of 3 GPUs run at once (133%) [at-once]"
    research = found["at-once", "research"]
    assert [research.spent, research.limit] == [36, 80]
    assert research.unit == "GPUs"


def test_what_is_spent_of_each_is_what_the_report_says(folder: Path) -> None:
    async def life(clock: VirtualClock) -> Stage:
        stage = a_life(clock, folder)
        async with running(stage):
            await clock.sleep(90 * MINUTE)
        return stage

    stage = run_virtual(life, start=START)
    found = lines(stage)
    with ledger_of(stage) as ledger:
        report = read_report(
            ledger, since=START.isoformat(), until=None, group_by=["team"], timezone=None
        )
    cost = {keys["team"]: figures.cost for keys, figures in report.rows}

    values = {"research": "research", "search": "search", "nobody": "(unallocated)"}
    assert {value for name, value in found if name == "team-day"} == set(values)
    for team, value in values.items():
        assert found["team-day", team].spent == pytest.approx(cost[value], abs=Decimal("1e-6"))
    assert found["team-day", "research"].burn_per_hour == Decimal(512 + 32)
    assert found["hours", ""].spent == pytest.approx(Decimal(96), rel=Decimal("0.02"))
    with ledger_of(stage) as ledger:
        assert budgets_json(read_budgets(ledger))["complete"] is True


FORESEEN = """\
budgets:
  month:
    scope: {each: team, untagged: nobody}
    limit: {usd: {research: 300000, nobody: 1000000}, per: month}
    thresholds: [{at: 100%, basis: forecast, sustained: 1h, do: warn}]
attribution:
  - {name: "big-*", team: research}
"""


def test_what_is_expected_rests_on_the_bill_from_before_the_first_poll(folder: Path) -> None:
    """512 USD an hour for a month of 720 hours are 368,640 USD."""

    async def life(clock: VirtualClock) -> Stage:
        stage = small_stage(clock, folder, deployments=FLEET, policy=QUICK + FORESEEN)
        async with running(stage):
            await clock.sleep(75 * MINUTE)
        return stage

    stage = run_virtual(life, start=START)
    found = lines(stage)

    for team, an_hour in (("research", 512), ("nobody", 72)):
        expected = found["month", team].expected
        assert expected is not None
        assert expected[0] == pytest.approx(Decimal(an_hour * 720), rel=Decimal("0.03"))
    with ledger_of(stage) as ledger:
        alerts = read_alerts(ledger.session, ledger.account, since=START, kinds={"budget.forecast"})
    assert [each.notice.facts["team"] for each in alerts] == ["research"]
