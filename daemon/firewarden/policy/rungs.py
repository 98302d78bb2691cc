"""Budgets that act, as policies: each rung of a ladder is one."""

from dataclasses import asdict, replace
from datetime import timedelta

from firewarden.model.vocabulary import PutBack
from firewarden.policy.hashing import hash_of
from firewarden.policy.match import Match
from firewarden.policy.money import Budget, Rung, rung_name
from firewarden.policy.rules import Approval, Policy, RequireData, Step
from firewarden.policy.schema import When


def versioned(budget: Budget) -> Budget:
    """Give *budget* with the hash of all that counts in it."""
    return replace(budget, hash=hash_of(_counting(budget)))


def climbed(budget: Budget, rung: Rung) -> Policy:
    """Make *rung* a policy: whom it means is said by what is spent, cycle after cycle."""
    is_put_back = budget.restores is not None
    return Policy(
        name=rung_name(budget, rung),
        hash=hash_of(budget.hash, asdict(rung)),
        mode=rung.mode,
        description=budget.description,
        match=Match.model_validate({"all": True}),
        when=When.model_construct(),
        steps=(Step(verb=rung.verb, routes=budget.routes),),
        allow=budget.allow,
        limits=budget.limits,
        require_data=RequireData(),
        saves_at_least=None,
        verb=rung.verb,
        grace=timedelta(0),
        path=budget.path,
        line=budget.line,
        routes=budget.routes,
        put_back=PutBack.AT_WINDOW_START if is_put_back else PutBack.NEVER,
        approval=Approval(expires=rung.expires, acts_unanswered=rung.acts_unanswered),
        budget=budget.name,
    )


def _counting(budget: Budget) -> dict[str, object]:
    """Give what of *budget* decides anything: not its wording, nor where it is written."""
    apart = {"description", "path", "line", "hash"}
    found = {name: value for name, value in asdict(budget).items() if name not in apart}
    return found | {"allow": sorted(budget.allow)}
