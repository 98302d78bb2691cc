"""Working hours: off at night, serving again when the day begins, and whoever is busy is left."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from firewarden.clock.virtual import VirtualClock, run_virtual
from firewarden.model.action import Intent, Outcome
from firewarden.model.vocabulary import Verb
from firewarden.providers.simulated.fleet_parts import H100, OLD, fields, flow, own_model
from firewarden.providers.simulated.patterns import OfficeHours, Waves
from firewarden.providers.simulated.plan import ColdStart, DeploymentPlan
from firewarden.store.intents import read_actions
from tests.simulation.stages import HOUR, MINUTE, small_stage
from tests.support.daemon import Stage, happen, ledger_of, running

DAY = timedelta(days=1)
BERLIN = ZoneInfo("Europe/Berlin")
EVENING = datetime(2026, 11, 2, 18, tzinfo=UTC)
"""19:00 in Berlin, an hour before the night begins."""

NIGHTS = """\
version: 1
timezone: Europe/Berlin
schedules:
  nights: {days: mon-sun, from: "20:00", to: "07:00"}
policies:
  nights-off:
    mode: enforce
    match: {name: "demo-*"}
    during: nights
    stages: [{warn: {before: 30m}}, scale_to_zero, {restore: at_end, lead: auto}]
    allow: [default_model]
"""


RARELY = {"FIREWARDEN_POLL_EVERY": "2m", "FIREWARDEN_METRICS_EVERY": "2m"}
"""A night goes by in seconds."""


def one(name: str) -> DeploymentPlan:
    """One that nobody calls, and that the provider's own timer leaves alone for half a day."""
    return DeploymentPlan(
        deployment_id=name,
        fields=fields(
            H100,
            8,
            (2, 4),
            model=own_model(name),
            autoscalingPolicy={"scaleToZeroWindow": "43200s"},
        ),
        age=OLD,
    )


LIVELY = replace(one("lively"), flows=flow(Waves(per_minute=(5, 60), hours=(0.02, 0.06))))
"""Its rates are never the same for long, so that nobody takes the metrics for frozen."""

FLEET = (one("demo-quiet"), LIVELY)


def a_stage(clock: VirtualClock, folder: Path, **changes: Any) -> Stage:
    given = {"deployments": FLEET, "policy": NIGHTS, "FIREWARDEN_MODE": "enforce", **RARELY}
    return small_stage(clock, folder, **given | changes)


def actions(stage: Stage) -> list[Intent]:
    with ledger_of(stage) as ledger:
        found = read_actions(ledger.session, ledger.account, since=EVENING - 30 * DAY)
    return [each for each in reversed(found) if each.outcome is Outcome.APPLIED]


def name_of(intent: Intent) -> str:
    return intent.uid.rpartition("@")[0].rpartition("/")[2]


def ready(stage: Stage, name: str) -> int:
    (found,) = (e for e in stage.world.accounts["acme"].live() if e.deployment_id == name)
    return found.ready_count


def test_what_is_quiet_goes_when_the_night_begins_and_no_sooner(folder: Path) -> None:
    async def life(clock: VirtualClock) -> None:
        stage = a_stage(clock, folder)
        async with running(stage):
            await clock.sleep(HOUR + 10 * MINUTE)
        (stop,) = actions(stage)
        assert (name_of(stop), stop.verb) == ("demo-quiet", Verb.SCALE_TO_ZERO)
        assert EVENING + HOUR <= stop.planned_at <= EVENING + HOUR + 10 * MINUTE

    run_virtual(life, start=EVENING)


def test_who_is_busy_when_the_night_begins_is_left_until_quiet(folder: Path) -> None:
    late = OfficeHours(per_minute=7, peak_per_minute=9, hours=(5, 21))
    busy = replace(one("demo-busy"), flows=flow(late))

    async def life(clock: VirtualClock) -> None:
        stage = a_stage(clock, folder, deployments=(busy,))
        async with running(stage):
            await clock.sleep(3 * HOUR)
            assert actions(stage) == []
            await clock.sleep(2 * HOUR)
        (stop,) = actions(stage)
        assert stop.planned_at >= EVENING + 3 * HOUR + 10 * MINUTE + 30 * MINUTE

    run_virtual(life, start=EVENING)


