"""What is to be carried out: one effect on one deployment, with the facts it rests on."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from firewarden.decide import bounds
from firewarden.decide.effects import NOTHING, effect_of
from firewarden.decide.judge import Judge
from firewarden.decide.reasons import evidence_of
from firewarden.decide.seen import Seen
from firewarden.decide.situation import Situation
from firewarden.model.action import POLICY, Bounds, Effect, Intent, Released
from firewarden.model.deployment import Deployment, Surroundings
from firewarden.model.fleet import Examined
from firewarden.model.ids import PolicyName, Uid
from firewarden.model.verdict import Incident, Truth
from firewarden.model.vocabulary import Mode, ProviderDelete, PutBack, Verb
from firewarden.policy.rules import EFFECTS, Policy

NO_POLICY = PolicyName("")
"""Of what a person asked for, and no policy."""

_ALWAYS = ("uid", "state", "min_replica_count", "max_replica_count", "scale_to_zero_window")
"""Facts that every effect rests on; one that stops something rests on its use as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One effect to carry out, by a policy or at a person's request.

    Attributes:
        incident: the story it belongs to; None where a person asked for it.
        evidence: facts that must be the same when it is carried out.
        releases: numbers of the intents whose changes this one undoes, and why.
        fingerprint: of the plan it was taken from; "" for none.
        rests_on_use: it stops what nobody uses.
    """

    uid: Uid
    deployment: Deployment
    verb: Verb
    effect: Effect
    before: Bounds
    reason: str
    evidence: Mapping[str, str]
    policy: PolicyName = NO_POLICY
    policy_hash: str = ""
    mode: Mode = Mode.ENFORCE
    actor: str = POLICY
    incident: Incident | None = None
    request_id: int | None = None
    put_back: PutBack = PutBack.NEVER
    provider_delete: ProviderDelete = ProviderDelete.RESTORE
    rests_on_use: bool = False
    releases: tuple[int, ...] = ()
    released: Released = Released.RESTORED
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def needs_evidence_of_use(self) -> bool:
        """It stops something that runs: its use has to have been looked at just now."""
        return self.rests_on_use and self.deployment.ready_replica_count > 0

    def intent(self, *, at: datetime, epoch: int) -> Intent:
        """Write it down as what is about to be done."""
        return Intent(
            account=self.deployment.account,
            uid=self.uid,
            verb=self.verb,
            policy=self.policy,
            policy_hash=self.policy_hash,
            mode=self.mode,
            actor=self.actor,
            reason=self.reason,
            effect=self.effect,
            before=self.before,
            planned_at=at,
            epoch=epoch,
            opened_at=self.incident.opened_at if self.incident else None,
            stage=self.incident.stage if self.incident else 0,
            request_id=self.request_id,
            evidence=self.evidence,
            put_back=self.put_back,
            provider_delete=self.provider_delete,
        )


def order_of(incident: Incident, policy: Policy, situation: Situation) -> Order | None:
    """Say what *incident* calls for now; None where there is nothing left to do."""
    order = ordered_by_hand(incident.uid, incident.reason, policy, situation)
    return order and replace(order, mode=incident.mode, incident=incident)


def ordered_by_hand(uid: Uid, reason: str, policy: Policy, situation: Situation) -> Order | None:
    """Say what *policy* would do to *uid*, for a person who wants it done now.

    Bounds from before a change of ours that still stands are the ones to go back to. None
    where there is nothing left to do.
    """
    deployment, step = situation.fleet.deployments.get(uid), policy.effect
    effect = effect_of(step, deployment) if step and deployment else NOTHING
    if deployment is None or effect == NOTHING:
        return None
    standing = situation.deeds.standing_at(uid)
    return Order(
        uid=uid,
        deployment=deployment,
        verb=policy.verb,
        effect=effect,
        before=bounds.before(standing, deployment),
        reason=reason,
        evidence=evidence_for(Seen(deployment, situation), of_use=policy.rests_on_use),
        rests_on_use=policy.rests_on_use,
        policy=policy.name,
        policy_hash=policy.hash,
        put_back=policy.put_back,
        provider_delete=policy.provider_delete,
    )


def evidence_for(seen: Seen, *, of_use: bool = False) -> Mapping[str, str]:
    """List the facts that a change rests on, those *of_use* among them or not."""
    found = evidence_of(seen)
    return found if of_use else {name: found[name] for name in _ALWAYS}


def objection(order: Order, examined: Examined, situation: Situation, judge: Judge) -> str:
    """Say why *order* must not be carried out, now that its target was read; "" where it may.

    *situation* is the newest there is, *examined* newer still: the verdict is made again by
    both, and every fact it rested on must be as it was.
    """
    found = examined.deployment
    if found is None or found.is_gone != order.effect.undelete:
        return "it is not deleted" if order.effect.undelete else "it is gone"
    if found.uid != order.uid:
        return "another deployment goes by its name now"
    if examined.surroundings is None:
        return "what leans on it could not be read"
    now = _with(situation, found, examined.surroundings)
    if moved := _moved(order, evidence_for(Seen(found, now), of_use=order.rests_on_use)):
        return moved
    if order.verb in EFFECTS:
        return _judged(order, now, found, judge) or _different(order, found, judge)
    return "a person has paused all actions" if situation.paused else ""


def _different(order: Order, found: Deployment, judge: Judge) -> str:
    """Say so where its policy would set other bounds by now: growth is held at what is ready."""
    for policy in judge.policy_set.policies:
        step = policy.effect if policy.name == order.policy else None
        if step is not None and effect_of(step, found) != order.effect:
            return "what would have to be set is something else by now"
    return ""


def _judged(order: Order, situation: Situation, found: Deployment, judge: Judge) -> str:
    for verdict in judge.explain(situation, found):
        if verdict.policy != order.policy:
            continue
        if verdict.blocked_by is not None:
            return verdict.blocked_because or verdict.blocked_by.value
        if verdict.truth is not Truth.TRUE:
            return "its conditions hold no longer"
        lowered = order.incident is not None and verdict.mode is not order.mode
        edited = verdict.policy_hash != order.policy_hash or lowered
        return "its policy has changed" if edited else ""
    return "its policy is gone"


def _moved(order: Order, found: Mapping[str, str]) -> str:
    for name, before in order.evidence.items():
        now = found.get(name, "")
        if now != before:
            return f"{name} was {before or 'not known'} and is {now or 'not known'}"
    return ""


def _with(situation: Situation, found: Deployment, around: Surroundings) -> Situation:
    """Put the newest look at one deployment into *situation*."""
    deployments = {**situation.fleet.deployments, found.uid: found}
    surroundings = {**(situation.surroundings or {}), found.name: around}
    return replace(
        situation,
        fleet=replace(situation.fleet, deployments=deployments),
        surroundings=None if situation.surroundings is None else surroundings,
    )
