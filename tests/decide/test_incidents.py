"""The story of a deployment under a policy, told in cycles."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from firewarden.decide.docket import Docket
from firewarden.decide.incidents import Steps, step
from firewarden.decide.judge import judge
from firewarden.decide.notices import recovery
from firewarden.decide.plan import Plan, plan
from firewarden.decide.seen import Seen
from firewarden.decide.situation import Situation
from firewarden.model.activity import QuietEvidence, Use
from firewarden.model.deployment import Deployment
from firewarden.model.ids import Uid
from firewarden.model.verdict import Incident, IncidentState
from firewarden.model.vocabulary import Blocker, Mode, Verb
from firewarden.policy.rules import PolicySet
from tests.support.acting import an_incident
from tests.support.deciding import (
    IDLE,
    NOW,
    Looks,
    Since,
    a_deployment,
    a_fleet,
    a_situation,
    active,
    at_zero,
    minutes,
    policies,
)

DONE, CANCELLED, WAITING = (
    IncidentState.DONE,
    IncidentState.CANCELLED,
    IncidentState.WAITING,
)


@dataclass(slots=True)
class World:
    """An account over time: the clock moves with `pass_time`, the docket with each cycle."""

    policy_set: PolicySet
    fleet: list[Deployment]
    now: datetime = NOW
    docket: Docket = field(default_factory=Docket)
    quiet_since: datetime | None = NOW - timedelta(minutes=45)
    seen_active: datetime | None = None
    blind_since: datetime | None = None

    def situation(self, **changes: Any) -> Situation:
        until = self.blind_since or self.now
        look = QuietEvidence(
            use=Use.UNKNOWN if self.blind_since else Use.QUIET,
            quiet_since=self.quiet_since,
            quiet_until=until,
            newest_at=until,
            active_at=self.seen_active,
            because="the metrics endpoint failed" if self.blind_since else "",
        )
        if self.quiet_since is None:
            look = active(now=self.now)
        plain: dict[str, Any] = {
            "now": self.now,
            "fleet": a_fleet(self.fleet, answered_at=self.now),
            "surroundings_at": self.now,
        }
        return a_situation(looks=Looks(default=look), **(plain | changes))

    def cycle(self, **changes: Any) -> Steps:
        """Judge, step, and remember; the same cycle again must change nothing."""
        situation = self.situation(**changes)
        verdicts = judge(situation, self.policy_set)
        steps = step(situation, verdicts, self.docket, self.policy_set)
        again = step(situation, verdicts, steps.docket, self.policy_set)
        assert (again.changed, again.notices) == ((), ())
        self.docket = steps.docket
        return steps

    def plan(self, **changes: Any) -> Plan:
        situation = self.situation(**changes)
        return plan(situation, judge(situation, self.policy_set), self.docket, self.policy_set)

    def pass_time(self, by: timedelta, **changes: Any) -> Steps:
        self.now += by
        return self.cycle(**changes)

    def is_used(self) -> None:
        self.quiet_since, self.seen_active = None, self.now

    def falls_quiet(self) -> None:
        self.quiet_since = self.now


def a_world(text: str = IDLE, *names: str) -> World:
    world = World(policies(text), [a_deployment(name) for name in names or ("exp-1",)])
    world.docket = Docket(braked=False)
    return world


def the(steps: Steps) -> Incident:
    (incident,) = steps.changed
    return incident


def kinds(steps: Steps) -> list[str]:
    return [notice.kind for notice in steps.notices]


def test_idle_is_warned_waited_for_and_would_be_stopped() -> None:
    world = a_world()

    opened = world.cycle()
    nothing = world.pass_time(minutes(14.9))
    done = world.pass_time(minutes(0.1))

    assert the(opened).state is WAITING
    assert the(opened).warned_at == NOW
    assert the(opened).acts_at == NOW + minutes(15)
    assert kinds(opened) == ["idle.warn"]
    assert nothing.changed == ()
    assert the(done).state is DONE
    assert kinds(done) == ["idle.acted"]


def test_the_notices_of_one_story_share_one_key_and_the_last_closes_it() -> None:
    world = a_world()
    (first,) = world.cycle().notices
    (last,) = world.pass_time(minutes(15)).notices

    assert first.key == last.key
    assert (first.resolved, last.resolved) == (False, True)
    assert first.text == (
        "exp-1: idle 45m, 2 GPUs, 16.00 USD/h; would be scaled to zero at 12:15 UTC [idle]"
    )
    assert last.text == ("exp-1: would be scaled to zero now, idle 1h, 2 GPUs, 16.00 USD/h [idle]")


def test_use_cancels_and_the_timer_starts_from_zero() -> None:
    world = a_world()
    world.cycle()
    world.now += minutes(14)
    world.is_used()
    cancelled = world.cycle()
    world.falls_quiet()

    assert the(cancelled).state is CANCELLED
    assert the(cancelled).closed_because == "it is in use again"
    assert kinds(cancelled) == ["idle.cancelled"]
    assert world.pass_time(minutes(44)).changed == ()
    reopened = the(world.pass_time(minutes(1)))
    assert (reopened.state, reopened.acts_at) == (WAITING, world.now + minutes(15))


def test_unknown_holds_neither_advancing_nor_cancelling() -> None:
    world = a_world()
    world.cycle()
    world.blind_since = world.now + minutes(4)
    known = world.pass_time(minutes(9))
    held = world.pass_time(minutes(1))

    assert known.changed == ()
    assert the(held).held_by is Blocker.DATA_MISSING
    assert the(held).state is WAITING
    assert world.pass_time(minutes(30)).changed == ()
    assert world.plan().actions == ()


def test_time_held_for_want_of_evidence_is_no_grace() -> None:
    world = a_world()
    world.cycle()
    world.pass_time(minutes(10), complete_cycles=1)
    back = world.pass_time(minutes(4))

    assert the(back).acts_at == NOW + minutes(19)
    assert world.pass_time(minutes(4.9)).changed == ()
    assert the(world.pass_time(minutes(0.1))).state is DONE


def test_people_are_told_once_when_evidence_has_been_missing_for_an_hour() -> None:
    world = a_world()
    world.cycle()
    world.blind_since = world.now
    held = world.pass_time(minutes(6))

    assert kinds(held) == []
    assert kinds(world.pass_time(minutes(59.9))) == []
    told = world.pass_time(minutes(0.1))
    assert kinds(told) == ["policy.unknown_held"]
    assert kinds(world.pass_time(minutes(60))) == []
    world.blind_since = None
    again = world.cycle()
    assert [(each.kind, each.resolved) for each in again.notices] == [("policy.unknown_held", True)]
    assert again.notices[0].key == told.notices[0].key


def test_the_same_idle_stretch_is_told_once() -> None:
    world = a_world()
    world.cycle()
    world.pass_time(minutes(15))

    for _ in range(5):
        assert world.pass_time(timedelta(days=1)).changed == ()


def test_after_use_a_new_stretch_is_a_new_story() -> None:
    world = a_world()
    world.cycle()
    world.pass_time(minutes(15))
    world.now += minutes(1)
    world.is_used()
    world.cycle()
    world.falls_quiet()

    assert the(world.pass_time(minutes(45))).state is WAITING


def test_a_hole_in_the_evidence_alone_begins_no_new_story() -> None:
    world = a_world()
    world.cycle()
    world.pass_time(minutes(15))
    world.quiet_since = world.now

    assert world.pass_time(minutes(60)).changed == ()


def test_a_hole_in_the_listings_alone_begins_no_new_story_either() -> None:
    world = a_world()
    world.cycle()
    world.pass_time(minutes(15))
    since_the_gap = Since(ready=world.now + minutes(5))

    assert world.pass_time(minutes(60), ages=since_the_gap).changed == ()
    assert len(world.plan(ages=since_the_gap).actions) == 1


def test_stopped_and_made_ready_again_is_a_new_story() -> None:
    world = a_world()
    world.cycle()
    world.pass_time(minutes(15))
    started = world.quiet_since = world.now + minutes(5)

    assert the(world.pass_time(minutes(60), ages=Since(ready=started))).state is WAITING


def test_what_a_bolder_mode_may_do_it_begins_anew() -> None:
    world = a_world()
    opened = the(world.cycle())
    pair = (opened.uid, opened.policy)
    shyer = replace(opened, mode=Mode.DISABLED)
    world.docket = replace(world.docket, opened={pair: shyer})
    again = the(world.pass_time(minutes(15)))
    assert (again.state, again.acts_at) == (WAITING, world.now + minutes(15))
    done = the(world.pass_time(minutes(15)))
    world.docket = replace(world.docket, done={pair: replace(done, mode=Mode.DISABLED)})
    assert the(world.pass_time(minutes(1))).state is WAITING


def test_a_hole_during_grace_cancels_and_says_so_without_claiming_use() -> None:
    world = a_world()
    world.cycle()
    world.quiet_since = world.now + minutes(5)
    cancelled = world.pass_time(minutes(6))

    assert the(cancelled).closed_because == "the evidence of its quiet was interrupted"


def test_after_a_restart_the_docket_from_the_ledger_goes_on_the_same() -> None:
    world = a_world()
    world.cycle()
    stored = list(world.docket.opened.values())
    world.docket = replace(Docket.of(stored), braked=False)
    done = the(world.pass_time(minutes(15)))
    world.docket = replace(Docket.of([done]), braked=False)

    assert done.state is DONE
    assert world.pass_time(timedelta(days=1)).changed == ()
    assert len(world.plan().actions) == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("wait: 15m", "wait: 1m", id="a shorter wait"),
        pytest.param("idle_for: 45m", "idle_for: 10m", id="a lower threshold"),
        pytest.param("match:", "mode: warn\n    match:", id="a bolder mode"),
    ],
)
def test_an_edit_makes_nothing_due_sooner_than_one_grace(old: str, new: str) -> None:
    world = a_world()
    world.cycle()
    world.policy_set = policies(IDLE.replace(old, new))
    grace = world.policy_set.policies[0].grace
    edited = the(world.pass_time(minutes(14.9)))

    assert edited.state is WAITING
    assert edited.warned_at == world.now
    assert edited.acts_at == world.now + grace
    assert world.plan().actions == ()
    assert the(world.pass_time(grace)).state is DONE


def test_an_edit_of_layout_changes_nothing() -> None:
    world = a_world()
    world.cycle()
    world.policy_set = policies("# moved\n" + IDLE)

    assert world.pass_time(minutes(1)).changed == ()


@pytest.mark.parametrize(
    ("change", "because"),
    [
        pytest.param(
            lambda world: setattr(world, "policy_set", policies("version: 1\n")),
            "its policy is gone",
            id="the policy is removed",
        ),
        pytest.param(
            lambda world: setattr(
                world, "policy_set", policies(IDLE.replace("match:", "mode: disabled\n    match:"))
            ),
            "its policy is gone",
            id="the policy is disabled",
        ),
        pytest.param(
            lambda world: setattr(
                world, "fleet", [replace(world.fleet[0], tags={"firewarden.protect": "true"})]
            ),
            "its tag firewarden.protect says true",
            id="somebody protects it",
        ),
        pytest.param(
            lambda world: setattr(world, "fleet", [replace(world.fleet[0], state="DELETED")]),
            "the deployment is gone",
            id="somebody deleted it",
        ),
        pytest.param(
            lambda world: setattr(world, "fleet", [replace(world.fleet[0], ready_replica_count=0)]),
            "no replica is ready any more",
            id="somebody stopped it",
        ),
    ],
)
def test_what_people_do_ends_the_story(change: Callable[[World], None], because: str) -> None:
    world = a_world()
    world.cycle()
    change(world)
    ended = world.pass_time(minutes(20))

    assert (the(ended).state, the(ended).closed_because) == (CANCELLED, because)


def test_a_policy_edit_while_disabled_as_a_whole_leaves_everything_as_it_is() -> None:
    world = a_world()
    world.cycle()

    assert world.pass_time(minutes(60), ceiling=Mode.DISABLED).changed == ()


@pytest.mark.parametrize(
    ("changes", "blocker"),
    [
        pytest.param({"paused": True}, Blocker.PAUSED, id="kill switch"),
        pytest.param({"complete_cycles": 0}, Blocker.TOO_FEW_CYCLES, id="after a hole"),
        pytest.param({"surroundings": None}, Blocker.SURROUNDINGS_UNKNOWN, id="surroundings"),
        pytest.param(
            {"absent": frozenset({Uid("x@y")})}, Blocker.LISTING_INCOMPLETE, id="one is missing"
        ),
    ],
)
def test_what_passes_by_itself_holds(changes: dict[str, Any], blocker: Blocker) -> None:
    world = a_world()
    world.cycle()
    held = the(world.pass_time(minutes(20), **changes))

    assert (held.state, held.held_by) == (WAITING, blocker)
    assert the(world.pass_time(minutes(20))).state in {WAITING, DONE}


def test_nothing_opens_while_something_blocks() -> None:
    world = a_world()

    assert world.cycle(complete_cycles=1).changed == ()
    assert world.cycle(paused=True).changed == ()


def test_absence_is_a_question_and_gone_is_an_answer() -> None:
    world = a_world()
    world.cycle()
    (uid,) = (one.uid for one in world.fleet)
    world.fleet = [a_deployment("web-1")]
    absent = the(world.pass_time(minutes(20), absent=frozenset({uid})))
    gone = the(world.pass_time(minutes(1), gone=frozenset({uid})))

    assert (absent.state, absent.held_by) == (WAITING, Blocker.LISTING_INCOMPLETE)
    assert (gone.state, gone.closed_because) == (CANCELLED, "the deployment is gone")


def test_a_deployment_made_again_under_its_name_has_a_clean_slate() -> None:
    world = a_world()
    world.cycle()
    (old,) = (one.uid for one in world.fleet)
    world.fleet = [a_deployment(created_at=NOW - timedelta(days=1))]
    steps = world.pass_time(minutes(14), gone=frozenset({old}))
    by_uid = {incident.uid: incident for incident in steps.changed}

    assert by_uid[old].state is CANCELLED
    (new,) = (one.uid for one in world.fleet)
    assert by_uid[new].acts_at == world.now + minutes(15)


TWO = (
    IDLE
    + """
  slower:
    match: {all: true}
    when: {idle_for: 45m}
    stages: [warn, {wait: 2h}, scale_to_zero]
