"""The whole ring in enforce: warned, stopped, woken, put back; and what people overrule."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from firewarden.app.answers import show_plan
from firewarden.app.picture import take_picture
from firewarden.clock.virtual import VirtualClock, run_virtual
from firewarden.model.action import Intent, Outcome, Released
from firewarden.model.ids import AccountId, Uid
from firewarden.model.people import (
    Override,
    OverrideKind,
    Request,
    RequestOutcome,
    RequestVerb,
)
from firewarden.model.verdict import Incident, IncidentState
from firewarden.model.vocabulary import Blocker, Verb
from firewarden.ports import CrashPoint
from firewarden.providers.simulated.fleet_parts import H100, fields, flow, own_model
from firewarden.providers.simulated.patterns import Steady
from firewarden.providers.simulated.plan import DeploymentPlan
from firewarden.store import overrides, requests
from firewarden.store.engine import Database
from firewarden.store.incidents import read_closed, read_open
from firewarden.store.intents import read_actions
from tests.simulation.stages import DUE, HOUR, IDLE, MINUTE, QUICK, START, small_stage
from tests.support.daemon import Stage, ask, happen, ledger_of, running

ACME = AccountId("acme")
DAY = timedelta(days=1)
ENFORCED = QUICK.replace("mode: observe", "mode: enforce")
STOPPED = DUE + 5 * MINUTE
"""After the start: when what was idle from the start is stopped, and seen to be so."""


async def writes(stage: Stage) -> list[str]:
    """Tell every request that was to change something, in order."""
    requests = (await ask(stage, "/_log"))["requests"]
    return [
        f"{each['method']} {each['path'].rpartition('/')[2]}"
        for each in requests
        if each["method"] != "GET"
    ]


def enforcing(clock: VirtualClock, folder: Path, **changes: Any) -> Stage:
    given = {"policy": ENFORCED, "FIREWARDEN_MODE": "enforce"}
    return small_stage(clock, folder, **given | changes)


def actions(stage: Stage) -> list[Intent]:
    """Give what was done, the oldest first."""
    with ledger_of(stage) as ledger:
        return list(reversed(read_actions(ledger.session, ledger.account, since=START)))


def closed(stage: Stage) -> tuple[Incident, ...]:
    with ledger_of(stage) as ledger:
        return read_closed(ledger.session, ledger.account, since=START)


def opened(stage: Stage) -> tuple[Incident, ...]:
    with ledger_of(stage) as ledger:
        return read_open(ledger.session, ledger.account)


def kinds(stage: Stage) -> list[str]:
    return [notice.kind for notice in stage.heard.notices if notice.kind != "hello"]


def bounds(stage: Stage, name: str = IDLE) -> tuple[int, int]:
    (deployment,) = (
        each for each in stage.world.accounts["acme"].live() if each.deployment_id == name
    )
    return deployment.floor, deployment.ceiling


def uid_of(stage: Stage, name: str = IDLE) -> Uid:
    with ledger_of(stage) as ledger:
        return take_picture(ledger).find(name).uid


def write(stage: Stage, work: Any) -> Any:
    """Write a row as a command would, beside the running daemon."""
    database = Database.open(stage.settings.database_url.reveal(), upgrade=False)
    try:
        with database.writing() as session:
            return work(session)
    finally:
        database.close()


def ask_for(stage: Stage, verb: RequestVerb, **arguments: str) -> int:
    request = Request(
        account=ACME,
        verb=verb,
        actor="cli:ada@here",
        uid=uid_of(stage),
        arguments=arguments,
        asked_at=stage.clock.now(),
        expires_at=stage.clock.now() + HOUR,
    )
    return int(write(stage, lambda session: requests.ask(session, request)))


def answer(stage: Stage, number: int) -> Request:
    with ledger_of(stage) as ledger:
        found = requests.read_one(ledger.session, ledger.account, number)
    assert found is not None
    return found


def test_what_nobody_calls_is_warned_of_stopped_once_and_seen_to_be_stopped(folder: Path) -> None:
    async def life(clock: VirtualClock) -> None:
        stage = enforcing(clock, folder)
        async with running(stage):
            await clock.sleep(STOPPED)
        (done,), (intent,) = closed(stage), actions(stage)
        assert await writes(stage) == [f"PATCH {IDLE}", f"PATCH {IDLE}:scale"]
        assert done.state is IncidentState.DONE
        assert done.warned_at is not None
        assert done.warned_at + 10 * MINUTE <= intent.planned_at
        assert intent.outcome is Outcome.APPLIED
        assert bounds(stage) == (0, 3)
        assert kinds(stage) == ["idle.warn", "idle.acted"]

    run_virtual(life, start=START)


def test_a_restart_before_the_receipt_was_read_loses_no_warning(folder: Path) -> None:
    async def life(clock: VirtualClock) -> None:
        stage = enforcing(clock, folder)
        async with running(stage):
            while "idle.warn" not in kinds(stage):
                await clock.sleep(timedelta(seconds=5))
        (incident,) = opened(stage)
        assert incident.warned_at is None, "no cycle has seen the receipt"
        async with running(stage, seed=2):
            await clock.sleep(20 * MINUTE)
        assert await writes(stage) == [f"PATCH {IDLE}", f"PATCH {IDLE}:scale"]
        assert kinds(stage) == ["idle.warn", "idle.acted"]

    run_virtual(life, start=START)


def test_what_a_request_wakes_gets_its_old_bounds_once(folder: Path) -> None:
    async def life(clock: VirtualClock) -> None:
        stage = enforcing(clock, folder)
        async with running(stage):
            await clock.sleep(STOPPED)
            await happen(stage, "request", IDLE, count=3)
            await clock.sleep(20 * MINUTE)
        assert (await writes(stage))[2:] == [f"PATCH {IDLE}"]
        assert bounds(stage) == (1, 3)
        stop, restore = actions(stage)
        assert restore.verb is Verb.RESTORE
        assert stop.released is Released.RESTORED
        assert kinds(stage)[2:] == ["deployment.restored"]
        assert len({each.story or each.key for each in stage.heard.notices[1:]}) == 1

    run_virtual(life, start=START)


def test_what_a_person_sets_after_us_is_theirs_and_twice_means_stand_down(folder: Path) -> None:
    async def life(clock: VirtualClock) -> None:
        stage = enforcing(clock, folder)
        async with running(stage):
            for _ in range(2):
                await clock.sleep(STOPPED)
                await happen(stage, "patch", IDLE, fields={"minReplicaCount": 1})
                await clock.sleep(HOUR)
            await clock.sleep(3 * HOUR)
        stops = [each for each in actions(stage) if each.verb is Verb.SCALE_TO_ZERO]
        assert [each.released for each in stops] == [Released.HUMAN, Released.HUMAN]
        assert bounds(stage) == (1, 3)
        assert not [each for each in actions(stage) if each.verb is Verb.RESTORE]
        assert kinds(stage).count("deployment.contested") == 1

    run_virtual(life, start=START)


def test_a_listing_from_before_our_change_shows_nobody_elses(folder: Path) -> None:
    stale = '[[fault]]\nkind = "stale-list"\nfrom = "28m"\nto = "45m"\n'

    async def life(clock: VirtualClock) -> None:
        stage = enforcing(clock, folder, faults=stale)
        async with running(stage):
            await clock.sleep(HOUR)
            (stop,) = actions(stage)
            assert stop.outcome is Outcome.APPLIED
            assert stop.planned_at < START + 45 * MINUTE
            assert stop.released is None, "nobody has changed anything"
            await happen(stage, "request", IDLE, count=3)
            await clock.sleep(20 * MINUTE)
        assert bounds(stage) == (1, 3), "what has woken is put back as ever"
        assert "idle.cancelled" not in kinds(stage)

    run_virtual(life, start=START)


def test_traffic_in_the_grace_cancels_and_nothing_is_sent(folder: Path) -> None:
    async def life(clock: VirtualClock) -> None:
        stage = enforcing(clock, folder)
        async with running(stage):
            await clock.sleep(DUE - 3 * MINUTE)
            await happen(stage, "request", IDLE, count=5)
            await clock.sleep(15 * MINUTE)
        assert await writes(stage) == []
        (incident,) = closed(stage)
        assert incident.state is IncidentState.CANCELLED
        assert kinds(stage) == ["idle.warn", "idle.cancelled"]

    run_virtual(life, start=START)


def test_what_the_newest_scrape_says_nothing_of_is_not_stopped_by_an_older_one(
    folder: Path,
) -> None:
    fault = f'kind = "metrics-partial"\ndeployment = "{IDLE}"\nfrom = "30m10s"\nto = "40m"'

    async def life(clock: VirtualClock) -> None:
        stage = enforcing(clock, folder, faults=f"[[fault]]\n{fault}\n")
        async with running(stage):
            await clock.sleep(DUE + 4 * MINUTE)
            assert await writes(stage) == []
            await clock.sleep(HOUR)
            assert f"PATCH {IDLE}:scale" in await writes(stage), "when it is known again"

    run_virtual(life, start=START)


@pytest.mark.parametrize(
    ("kind", "blocker"),
    [
        pytest.param(OverrideKind.SNOOZE, "snoozed", id="snoozed"),
        pytest.param(OverrideKind.PROTECT, "protected", id="protected"),
        pytest.param(OverrideKind.PAUSE, "paused", id="everything is paused"),
    ],
)
def test_a_persons_word_holds_it_back(folder: Path, kind: OverrideKind, blocker: str) -> None:
    async def life(clock: VirtualClock) -> None:
        stage = enforcing(clock, folder)
        async with running(stage):
            await clock.sleep(DUE - 3 * MINUTE)
            override = Override(
                account=ACME,
                kind=kind,
                uid=uid_of(stage) if kind.is_about_one else None,
                since=clock.now(),
                until=clock.now() + 2 * HOUR,
                actor="cli:ada@here",
                reason="a paper",
            )
            write(stage, lambda session: overrides.put(session, override))
            await clock.sleep(HOUR)
            assert await writes(stage) == []
            await clock.sleep(2 * HOUR)
        assert f"PATCH {IDLE}:scale" in await writes(stage), "afterwards it is stopped"

    run_virtual(life, start=START)


@pytest.mark.parametrize("kind", [OverrideKind.SNOOZE, OverrideKind.PROTECT, OverrideKind.PAUSE])
def test_a_persons_word_between_verdict_and_call_holds_it_back(
    folder: Path, kind: OverrideKind
) -> None:
    async def life(clock: VirtualClock) -> None:
        stage = enforcing(clock, folder)

        def says(point: CrashPoint) -> None:
            due = point is CrashPoint.CYCLE_COMMITTED and [
                each for each in opened(stage) if each.state is IncidentState.ACTING
            ]
            if due:
                word = Override(
                    account=ACME,
                    kind=kind,
                    uid=due[0].uid if kind.is_about_one else None,
                    since=clock.now(),
                    actor="cli:ada@here",
                )
                write(stage, lambda session: overrides.put(session, word))

        async with running(stage, crash=says):
            await clock.sleep(STOPPED)
        assert await writes(stage) == []

    run_virtual(life, start=START)


def test_a_stop_waits_for_the_approval_it_needs(folder: Path) -> None:
    async def life(clock: VirtualClock) -> None:
        stage = enforcing(clock, folder, policy=QUICK.replace("mode: observe", "mode: approve"))
        async with running(stage):
            await clock.sleep(HOUR)
            assert await writes(stage) == []
            (waiting,) = opened(stage)
            assert waiting.held_by is Blocker.APPROVAL
            number = ask_for(stage, RequestVerb.APPROVE)
            await clock.sleep(5 * MINUTE)
            assert answer(stage, number).outcome is RequestOutcome.DONE
        assert await writes(stage) == [f"PATCH {IDLE}", f"PATCH {IDLE}:scale"]
        assert kinds(stage) == ["idle.warn", "action.pending", "idle.acted"]

    run_virtual(life, start=START)


def test_a_rejected_stop_is_a_snooze(folder: Path) -> None:
    async def life(clock: VirtualClock) -> None:
        stage = enforcing(clock, folder, policy=QUICK.replace("mode: observe", "mode: approve"))
        async with running(stage):
            await clock.sleep(HOUR)
            number = ask_for(stage, RequestVerb.REJECT)
            await clock.sleep(3 * HOUR)
            assert answer(stage, number).outcome is RequestOutcome.DONE
        assert await writes(stage) == []
        assert opened(stage) == ()

    run_virtual(life, start=START)


def test_a_person_has_the_old_bounds_put_back(folder: Path) -> None:
    async def life(clock: VirtualClock) -> None:
        stage = enforcing(clock, folder)
        async with running(stage):
            await clock.sleep(STOPPED)
            number = ask_for(stage, RequestVerb.RESTORE)
            await clock.sleep(3 * MINUTE)
            assert answer(stage, number).outcome is RequestOutcome.DONE
            again = ask_for(stage, RequestVerb.RESTORE)
            await clock.sleep(3 * MINUTE)
            assert answer(stage, again).outcome is RequestOutcome.REFUSED
        assert bounds(stage) == (1, 3)
        assert (await writes(stage))[2:] == [f"PATCH {IDLE}"]

    run_virtual(life, start=START)


def test_in_observe_nothing_that_a_person_asks_for_is_sent(folder: Path) -> None:
    async def life(clock: VirtualClock) -> None:
        stage = small_stage(clock, folder)
        async with running(stage):
            await clock.sleep(STOPPED)
            number = ask_for(stage, RequestVerb.RESTORE)
            await clock.sleep(3 * MINUTE)
            assert answer(stage, number).outcome is RequestOutcome.REFUSED
            assert "FIREWARDEN_MODE" in answer(stage, number).detail
        assert await writes(stage) == []

    run_virtual(life, start=START)


@pytest.mark.parametrize(
    ("fault", "calls", "outcome"),
    [
        pytest.param(
            'kind = "lost-answer"\non = "write"\ntimes = 1',
            [f"PATCH {IDLE}", f"PATCH {IDLE}:scale"],
            "done",
            id="the answer of the PATCH is lost",
        ),
        pytest.param(
            'kind = "forbidden"\non = "write"',
            [f"PATCH {IDLE}"],
            "failed",
            id="the key may not",
        ),
        pytest.param(
            'kind = "server-error"\non = "write"\ntimes = 1',
            [f"PATCH {IDLE}"],
            "failed",
            id="the provider fails",
        ),
        pytest.param(
            'kind = "reset"\non = "write"\ntimes = 1', [f"PATCH {IDLE}"], "failed", id="a reset"
        ),
    ],
)
def test_nothing_is_sent_twice_whatever_comes_back(
    folder: Path, fault: str, calls: list[str], outcome: str
) -> None:
    async def life(clock: VirtualClock) -> None:
        stage = enforcing(clock, folder, faults=f"[[fault]]\n{fault}\n")
        async with running(stage):
            await clock.sleep(STOPPED + timedelta(minutes=15))
        assert await writes(stage) == calls
        assert [each.state.value for each in closed(stage)] == [outcome]
        assert all(each.outcome is not Outcome.PLANNED for each in actions(stage))
        with ledger_of(stage) as ledger:
            standing = overrides.standing(ledger.session, ledger.account, now=clock.now())
        assert standing == (), "nothing is paused"

    run_virtual(life, start=START)


def test_an_item_of_a_saved_plan_is_done_once_and_only_while_its_evidence_holds(
    folder: Path,
) -> None:
    async def life(clock: VirtualClock) -> None:
        stage = small_stage(clock, folder, FIREWARDEN_MODE="enforce")  # the policy observes
        async with running(stage):
            await clock.sleep(STOPPED)
            with ledger_of(stage) as ledger:
                (item,) = show_plan(take_picture(ledger)).actions
            foreign = ask_for(stage, RequestVerb.APPLY, policy=item.policy, fingerprint="0" * 16)
            wanted = {"policy": item.policy, "fingerprint": item.fingerprint}
            number = ask_for(stage, RequestVerb.APPLY, **wanted)
            again = ask_for(stage, RequestVerb.APPLY, **wanted)
            await clock.sleep(3 * MINUTE)
            assert answer(stage, foreign).outcome is RequestOutcome.REFUSED
            assert answer(stage, number).outcome is RequestOutcome.DONE
            await clock.sleep(3 * MINUTE)
            assert answer(stage, again).outcome is RequestOutcome.REFUSED
        assert await writes(stage) == [f"PATCH {IDLE}", f"PATCH {IDLE}:scale"]
        (intent,) = actions(stage)
        assert intent.actor == "cli:ada@here"

    run_virtual(life, start=START)


def edit(folder: Path, text: str) -> None:
    (folder / "policies" / "quick.yaml").write_text(text, encoding="utf-8")


def test_an_edited_policy_is_taken_up_and_makes_nothing_due_sooner(folder: Path) -> None:
    async def life(clock: VirtualClock) -> None:
        stage = enforcing(clock, folder)
        async with running(stage):
            await clock.sleep(DUE - 2 * MINUTE)
            edit(folder, ENFORCED.replace("idle_for: 20m", "idle_for: 5m"))
            await clock.sleep(8 * MINUTE)
            assert await writes(stage) == [], "a whole grace begins with the edit"
            await clock.sleep(10 * MINUTE)
        assert await writes(stage) == [f"PATCH {IDLE}", f"PATCH {IDLE}:scale"]

    run_virtual(life, start=START)


def test_a_file_that_cannot_be_used_leaves_the_last_good_one_in_force(folder: Path) -> None:
    async def life(clock: VirtualClock) -> None:
        stage = enforcing(clock, folder)
        async with running(stage):
            await clock.sleep(DUE - 10 * MINUTE)
            edit(folder, ENFORCED.replace("idle_for", "idle_fro"))
            await clock.sleep(30 * MINUTE)
            assert await writes(stage) == [f"PATCH {IDLE}", f"PATCH {IDLE}:scale"]
            assert kinds(stage).count("policy.invalid") == 1
            edit(folder, ENFORCED)
            await clock.sleep(2 * MINUTE)
        over = [each for each in stage.heard.notices if each.kind == "policy.invalid"]
        assert [each.resolved for each in over] == [False, True]
        assert "idle_fro" in over[0].text

    run_virtual(life, start=START)


def test_what_was_begun_and_then_refused_is_put_back(folder: Path) -> None:
    passes = '[[fault]]\nkind = "unknown-fields"\non = "write"\ntimes = 1\n'
    refuses = '[[fault]]\nkind = "precondition"\non = "write"\ntimes = 1\n'

    async def life(clock: VirtualClock) -> None:
        stage = enforcing(clock, folder, faults=passes + refuses)
        async with running(stage):
            await clock.sleep(STOPPED)
        assert await writes(stage) == [f"PATCH {IDLE}", f"PATCH {IDLE}:scale", f"PATCH {IDLE}"]
        assert bounds(stage) == (1, 3)
        stop, restore = actions(stage)
        assert (stop.outcome, restore.outcome) == (Outcome.FAILED, Outcome.APPLIED)

    run_virtual(life, start=START)


def forty() -> tuple[DeploymentPlan, ...]:
    """One that nobody calls, and thirty-nine that somebody calls all day."""
    steady = (
        DeploymentPlan(
            deployment_id=f"busy-{number}",
            fields=fields(H100, 1, (1, 1), model=own_model(f"busy-{number}")),
            age=DAY,
            flows=flow(Steady(per_minute=10 + number)),
        )
        for number in range(39)
    )
    idle = fields(H100, 8, (1, 3), model=own_model(IDLE))
    return DeploymentPlan(deployment_id=IDLE, fields=idle, age=DAY), *steady


def test_a_fleet_that_turns_quiet_in_one_scrape_is_left_alone_and_people_hear_why(
    folder: Path,
) -> None:
    zeros = '[[fault]]\nkind = "metrics-zero"\nfrom = "15m"\nto = "75m"\n'

    async def life(clock: VirtualClock) -> None:
        stage = enforcing(clock, folder, faults=zeros, deployments=forty())
        async with running(stage):
            await clock.sleep(74 * MINUTE)
            assert await writes(stage) == []
            _hello, told = stage.heard.notices
            assert told.kind == "policy.brake"
            assert "39 deployments turned quiet in the same scrape" in told.text
            await clock.sleep(29 * MINUTE)
            assert await writes(stage) == [], "what was quiet in that silence proves nothing"
            await clock.sleep(8 * MINUTE)
        assert await writes(stage) == [f"PATCH {IDLE}", f"PATCH {IDLE}:scale"]
        assert kinds(stage) == ["policy.brake", "policy.brake", "idle.warn", "idle.acted"]
        assert stage.heard.notices[2].resolved

    run_virtual(life, start=START)


def test_a_restart_in_the_grace_neither_begins_it_anew_nor_tells_it_twice(folder: Path) -> None:
    async def life(clock: VirtualClock) -> None:
        stage = enforcing(clock, folder)
        await clock.sleep(timedelta(microseconds=123_457))  # instants are stored in milliseconds
        async with running(stage):
            await clock.sleep(DUE - 4 * MINUTE)
        async with running(stage, seed=2):
            await clock.sleep(9 * MINUTE)
        (done,) = closed(stage)
        assert done.state is IncidentState.DONE
        assert await writes(stage) == [f"PATCH {IDLE}", f"PATCH {IDLE}:scale"]
        assert kinds(stage) == ["idle.warn", "idle.acted"]
        (intent,) = actions(stage)
        assert intent.planned_at < START + DUE + 3 * MINUTE

    run_virtual(life, start=START)
