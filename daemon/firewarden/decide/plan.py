"""What would be done now, why, what it saves an hour; and what is held back, and by what."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from firewarden.decide.docket import Docket
from firewarden.decide.limits import let_through
from firewarden.decide.reasons import evidence_of
from firewarden.decide.seen import Seen
from firewarden.decide.situation import Situation
from firewarden.decide.stories import began_again, is_same_story, released
from firewarden.decide.worth import usd
from firewarden.metering.rates import price_at
from firewarden.metering.segments import hardware_of
from firewarden.model.deployment import Deployment
from firewarden.model.ids import AccountId, DeploymentId, PolicyName, Uid
from firewarden.model.price import PriceSource
from firewarden.model.verdict import Blocker, Incident, Truth, Verb, Verdict
from firewarden.policy.rules import EFFECTS, Policy, PolicySet


class SavesBasis(StrEnum):
    """What a saving is reckoned by.

    UNKNOWN_COMMITMENTS: by the list price, *up to* that much: reservations and credits are
    declared nowhere, and what they cover saves nothing.
    """

    CONTRACT = "contract"
    LIST = "list"
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
    """List what is due: its verdict is true, nothing blocks it, its grace is over.

    What ran to its end in the ledger stays due for as long as it lasts: nothing was done,
    so it would be done now. One action a deployment, the one due for longest. *verdicts*
    are those of `judge` for the same situation.
    """
    effects = [verdict for verdict in verdicts if verdict.verb in EFFECTS]
    held = [
        HeldBack(
            planned=_planned(verdict, situation),
            blocked_by=verdict.blocked_by or Blocker.DATA_MISSING,
            blocked_because=verdict.blocked_because,
        )
        for verdict in effects
        if verdict.blocked_by is not None or verdict.truth is Truth.UNKNOWN
    ]
    free = [one for one in effects if one.blocked_by is None and one.truth is Truth.TRUE]
    actions, limited = _due(free, situation, docket, policy_set)
    held += limited
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


def _is_due(incident: Incident, verdict: Verdict, policy: Policy, *, now: datetime) -> bool:
    """Is the effect of an open incident due: warned of, waited for, not edited meanwhile?"""
    return (
        incident.policy_hash == verdict.policy_hash
        and incident.mode is verdict.mode
        and incident.acts_at is not None
        and incident.acts_at <= now
        and all(each.verb is not Verb.WARN for each in policy.steps[incident.stage :])
    )


def _due(
    verdicts: Sequence[Verdict], situation: Situation, docket: Docket, policy_set: PolicySet
) -> tuple[list[Planned], list[HeldBack]]:
    policies = {policy.name: policy for policy in policy_set.policies}
    actions: dict[Uid, Planned] = {}
    waiting: dict[Uid, tuple[Incident, Verdict]] = {}
    for verdict in sorted(verdicts, key=lambda each: each.policy):
        if _is_done(verdict, situation, docket):
            actions.setdefault(verdict.uid, _planned(verdict, situation))
            continue
        story = docket.opened.get((verdict.uid, verdict.policy))
        if story is None:
            continue
        incident = released(story, now=situation.now)
        # As of the newest cycle: it read what was due on its own, nobody has since.
        looked_at = situation.fleet.answered_at
        if _is_due(incident, verdict, policies[verdict.policy], now=looked_at):
            first = waiting.get(verdict.uid)
            if first is None or _since(incident) < _since(first[0]):
                waiting[verdict.uid] = (incident, verdict)
    for uid in actions:
        waiting.pop(uid, None)
    passed = let_through([one for one, _ in waiting.values()], policies, docket, situation)
    for incident in passed.go:
        actions[incident.uid] = _planned(waiting[incident.uid][1], situation)
    held = [
        HeldBack(
            planned=_planned(waiting[incident.uid][1], situation),
            blocked_by=Blocker.LIMITS,
            blocked_because=limit,
        )
        for incident, limit in passed.wait
    ]
    return list(actions.values()), held


def _is_done(verdict: Verdict, situation: Situation, docket: Docket) -> bool:
    done = docket.done.get((verdict.uid, verdict.policy))
    if done is None or not is_same_story(done, verdict):
        return False
    return not began_again(Seen(situation.fleet.deployments[verdict.uid], situation), done)


def _since(incident: Incident) -> datetime:
    return incident.acts_at or incident.opened_at


def _planned(verdict: Verdict, situation: Situation) -> Planned:
    deployment = situation.fleet.deployments[verdict.uid]
    seen = Seen(deployment, situation)
    burn = usd(seen.burn_micro_usd)
    evidence = evidence_of(seen)
    return Planned(
        uid=verdict.uid,
        deployment_id=deployment.deployment_id,
        verb=verdict.verb,
        policy=verdict.policy,
        reason=verdict.reason,
        evidence=evidence,
        saves_usd_per_hour=burn,
        list_usd_per_hour=burn,
        saves_basis=_basis(deployment, situation),
        fingerprint=fingerprint_of(
            verdict.policy, verdict.policy_hash, verdict.verb.value, evidence
        ),
    )


def _basis(deployment: Deployment, situation: Situation) -> SavesBasis:
    price = price_at(situation.prices, hardware_of(deployment), situation.now)
    if price is None or price.source is PriceSource.RATE_CARD:
        return SavesBasis.UNKNOWN_COMMITMENTS
    return SavesBasis.CONTRACT


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
