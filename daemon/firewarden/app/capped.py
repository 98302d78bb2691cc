"""What the budgets of one account call for now, from the ledger as it was last committed."""

from collections.abc import Iterable
from dataclasses import replace

from firewarden.app.queries import Ledger
from firewarden.app.spending import SpendingReader
from firewarden.decide.caps import Caps
from firewarden.decide.climb import climb
from firewarden.decide.judge import Judge
from firewarden.decide.situation import Situation
from firewarden.model.vocabulary import Mode
from firewarden.policy.money import Budget
from firewarden.policy.rules import PolicySet
from firewarden.store.versions import read_versions


def acting(policies: PolicySet) -> tuple[Budget, ...]:
    """Find the budgets that do something, and do not only tell."""
    return tuple(budget for budget in policies.budgets if budget.rungs)


def versions_of(ceiling: Mode, budgets: Iterable[Budget]) -> dict[str, str]:
    """Name the version of each of *budgets*: another ceiling makes it another one."""
    return {each.name: f"{each.hash}:{ceiling.label}" for each in budgets}


def read_caps(ledger: Ledger, judge: Judge, situation: Situation) -> Caps:
    """Read what is spent, and say whom the budgets call for in *situation*.

    A budget that is seen for the first time, or written otherwise than before, is so from now on.
    """
    budgets = acting(judge.policy_set)
    if not budgets:
        return Caps()
    versions, hashes = (
        read_versions(ledger.session, ledger.account),
        versions_of(situation.ceiling, budgets),
    )
    edited = {
        name: version.since
        if (version := versions.get(name)) and version.budget_hash == budget_hash
        else ledger.now
        for name, budget_hash in hashes.items()
    }
    deployments = tuple(situation.fleet.deployments.values())
    reader = SpendingReader(ledger, deployments, situation.attributions.of, edited)
    quiet = (replace(each, thresholds=()) for each in budgets)
    standings = [found for budget in quiet for found in reader.standings(budget)]
    return climb(standings, situation, judge.policy_set, judge.guards(situation))
