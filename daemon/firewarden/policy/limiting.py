"""Sound budgets of a file, with every default filled in."""

from collections.abc import Mapping

from firewarden.policy.budgets import FORECAST, BudgetEntry, ScopeEntry, ThresholdEntry
from firewarden.policy.places import Tree
from firewarden.policy.rules import Budget, Threshold
from firewarden.policy.schema import PolicyFile

_APART = {"all_", "each", "untagged"}


def budget_of(name: str, entry: BudgetEntry, tree: Tree, file: PolicyFile) -> Budget:
    """Fill in what *entry* leaves to its file."""
    limit = entry.limit
    dates = None if limit.from_ is None or limit.to is None else (limit.from_, limit.to)
    return Budget(
        name=name,
        description=entry.description,
        scope=_patterns(entry.scope),
        each=entry.scope.each or "",
        untagged=entry.scope.untagged or "",
        is_money=limit.usd is not None,
        amounts=limit.amounts,
        thresholds=tuple(_threshold(each) for each in entry.thresholds),
        timezone=file.timezone,
        per=limit.per or "",
        rolling=limit.rolling,
        dates=dates,
        planned=limit.planned or {},
        routes=file.defaults.notify if entry.notify is None else entry.notify,
        path=tree.path,
        line=tree.place(("budgets", name), of_key=True)[0],
    )


def _patterns(scope: ScopeEntry) -> Mapping[str, tuple[str, ...]]:
    return {name: getattr(scope, name) for name in sorted(scope.model_fields_set - _APART)}


def _threshold(entry: ThresholdEntry) -> Threshold:
    built_in = Threshold(severity=entry.do)
    return Threshold(
        severity=entry.do,
        at=entry.at,
        is_forecast=entry.basis == FORECAST,
        probability=built_in.probability if entry.probability is None else entry.probability,
        sustained=entry.sustained or built_in.sustained,
        burn=entry.burn,
        over=entry.over or built_in.over,
        also=entry.and_ or built_in.also,
    )
