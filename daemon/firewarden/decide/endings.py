"""What was set for a time is to be put back at its end: of hours, or of a budget's window."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from firewarden.decide import aftermath
from firewarden.decide.budget import window_of
from firewarden.decide.situation import Situation
from firewarden.model.action import Intent
from firewarden.model.notice import Notice
from firewarden.model.vocabulary import Mode, PutBack
from firewarden.policy.calendar import any_holds, next_turn
from firewarden.policy.money import Budget, rung_name
from firewarden.policy.rules import Policy, PolicySet

HOURS_OVER = "its hours are over"

LATE_FOR = timedelta(hours=3)
"""So long after it was put back, what does not serve is told of."""


def out_of_hours(
    intents: Sequence[Intent], policy_set: PolicySet, *, now: datetime
) -> Iterator[Intent]:
    """Find the changes of schedules whose hours are over, or whose policy is gone."""
    policies = {each.name: each for each in policy_set.policies}
    for one in intents:
        if one.put_back is PutBack.AT_END and not _goes_on(policies.get(one.policy), now=now):
            yield one


def of_old_windows(
    intents: Sequence[Intent], policy_set: PolicySet, restores: Mode, *, now: datetime
) -> Iterator[Intent]:
    """Find the changes of budgets that put back as *restores* says, whose windows are over.

    A budget that is gone says nothing of itself any more: a person has to.
    """
    budgets = {
        rung_name(budget, rung): budget for budget in policy_set.budgets for rung in budget.rungs
    }
    for one in intents:
        budget = budgets.get(one.policy)
        ends = one.put_back is PutBack.AT_WINDOW_START and _restores(budget) is restores
        if ends and _is_over(budget, one, now=now):
            yield one


def late(situation: Situation, policy_set: PolicySet) -> Iterator[Notice]:
    """Tell of what was to serve again by the end of its hours, and does not."""
    policies = {each.name: each for each in policy_set.policies}
    for intent in situation.deeds.put_back_for(HOURS_OVER, since=situation.now - LATE_FOR):
        policy = policies.get(intent.policy)
        deployment = situation.fleet.deployments.get(intent.uid)
        if policy is None or deployment is None or not policy.during:
            continue
        promised = next_turn(policy.during, intent.planned_at)
        if promised is None or situation.now < promised:
            continue
        if deployment.ready_replica_count < intent.before.min_replica_count:
            yield aftermath.restored_late(intent, deployment, promised, situation)


def _goes_on(policy: Policy | None, *, now: datetime) -> bool:
    """Are the hours of *policy* still on, so long ahead as it takes to be ready by their end?"""
    if policy is None or policy.mode is Mode.DISABLED:
        return False
    return any_holds(policy.during, now) and any_holds(policy.during, now + policy.lead)


def _restores(budget: Budget | None) -> Mode | None:
    return Mode.APPROVE if budget is None else budget.restores


def _is_over(budget: Budget | None, intent: Intent, *, now: datetime) -> bool:
    """Did the window in which *budget* brought *intent* about end? One that is gone has none."""
    window = None if budget is None else window_of(budget, now)
    return window is None or window.since > intent.planned_at
