"""What a budget is about, and under which of its values a thing counts."""

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase

from firewarden.model.attributes import Attributes
from firewarden.model.ids import DeploymentId
from firewarden.policy.money import Budget

WHOLE = ""
"""Stands for a team where nothing is split."""


def facts(deployment_id: DeploymentId, model: str, accelerator: str) -> Mapping[str, str]:
    """Give what a scope asks for beside attributes."""
    return {"name": deployment_id, "model": model, "accelerator": accelerator}


def counted(
    budget: Budget, about: Mapping[str, str], owner: Attributes
) -> Iterator[tuple[str, str]]:
    """Say under which values of *budget* it counts; none: the budget is not about it.

    With each value comes the team whose share of it that is, or `WHOLE`. *about* are its
    `facts`, *owner* is whose it is.
    """
    if not _is_meant(budget, about, owner):
        return
    for team in _teams(budget, owner):
        value = _value(budget, owner, team)
        if value or not budget.each:
            yield value, team


def _teams(budget: Budget, owner: Attributes) -> Iterable[str]:
    """Name the teams whose shares count apart; `WHOLE` where the budget does not ask for teams."""
    wanted = budget.scope.get("team")
    if not owner.split or not (wanted or budget.each == "team"):
        return (WHOLE,)
    return (team for team in owner.split if wanted is None or _matches(wanted, team))


def _value(budget: Budget, owner: Attributes, team: str) -> str:
    """Tell whose of *budget* it is; "" where there is one budget for all, or nobody's."""
    if not budget.each:
        return ""
    found = team if budget.each == "team" and team else getattr(owner, budget.each)
    value = found or budget.untagged
    return _spelled(budget, value) if value else ""


def _spelled(budget: Budget, value: str) -> str:
    """Spell *value* as the limits do, else in lower case: one team has one budget."""
    names = {name.casefold(): name for name in budget.amounts}
    return names.get(value.casefold(), value.casefold())


def _is_meant(budget: Budget, about: Mapping[str, str], owner: Attributes) -> bool:
    for name, patterns in budget.scope.items():
        values = (about[name],) if name in about else owner.values(name)
        if not any(_matches(patterns, value) for value in values):
            return False
    return True


def _matches(patterns: Iterable[str], value: str) -> bool:
    return any(fnmatchcase(value.casefold(), pattern.casefold()) for pattern in patterns)
