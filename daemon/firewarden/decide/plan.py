"""What would be done now, why, what it saves an hour; and what is held back, and by what."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from firewarden.decide.docket import Docket, Pair
from firewarden.decide.effects import saved_micro_usd, without
from firewarden.decide.incidents import Steps, step
from firewarden.decide.limits import is_real
from firewarden.decide.reasons import evidence_of
from firewarden.decide.seen import Seen
from firewarden.decide.situation import Situation
from firewarden.decide.stories import says_again
from firewarden.decide.turns import one_each
from firewarden.decide.worth import usd
from firewarden.metering.rates import price_at
from firewarden.metering.segments import hardware_of
from firewarden.model.deployment import Deployment
from firewarden.model.ids import AccountId, DeploymentId, PolicyName, Uid
from firewarden.model.price import PriceSource
from firewarden.model.verdict import Incident, Truth, Verdict
from firewarden.model.vocabulary import Blocker, Verb
from firewarden.policy.rules import EFFECTS, Policy, PolicySet


class SavesBasis(StrEnum):
    """What a saving is reckoned by.

    CONTRACT, LIST: at the margin, by the account's own price or the public one.
    MINIMUM_SPEND: *up to* that much: a minimum spend is declared, and until it is passed a
    saving is no cash.
    UNKNOWN_COMMITMENTS: by the price, *up to* that much: whether something was bought ahead
    is declared nowhere, and what it covers saves nothing.
    """

    CONTRACT = "contract"
    LIST = "list"
    MINIMUM_SPEND = "minimum_spend"
    UNKNOWN_COMMITMENTS = "unknown_commitments"


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One action that is due; money None where it is unpriced."""

    uid: Uid
    deployment_id: DeploymentId
    verb: Verb
    policy: PolicyName
    reason: str
    evidence: Mapping[str, str]
    saves_usd_per_hour: Decimal | None
    list_usd_per_hour: Decimal | None
    saves_basis: SavesBasis
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBack:
    """One action that a policy calls for and something holds back."""

    planned: Planned
    blocked_by: Blocker
    blocked_because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All of it, the dearest first; `plan_id` is the same for the same content."""

    plan_id: str
    created_at: datetime
    account: AccountId
    policy_hash: str
    actions: tuple[Planned, ...]
    held: tuple[HeldBack, ...]


def plan(
    situation: Situation, verdicts: Sequence[Verdict], docket: Docket, policy_set: PolicySet
) -> Plan:
    """List what the next cycle would do, by walking through it; nothing of it is kept.

    What ran to its end in the ledger stays due for as long as it lasts: nothing was done,
    so it would be done now. One action a deployment; what is real comes before what is only
    rehearsed. *verdicts* are those of `judge` for the same situation.
    """
    steps = step(situation, verdicts, docket, policy_set)
    effects = {(one.uid, one.policy): one for one in verdicts if one.verb in EFFECTS}
    policies = {policy.name: policy for policy in policy_set.policies}
    limits = {(one.uid, one.policy): limit for one, limit in steps.limited}
    held = [
        HeldBack(
            planned=_planned(verdict, policies[verdict.policy], situation),
            blocked_by=blocker,
            blocked_because=because,
        )
        for pair, verdict in effects.items()
        for blocker, because in _held_by(verdict, steps.docket.opened.get(pair), limits.get(pair))
    ]
    due = [effects[pair] for pair in _due(effects, steps, situation, docket)]
    actions = list(_in_turn(due, policies, situation))
    actions.sort(key=_dearest)
    held.sort(key=lambda each: _dearest(each.planned))
    return Plan(
        plan_id=plan_id_of(policy_set.hash, (action.fingerprint for action in actions)),
        created_at=situation.now,
        account=situation.fleet.account,
        policy_hash=policy_set.hash,
        actions=tuple(actions),
        held=tuple(held),
    )


def _in_turn(
    verdicts: Iterable[Verdict], policies: Mapping[PolicyName, Policy], situation: Situation
) -> Iterator[Planned]:
    """Plan each as if those before it were done: so that what they save adds up."""
    for verdict in verdicts:
        policy = policies[verdict.policy]
        yield _planned(verdict, policy, situation)
        deployment = situation.fleet.deployments[verdict.uid]
        situation = without(situation, deployment, policy.effect)


def _due(
    effects: Mapping[Pair, Verdict], steps: Steps, situation: Situation, docket: Docket
) -> Iterator[Pair]:
    """Name what is to be done, one a deployment; of none whose last call is not settled yet."""
    over = [docket.done[pair] for pair in effects if _is_over(effects[pair], situation, docket)]
    begun = {intent.uid for intent in situation.deeds.unsettled()}
    rehearsed, _ = one_each([*steps.rehearsed, *over])
    for incident in (*steps.due, *rehearsed):
        if incident.uid not in begun:
            begun.add(incident.uid)
            yield incident.uid, incident.policy


def _is_over(verdict: Verdict, situation: Situation, docket: Docket) -> bool:
    """Has it run to its end in the ledger alone, and does it still last?"""
    done = docket.done.get((verdict.uid, verdict.policy))
    if verdict.truth is not Truth.TRUE or verdict.blocked_by is not None:
        return False
    return done is not None and not is_real(done) and says_again(verdict, done, situation)


def _held_by(
    verdict: Verdict, incident: Incident | None, limit: str | None
) -> Iterator[tuple[Blocker, str]]:
    """Say what holds back the effect that *verdict* calls for, if anything does."""
    if verdict.blocked_by is not None or verdict.truth is Truth.UNKNOWN:
        yield verdict.blocked_by or Blocker.DATA_MISSING, verdict.blocked_because
    elif limit is not None:
        yield Blocker.LIMITS, limit
    elif incident is not None and incident.held_by in _WAITED_FOR:
        yield incident.held_by, _WAITED_FOR[incident.held_by]


_WAITED_FOR = {
    Blocker.APPROVAL: "nobody has said yes to it yet",
    Blocker.UNDELIVERED: "its warning reached nobody",
}


def _planned(verdict: Verdict, policy: Policy, situation: Situation) -> Planned:
    deployment = situation.fleet.deployments[verdict.uid]
    seen = Seen(deployment, situation)
    evidence = evidence_of(seen)
    return Planned(
        uid=verdict.uid,
        deployment_id=deployment.deployment_id,
        verb=verdict.verb,
        policy=verdict.policy,
        reason=verdict.reason,
        evidence=evidence,
        saves_usd_per_hour=usd(saved_micro_usd(seen, policy.effect)),
        list_usd_per_hour=usd(seen.burn_micro_usd),
        saves_basis=_basis(deployment, situation),
        fingerprint=fingerprint_of(
            verdict.policy, verdict.policy_hash, verdict.verb.value, evidence
        ),
    )


def _basis(deployment: Deployment, situation: Situation) -> SavesBasis:
    if situation.margin is None:
        return SavesBasis.UNKNOWN_COMMITMENTS
    if not situation.margin.is_cash:
        return SavesBasis.MINIMUM_SPEND
    price = price_at(situation.prices, hardware_of(deployment), situation.now)
    is_listed = price is None or price.source is PriceSource.RATE_CARD
    return SavesBasis.LIST if is_listed else SavesBasis.CONTRACT


def _dearest(action: Planned) -> tuple[Decimal, str, str]:
    return -(action.saves_usd_per_hour or Decimal(0)), action.deployment_id, action.policy


def plan_id_of(policy_hash: str, fingerprints: Iterable[str]) -> str:
    """Name a plan by what is in it: another order, item or policy is another plan."""
    return _digest(policy_hash, *fingerprints)


def fingerprint_of(policy: str, policy_hash: str, verb: str, evidence: Mapping[str, str]) -> str:
    """Name one item by everything it rests on."""
    return _digest(policy, policy_hash, verb, dict(evidence))


def _digest(*parts: object) -> str:
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
