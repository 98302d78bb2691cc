"""What all budgets call for in one cycle, rung by rung, and what people should hear of it."""

from collections.abc import Sequence
from dataclasses import replace

from firewarden.decide.budget import Standing
from firewarden.decide.caps import Call, Caps, Reach
from firewarden.decide.guards import Guards
from firewarden.decide.ladder import Ladder
from firewarden.decide.reach import reach_of
from firewarden.decide.scoped import Member
from firewarden.decide.situation import Situation
from firewarden.model.ids import PolicyName, Uid
from firewarden.model.notice import Notice
from firewarden.model.vocabulary import Mode, Severity
from firewarden.policy.money import rung_name
from firewarden.policy.rules import PolicySet

_SHOWN = 5
_SAID = {
    Mode.DISABLED: "",
    Mode.OBSERVE: "it would",
    Mode.WARN: "it would",
    Mode.APPROVE: "with your approval it does",
    Mode.ENFORCE: "it does",
}


def climb(
    standings: Sequence[Standing], situation: Situation, rules: PolicySet, guards: Guards
) -> Caps:
    """Say what the budgets of *standings* call for now; those that only tell call for nothing."""
    policies = {one.name: one for one in rules.policies if one.budget}
    called: dict[tuple[Uid, PolicyName], Call] = {}
    reaches: dict[tuple[str, str], Reach] = {}
    told: list[Notice] = []
    for standing in standings:
        for rung in standing.budget.rungs:
            policy = policies[rung_name(standing.budget, rung)]
            ladder = Ladder(
                standing=standing, rung=rung, policy=policy, situation=situation, guards=guards
            )
            reach = reach_of(ladder)
            if rung is max(standing.budget.rungs, key=lambda each: each.at):
                reaches[standing.budget.name, standing.value] = reach
            if not ladder.is_reached:
                continue
            taken = ladder.taken()
            called |= {
                (one.deployment.uid, policy.name): replace(ladder.call, rank=rank)
                for rank, one in enumerate(taken)
            }
            if taken:
                told.append(_notice(ladder, reach, taken))
    return Caps(called=called, reaches=reaches, notices=tuple(told))


def _notice(ladder: Ladder, reach: Reach, taken: Sequence[Member]) -> Notice:
    """Tell once in a window that it begins, of whom, and how far it can go."""
    standing, budget, verb = ladder.standing, ladder.standing.budget, ladder.rung.verb
    names = [one.deployment.deployment_id for one in taken]
    shown = ", ".join(names[:_SHOWN])
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return Notice(
        account=ladder.situation.fleet.account,
        kind="budget.action_pending",
        key=f"{standing.stem}{standing.window.label}:{verb}:{ladder.mode.label}",
        severity=Severity.PAGE if ladder.mode >= Mode.APPROVE else Severity.WARN,
        at=ladder.situation.now,
        text=(
            f"{ladder.call.reason}; {standing.burn:,.2f} {standing.unit}/h now; "
            f"{_SAID[ladder.mode]} {verb}: {shown}{more}; the limit is {reach} [{budget.name}]"
        ),
        facts={
            "budget": budget.name,
            "window": standing.window.label,
            "unit": standing.unit,
            "spent": f"{standing.spent:.2f}",
            "spent_high": f"{ladder.spent_high:.2f}",
            "limit": f"{standing.limit:.2f}",
            "burn_per_hour": f"{standing.burn:.2f}",
            "verb": verb.value,
            "mode": ladder.mode.label,
            "targets": ", ".join(names),
            "stoppable_per_hour": f"{reach.stoppable:.2f}",
            "protected_per_hour": f"{reach.protected:.2f}",
            "soft_because": reach.why_soft,
        },
        routes=budget.routes,
        quietly=ladder.mode <= Mode.OBSERVE,
        once=True,
    )