"""
)


def test_between_two_policies_one_effect_is_told_once() -> None:
    world = a_world(TWO)
    assert len(world.cycle().changed) == 2
    done = world.pass_time(minutes(15))
    over = world.pass_time(minutes(105))

    assert (the(done).policy, the(done).state) == ("idle", DONE)
    assert (the(over).policy, the(over).state) == ("slower", CANCELLED)
    assert the(over).closed_because == "idle did the same"
    assert world.pass_time(timedelta(days=1)).changed == ()
    assert len(world.plan().actions) == 1


def test_due_in_the_same_cycle_only_one_goes() -> None:
    world = a_world(TWO.replace("wait: 2h", "wait: 15m"))
    world.cycle()
    steps = world.pass_time(minutes(15))

    assert sorted(incident.state for incident in steps.changed) == ["cancelled", "done"]
    assert len(world.plan().actions) == 1


TELLS = """
version: 1
policies:
  failed:
    match: {all: true}
    when: {failed_for: 1h}
    stages: [warn]
"""


def test_a_policy_that_only_tells_tells_once_until_it_happens_again() -> None:
    world = a_world(TELLS)
    world.fleet = [a_deployment(state="FAILED")]
    told = world.cycle(ages=Since(state=NOW - timedelta(hours=1)))

    assert (the(told).state, the(told).closed_because) == (DONE, "people were told")
    assert kinds(told) == ["deployment.failed"]
    assert [notice.once for notice in told.notices] == [True]
    assert world.pass_time(timedelta(days=1)).changed == ()
    since_a_gap = Since(state=world.now - timedelta(hours=2))
    assert world.pass_time(timedelta(0), ages=since_a_gap).changed == ()
    failed_again = replace(since_a_gap, changed=since_a_gap.state)
    assert kinds(world.pass_time(timedelta(0), ages=failed_again)) == ["deployment.failed"]
    assert world.plan().actions == ()


def test_the_brake_is_told_once_and_its_end_once() -> None:
    world = a_world(IDLE, *(f"exp-{number}" for number in range(8)))
    world.seen_active = NOW - timedelta(minutes=45, seconds=30)
    braked = world.cycle()
    assert [(each.kind, each.resolved) for each in braked.notices] == [("policy.brake", False)]
    assert braked.changed == ()
    assert world.pass_time(minutes(1)).notices == ()
    over = world.pass_time(minutes(1), brake_released_at=NOW)
    assert ("policy.brake", True) in [(each.kind, each.resolved) for each in over.notices]


@pytest.mark.parametrize(
    ("limits", "fleet", "first", "after_an_hour"),
    [
        pytest.param("per_cycle: 2, share_per_hour: 100%", 5, [2, 2, 1], 0, id="a cycle"),
        pytest.param(
            "per_cycle: 9, per_hour: 3, share_per_hour: 100%", 5, [3, 0, 0], 2, id="an hour"
        ),
        pytest.param("per_cycle: 9, share_per_hour: 40%", 5, [2, 0, 0], 2, id="rounds down"),
        pytest.param("per_cycle: 9, share_per_hour: 10%", 5, [1, 0, 0], 1, id="but never below 1"),
        pytest.param(
            "per_cycle: 2, share_per_hour: 100%, on_exceed: hold", 5, [0, 0, 0], 0, id="hold: none"
        ),
        pytest.param(
            "per_cycle: 5, share_per_hour: 100%, on_exceed: hold", 5, [5, 0, 0], 0, id="hold: all"
        ),
    ],
)
def test_more_than_the_limits_allow_goes_bit_by_bit(
    limits: str, fleet: int, first: list[int], after_an_hour: int
) -> None:
    text = IDLE + f"    limits: {{{limits}}}\n"
    world = a_world(text, *(f"exp-{number}" for number in range(fleet)))
    world.cycle()

    def done(steps: Steps) -> int:
        return sum(incident.state is DONE for incident in steps.changed)

    assert [done(world.pass_time(minutes(15)))] + [
        done(world.pass_time(minutes(1))) for _ in range(2)
    ] == first
    waiting = [each for each in world.docket.opened.values() if each.held_by is Blocker.LIMITS]
    assert len(waiting) == fleet - sum(first)
    assert done(world.pass_time(minutes(57.9))) == 0
    assert done(world.pass_time(minutes(0.1))) == after_an_hour


def test_the_limit_is_told_once_and_its_end_once() -> None:
    world = a_world(IDLE, "exp-1", "exp-2")
    world.cycle()
    hit = world.pass_time(minutes(15))
    over = world.pass_time(minutes(60))

    assert kinds(hit) == ["idle.acted", "policy.limit_hit"]
    assert [(each.kind, each.resolved) for each in over.notices] == [
        ("idle.acted", True),
        ("policy.limit_hit", True),
    ]
    assert world.pass_time(minutes(60)).notices == ()


def test_all_policies_together_do_no_more_than_the_most_generous_alone() -> None:
    text = IDLE + "    limits: {per_cycle: 2, share_per_hour: 100%}\n"
    text += TWO.removeprefix(IDLE).replace("all: true", "name: web-*").replace("2h", "15m")
    text += "    limits: {per_cycle: 1, share_per_hour: 100%}\n"
    world = a_world(text, "exp-1", "exp-2", "web-1")
    world.cycle()
    steps = world.pass_time(minutes(15))

    assert sum(incident.state is DONE for incident in steps.changed) == 2


def test_a_wait_may_come_before_the_warning() -> None:
    world = a_world(IDLE.replace("[warn, {wait: 15m}", "[{wait: 5m}, warn, {wait: 10m}"))
    opened = the(world.cycle())
    warned = world.pass_time(minutes(5))

    assert (opened.warned_at, opened.acts_at) == (None, NOW + minutes(15))
    assert the(warned).warned_at == NOW + minutes(5)
    assert kinds(warned) == ["idle.warn"]
    assert the(world.pass_time(minutes(10))).state is DONE


def test_after_missed_cycles_the_wait_still_counts_from_the_warning() -> None:
    world = a_world(IDLE.replace("[warn, {wait: 15m}", "[{wait: 5m}, warn, {wait: 10m}"))
    world.cycle()
    world.now += timedelta(hours=2)
    early = world.plan()
    warned = the(world.cycle())

    assert early.actions == ()
    assert (warned.state, warned.acts_at) == (WAITING, world.now + minutes(10))


def test_nobody_hears_of_the_end_of_a_story_they_were_not_told() -> None:
    world = a_world(IDLE.replace("[warn, {wait: 15m}", "[{wait: 15m}"))
    world.cycle()
    world.now += minutes(1)
    world.is_used()

    assert world.cycle().notices == ()


def test_a_missed_day_of_cycles_costs_no_correctness() -> None:
    world = a_world()
    world.cycle()

    assert the(world.pass_time(timedelta(days=1))).state is DONE


def test_unpriced_is_said_and_not_zero() -> None:
    world = a_world()
    world.fleet = [a_deployment(accelerator_type="NVIDIA_NEW")]
    steps = world.cycle()

    assert the(steps).saves_micro_usd_per_hour is None
    assert "2 GPUs, unpriced" in steps.notices[0].text


def test_a_story_begins_at_an_instant_that_the_ledger_can_hold() -> None:
    world = a_world()
    world.now += timedelta(microseconds=1_234_567)

    opened = the(world.cycle())

    assert opened.opened_at == NOW + timedelta(milliseconds=1_234)


@pytest.mark.parametrize(
    ("deployment", "because"),
    [
        pytest.param(at_zero(), "its conditions hold no longer", id="at zero still"),
        pytest.param(a_deployment(), "it is running again", id="woken"),
        pytest.param(at_zero(starting_replica_count=1), "it is running again", id="being woken"),
    ],
)
def test_a_delete_that_is_called_off_does_not_speak_of_replicas_that_were_not_there(
    deployment: Deployment, because: str
) -> None:
    incident = an_incident(verb=Verb.DELETE, gpu_count=0)

    assert recovery(Seen(deployment, a_situation(deployment)), incident) == because
