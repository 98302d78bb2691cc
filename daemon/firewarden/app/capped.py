"""What the budgets of one account call for now, from the ledger as it was last committed."""

from dataclasses import replace

from firewarden.app.queries import Ledger
from firewarden.app.spending import SpendingReader
from firewarden.decide.caps import Caps
from firewarden.decide.climb import climb
from firewarden.decide.judge import Judge
from firewarden.decide.situation import Situation
from firewarden.policy.rules import Budget, PolicySet
from firewarden.store.versions import read_versions


def acting(policies: PolicySet) -> tuple[Budget, ...]:
    """Find the budgets that do something, and do not only tell."""
    return tuple(budget for budget in policies.budgets if budget.rungs)


def read_caps(ledger: Ledger, judge: Judge, situation: Situation) -> Caps:
    """Read what is spent, and say whom the budgets call for in *situation*.

    A budget that is seen for the first time, or written otherwise than before, is so from now on.
    """
    budgets = acting(judge.policy_set)
    if not budgets:
        return Caps()
    versions = read_versions(ledger.session, ledger.account)
    edited = {
        each.name: version.since
        if (version := versions.get(each.name)) and version.budget_hash == each.hash
        else ledger.now
        for each in budgets
    }
    deployments = tuple(situation.fleet.deployments.values())
    reader = SpendingReader(ledger, deployments, situation.attributions.of, edited)
    quiet = (replace(each, thresholds=()) for each in budgets)
    standings = [found for budget in quiet for found in reader.standings(budget)]
    return climb(standings, situation, judge.policy_set, judge.guards(situation))