def test_what_is_woken_at_night_serves_for_two_hours_and_goes_again(folder: Path) -> None:
    async def life(clock: VirtualClock) -> None:
        stage = a_stage(clock, folder)
        async with running(stage):
            await clock.sleep(2 * HOUR)
            await happen(stage, "request", "demo-quiet", count=3)
            woken = clock.now()
            await clock.sleep(4 * HOUR)
        first, second = actions(stage)
        assert first.verb is second.verb is Verb.SCALE_TO_ZERO
        assert second.planned_at >= woken + 2 * HOUR

    run_virtual(life, start=EVENING)


def test_what_has_gone_comes_back_in_a_freeze(folder: Path) -> None:
    frozen = NIGHTS.replace(
        "schedules:", 'schedules:\n  freeze: {dates: ["2026-11-03..2026-11-05"]}'
    )
    frozen = frozen.replace("during: nights", "during: nights\n    except_during: freeze")

    async def life(clock: VirtualClock) -> None:
        stage = a_stage(clock, folder, policy=frozen)
        async with running(stage):
            await clock.sleep(13 * HOUR)
        assert [each.verb for each in actions(stage)] == [Verb.SCALE_TO_ZERO, Verb.RESTORE]

    run_virtual(life, start=EVENING)


def test_a_policy_that_is_taken_out_gives_back_what_it_took(folder: Path) -> None:
    async def life(clock: VirtualClock) -> None:
        stage = a_stage(clock, folder)
        async with running(stage):
            await clock.sleep(2 * HOUR)
            file = folder / "policies" / "quick.yaml"
            file.write_text("version: 1\npolicies: {}\n")
            await clock.sleep(15 * MINUTE)
        assert [each.verb for each in actions(stage)] == [Verb.SCALE_TO_ZERO, Verb.RESTORE]

    run_virtual(life, start=EVENING)


def test_what_does_not_serve_when_the_day_begins_is_told_at_once(folder: Path) -> None:
    slow = replace(one("demo-quiet"), cold_start=ColdStart(downloading=(3000.0, 3001.0)))

    async def life(clock: VirtualClock) -> None:
        stage = a_stage(clock, folder, deployments=(slow,))
        async with running(stage):
            await clock.sleep(13 * HOUR)
        (late,) = [e for e in stage.heard.notices if e.kind == "deployment.restore_late"]
        assert "was to serve at 2026-11-03 06:00 UTC" in late.text
        assert late.at <= EVENING + 12 * HOUR + 5 * MINUTE

    run_virtual(life, start=EVENING)


def test_every_morning_everything_serves_with_its_old_bounds_once(
    folder: Path, nights: int
) -> None:
    """Over the change of the clocks on 25 October: 07:00 is 05:00 UTC before it, 06:00 after."""

    async def life(clock: VirtualClock) -> None:
        stage = a_stage(clock, folder, deployments=(one("demo-quiet"), one("demo-other")))
        async with running(stage):
            for _ in range(nights):
                await clock.sleep(_until_seven(clock.now()))
                assert (ready(stage, "demo-quiet"), ready(stage, "demo-other")) == (2, 2)
        assert "deployment.restore_late" not in [each.kind for each in stage.heard.notices]
        found = [each.verb for each in actions(stage)]
        assert found.count(Verb.SCALE_TO_ZERO) == found.count(Verb.RESTORE) == 2 * nights

    run_virtual(life, start=datetime(2026, 10, 24, 16, tzinfo=UTC))


def _until_seven(now: datetime) -> timedelta:
    local = now.astimezone(BERLIN)
    seven = local.replace(hour=7, minute=0, second=0, microsecond=0, fold=0)
    ahead = seven if seven > local else seven + timedelta(days=1)
    return ahead.astimezone(UTC) - now
