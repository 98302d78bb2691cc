"""Builders for what is done: incidents, intents, and an account in which what is due is done."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from firewarden.decide.deeds import Deeds
from firewarden.decide.docket import Docket
from firewarden.decide.incidents import Steps, step
from firewarden.decide.judge import judge
from firewarden.decide.notices import story_of
from firewarden.decide.orders import Order, order_of
from firewarden.decide.plan import Plan, plan
from firewarden.decide.situation import Situation
from firewarden.decide.standing import Tended, tend
from firewarden.model.action import Bounds, Effect, Intent, Outcome
from firewarden.model.activity import QuietEvidence
from firewarden.model.delivery import Delivery
from firewarden.model.deployment import Deployment
from firewarden.model.ids import PolicyName
from firewarden.model.notice import Notice
from firewarden.model.verdict import Incident, IncidentState
from firewarden.model.vocabulary import Mode, PutBack, Verb
from firewarden.policy.rules import PolicySet
from tests.support.deciding import (
    ACCOUNT,
    IDLE,
    NOW,
    Looks,
    Since,
    a_deployment,
    a_fleet,
    a_situation,
    minutes,
    policies,
    quiet,
)

ENFORCED = IDLE.replace("match:", "mode: enforce\n    match:")
WIDE = "    limits: {per_cycle: 99, per_hour: 99, share_per_hour: 100%}\n"
"""Limits that hold nothing back."""


def in_mode(mode: str, text: str = IDLE) -> PolicySet:
    """Load *text* with all its policies in *mode*, and limits that hold nothing back."""
    return policies(text.replace("match:", f"mode: {mode}\n    match:") + WIDE)


def an_incident(name: str = "exp-1", **changes: Any) -> Incident:
    """One in enforce whose effect is due now."""
    plain = Incident(
        uid=a_deployment(name).uid,
        policy=PolicyName("idle"),
        policy_hash="c0ffee",
        mode=Mode.ENFORCE,
        verb=Verb.SCALE_TO_ZERO,
        state=IncidentState.ACTING,
        stage=2,
        opened_at=NOW - minutes(15),
        entered_at=NOW,
        reason="idle 1h",
        warned_at=NOW - minutes(15),
        acts_at=NOW,
    )
    return replace(plain, **changes)


def an_intent(name: str = "exp-1", **changes: Any) -> Intent:
    """A scale to zero of one that had min 1, taken a minute ago, that stands."""
    plain = Intent(
        action_id=1,
        account=ACCOUNT,
        uid=a_deployment(name).uid,
        verb=Verb.SCALE_TO_ZERO,
        policy=PolicyName("idle"),
        policy_hash="c0ffee",
        mode=Mode.ENFORCE,
        actor="policy",
        reason="idle 1h",
        effect=Effect(min_replica_count=0, replica_count=0),
        before=Bounds.of(a_deployment(name)),
        planned_at=NOW - minutes(1),
        finished_at=NOW - minutes(1),
        epoch=1,
        opened_at=NOW - minutes(16),
        stage=2,
        put_back=PutBack.ON_WAKE,
        outcome=Outcome.APPLIED,
    )
    return replace(plain, **changes)


@dataclass(slots=True)
class Ring:
    """An account over time. What is due is done by `carry_out`, warnings come by `deliver`."""

    policy_set: PolicySet
    fleet: dict[str, Deployment]
    now: datetime = NOW
    docket: Docket = field(default_factory=lambda: Docket(braked=False))
    deeds: Deeds = field(default_factory=Deeds)
    looks: dict[str, QuietEvidence] = field(default_factory=dict)
    ceiling: Mode = Mode.ENFORCE
    ages: Since = field(default_factory=Since)
    told: list[Notice] = field(default_factory=list)
    tended: Tended = field(default_factory=Tended)

    def situation(self, **changes: Any) -> Situation:
        looks = Looks(self.looks, default=quiet(minutes(120), now=self.now))
        plain: dict[str, Any] = {
            "now": self.now,
            "fleet": a_fleet(
                list(self.fleet.values()),
                asked_at=self.now - timedelta(seconds=1),
                answered_at=self.now,
            ),
            "surroundings_at": self.now,
            "ceiling": self.ceiling,
            "deeds": self.deeds,
            "ages": self.ages,
        }
        return a_situation(looks=looks, **(plain | changes))

    def cycle(self, **changes: Any) -> Steps:
        """Judge, step, tend and remember; the same cycle again must change and tell nothing."""
        situation = self.situation(**changes)
        verdicts = judge(situation, self.policy_set)
        steps = step(situation, verdicts, self.docket, self.policy_set)
        again = step(situation, verdicts, steps.docket, self.policy_set)
        assert (again.changed, again.notices) == ((), ())
        assert again.due == steps.due
        self.docket = steps.docket
        self.tended = tend(situation, steps.docket, self.policy_set)
        self.deeds = self.deeds.without(self.tended.releases, at=self.now)
        self.told += [*steps.notices, *self.tended.notices]
        return steps

    def pass_time(self, by: timedelta, **changes: Any) -> Steps:
        self.now += by
        return self.cycle(**changes)

    def plan(self, **changes: Any) -> Plan:
        situation = self.situation(**changes)
        return plan(situation, judge(situation, self.policy_set), self.docket, self.policy_set)

    def deliver(self, at: datetime | None = None, **changes: Any) -> None:
        """Let every warning so far have a receipt of *at* (now), or whatever *changes* say."""
        delivery = replace(Delivery(delivered_at=self.now if at is None else at), **changes)
        stories = [story_of(each) for each in self.docket.opened.values()]
        self.docket = replace(self.docket, deliveries=dict.fromkeys(stories, delivery))

    def wake(self, name: str) -> None:
        """Let a request wake it: one replica serves."""
        self.fleet[name] = replace(self.fleet[name], desired_replica_count=1, ready_replica_count=1)

    def approve(self) -> None:
        """Say yes to everything that is open."""
        self.docket = replace(
            self.docket, approved=dict.fromkeys(self.docket.opened, "cli:me@here")
        )

    def restart(self) -> None:
        """Lose all memory but what is stored."""
        stored = [*self.docket.opened.values(), *self.docket.done.values()]
        stored += self.docket.failed.values()
        deliveries, approved = self.docket.deliveries, self.docket.approved
        self.docket = replace(
            Docket.of(stored), braked=False, deliveries=deliveries, approved=approved
        )
        self.deeds = Deeds.of(self.deeds.intents.values())

    def orders(self, steps: Steps) -> list[Order]:
        """Say what is to be carried out, as of now."""
        named = {policy.name: policy for policy in self.policy_set.policies}
        situation = self.situation()
        found = (order_of(each, named[each.policy], situation) for each in steps.due)
        return [*self.tended.orders, *(each for each in found if each is not None)]

    def carry_out(self, order: Order, outcome: Outcome = Outcome.APPLIED, **changes: Any) -> Intent:
        """Write *order* down with its *outcome*, and let the fleet follow what was applied."""
        number = 1 + max(self.deeds.intents, default=0)
        finished = None if outcome is Outcome.PLANNED else self.now
        intent = replace(
            order.intent(at=self.now, epoch=1),
            action_id=number,
            outcome=outcome,
            finished_at=finished,
            **changes,
        )
        self.deeds = self.deeds.with_one(intent)
        if outcome is Outcome.APPLIED:
            name = order.deployment.deployment_id
            self.fleet[name] = after(order.effect, self.fleet[name])
            for action_id in order.releases:
                undone = self.deeds.intents[action_id]
                self.deeds = self.deeds.with_one(
                    replace(undone, released=order.released, released_at=self.now)
                )
        return intent


def after(effect: Effect, deployment: Deployment) -> Deployment:
    """Say how *deployment* looks once *effect* has come about."""
    asked: Mapping[str, Any] = {
        "min_replica_count": effect.min_replica_count,
        "max_replica_count": effect.max_replica_count,
        "scale_to_zero_window": effect.scale_to_zero_window,
    }
    changes = {name: value for name, value in asked.items() if value is not None}
    if effect.replica_count is not None or effect.max_replica_count == 0:
        changes |= {"ready_replica_count": 0, "desired_replica_count": 0}
    if effect.delete:
        changes |= {"state": "DELETED"}
    return replace(deployment, **changes)


def a_ring(policy_set: PolicySet, *deployments: Deployment) -> Ring:
    """One exp deployment, or those given, and nothing done yet."""
    fleet = deployments or (a_deployment(),)
    return Ring(policy_set, {each.deployment_id: each for each in fleet})


def kinds(notices: Steps | Ring) -> list[str]:
    """List what was told, in order."""
    told = notices.told if isinstance(notices, Ring) else notices.notices
    return [notice.kind for notice in told]
