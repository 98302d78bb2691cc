"""What every policy makes of every deployment, in one pass over the fleet.

Most of a fleet changes nothing from poll to poll, and an unchanged deployment is the same
object, so what follows from its description alone is remembered by identity: a
deployment that no policy can mean costs one look-up a cycle.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from firewarden.decide.attribution import Attributions
from firewarden.decide.brake import find_brake
from firewarden.decide.clerk import Clerk
from firewarden.decide.condition import Condition, all_of, patience, settle_all
from firewarden.decide.conditions import called_by, compile_when, in_hours
from firewarden.decide.guards import Guards
from firewarden.decide.kleene import conjunction
from firewarden.decide.matching import Matcher, compile_match
from firewarden.decide.protections import ProtectionList
from firewarden.decide.seen import Seen
from firewarden.decide.situation import Situation
from firewarden.model.deployment import Deployment
from firewarden.model.ids import Uid
from firewarden.model.verdict import ConditionResult, Truth, Verdict
from firewarden.model.vocabulary import Mode
from firewarden.policy.rules import Policy, PolicySet


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One policy, ready to be asked."""

    policy: Policy
    matches: Matcher
    conditions: tuple[Condition, ...]

    def candidate(self, deployment: Deployment) -> "Candidate | None":
        """Tell from the description alone what is left to be asked; None: it is false."""
        match = self.matches(deployment)
        if match is Truth.FALSE:
            return None
        settled, left = settle_all(self.conditions, deployment)
        if settled is Truth.FALSE:
            return None
        return self, conjunction((match, settled)), left


Candidate = tuple[Rule, Truth, tuple[Condition, ...]]
"""A policy that may mean a deployment, what is settled already, and the questions left."""

Sifted = tuple[Seen, Rule, str]
"""A pair that is not false, with what is not known of it; "" where it is true."""


class Judge:
    """Judges one account, cycle after cycle; what it remembers only saves work."""

    def __init__(self, policy_set: PolicySet) -> None:
        """Prepare the policies; a disabled one is left out."""
        self.policy_set = policy_set
        self.attributions = Attributions(policy_set.attribution)
        self.rules = tuple(
            Rule(
                policy=policy,
                matches=compile_match(policy.match, self.attributions.of),
                conditions=_conditions(policy, policy_set),
            )
            for policy in policy_set.policies
            if policy.mode is not Mode.DISABLED
        )
        self._protections = ProtectionList(policy_set.protections, self.attributions.of)
        self._candidates: dict[Uid, tuple[Deployment, tuple[Candidate, ...]]] = {}

    def judge(self, situation: Situation) -> tuple[Verdict, ...]:
        """Give the verdicts that are true or unknown; what has none here is false.

        They carry reason, blocker and evidence, not the single conditions: `explain` does.
        """
        if situation.ceiling is Mode.DISABLED:
            return ()
        clerk = Clerk(self.guards(situation))
        return tuple(
            clerk.verdict(
                seen, rule.policy, Truth.UNKNOWN if unknown else Truth.TRUE, unknown=unknown
            )
            for seen, rule, unknown in self._sift(situation)
        )

    def explain(self, situation: Situation, deployment: Deployment) -> tuple[Verdict, ...]:
        """Give the verdict of every policy about one deployment, condition by condition."""
        clerk, seen = Clerk(self.guards(situation)), Seen(deployment, situation)
        return tuple(self._explained(seen, rule, clerk) for rule in self.rules)

    def guards(self, situation: Situation) -> Guards:
        """Set up the guards of one cycle; the brake is looked for once, if at all."""
        found: list[str] = []

        def brake() -> str:
            if not found:
                found.append(find_brake(situation, _live(situation)))
            return found[0]

        return Guards(protections=self._protections, brake=brake)

    def _sift(self, situation: Situation) -> Iterator[Sifted]:
        """Find the pairs that are not false, as cheaply as possible."""
        remembered = self._candidates
        deployments = situation.fleet.deployments
        if len(remembered) > 2 * len(deployments) + 100:
            remembered.clear()
        self._protections.forget(len(deployments))
        self.attributions.forget(len(deployments))
        for uid, deployment in deployments.items():
            entry = remembered.get(uid)
            if entry is None or entry[0] is not deployment:
                entry = remembered[uid] = (deployment, self._candidates_of(deployment))
            if entry[1]:
                yield from _ask(Seen(deployment, situation), entry[1])

    def _candidates_of(self, deployment: Deployment) -> tuple[Candidate, ...]:
        if deployment.is_gone:
            return ()
        judged = (rule.candidate(deployment) for rule in self.rules)
        return tuple(candidate for candidate in judged if candidate is not None)

    def _explained(self, seen: Seen, rule: Rule, clerk: Clerk) -> Verdict:
        match = rule.matches(seen.deployment)
        truth = conjunction((match, all_of(rule.conditions, seen)))
        unknown = _unknown_because(rule, seen) if truth is Truth.UNKNOWN else ""
        first = ConditionResult(
            condition="match",
            value=None if match is Truth.UNKNOWN else match,
            threshold=None,
            verdict=match,
            because="a fact it asks for is not told" if match is Truth.UNKNOWN else "",
        )
        found = tuple(each for condition in rule.conditions for each in condition.explain(seen))
        verdict = replace(
            clerk.verdict(seen, rule.policy, truth, unknown=unknown), conditions=(first, *found)
        )
        if verdict.blocked_by is None and match is Truth.TRUE and truth is Truth.FALSE:
            wait = patience(rule.conditions, seen)
            at = None if wait is None else seen.now + wait + rule.policy.grace
            return replace(verdict, acts_at=at)
        return verdict


def _conditions(policy: Policy, policy_set: PolicySet) -> tuple[Condition, ...]:
    if policy.budget:
        return (called_by(policy.name),)
    hours = (in_hours(policy),) if policy.during else ()
    asked = compile_when(
        policy.when, policy.require_data, deletes_after=policy_set.auto_delete_after
    )
    return (*hours, *asked)


def judge(situation: Situation, policy_set: PolicySet) -> tuple[Verdict, ...]:
    """Judge once; who judges again and again keeps a `Judge`."""
    return Judge(policy_set).judge(situation)


def _ask(seen: Seen, candidates: tuple[Candidate, ...]) -> Iterator[Sifted]:
    """Ask each candidate until it is false; this is the innermost loop."""
    for rule, settled, questions in candidates:
        unknown = ""
        for condition in questions:
            answer = condition.ask(seen)
            if answer[0] is Truth.FALSE:
                break
            if answer[0] is Truth.UNKNOWN and not unknown:
                unknown = f"{condition.name}: {answer[2] or _inner_because(condition, seen)}"
        else:
            yield seen, rule, _unknown_because(rule, seen) if settled is Truth.UNKNOWN else unknown


def _unknown_because(rule: Rule, seen: Seen) -> str:
    if rule.matches(seen.deployment) is Truth.UNKNOWN:
        return "a fact that match asks for is not told by the provider"
    for condition in rule.conditions:
        verdict, _, because, _ = condition.find(seen)
        if verdict is Truth.UNKNOWN:
            return f"{condition.name}: {because or _inner_because(condition, seen)}"
    return "unknown"


def _inner_because(condition: Condition, seen: Seen) -> str:
    for part in condition.parts:
        verdict, _, because, _ = part.find(seen)
        if verdict is Truth.UNKNOWN:
            return because or _inner_because(part, seen)
    return "unknown"


def _live(situation: Situation) -> Iterator[Seen]:
    for deployment in situation.fleet.deployments.values():
        if deployment.ready_replica_count and not deployment.is_gone:
            yield Seen(deployment, situation)
