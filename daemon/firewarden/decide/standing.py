"""What becomes of bounds that we set: put back, given up to a person, or left to stand."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from firewarden.decide import aftermath
from firewarden.decide.deeds import REVERSALS, Release
from firewarden.decide.docket import Docket
from firewarden.decide.orders import Order, evidence_for
from firewarden.decide.seen import Seen
from firewarden.decide.situation import Situation
from firewarden.model.action import (
    Effect,
    Intent,
    Outcome,
    ProviderDelete,
    PutBack,
    Released,
)
from firewarden.model.deployment import Deployment
from firewarden.model.ids import PolicyName, Uid
from firewarden.model.notice import Notice
from firewarden.model.verdict import Verb
from firewarden.policy.rules import PolicySet

PUT_BACK_BEFORE = timedelta(hours=24)
"""So long before the provider would delete it, what we set to min 0 gets its floor again."""

ASK_BEFORE = timedelta(hours=72)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tended:
    """What one cycle makes of the changes that stand."""

    releases: tuple[Release, ...] = ()
    orders: tuple[Order, ...] = ()
    notices: tuple[Notice, ...] = ()


def tend(situation: Situation, docket: Docket, policy_set: PolicySet) -> Tended:
    """Look after every change that stands; by a complete listing only.

    What a person has changed since is theirs: it is released, and nothing is put back over
    it. What a request has woken gets its old bounds, once it was seen stopped. What would be
    deleted by the provider's clock, which our change has started, gets them a day before.
    """
    if not situation.fleet.complete or situation.paused:
        return Tended()
    releases: list[Release] = []
    orders: list[Order] = []
    told: list[Notice] = []
    for uid, intents in _by_deployment(situation).items():
        found = _Standing(uid, intents, situation, docket, policy_set)
        releases += found.releases()
        if not releases or releases[-1].action_id not in {one.action_id for one in intents}:
            orders += found.orders()
        told += found.notices()
    return Tended(releases=tuple(releases), orders=tuple(orders), notices=tuple(told))


def put_back(
    intents: Sequence[Intent], deployment: Deployment, situation: Situation, *, reason: str
) -> Order | None:
    """Order the bounds from before the oldest of *intents*, all of one deployment.

    None where they are in force already.
    """
    intent = intents[0]
    before = intent.before
    same_window = before.scale_to_zero_window == deployment.scale_to_zero_window
    effect = Effect(
        min_replica_count=_unless(before.min_replica_count, deployment.min_replica_count),
        max_replica_count=_unless(before.max_replica_count, deployment.max_replica_count),
        scale_to_zero_window=None if same_window else before.scale_to_zero_window,
    )
    if not effect.sets_bounds:
        return None
    return Order(
        uid=deployment.uid,
        deployment=deployment,
        verb=Verb.RESTORE,
        effect=effect,
        before=intent.before,
        reason=reason,
        evidence=evidence_for(Verb.RESTORE, Seen(deployment, situation)),
        policy=intent.policy,
        policy_hash=intent.policy_hash,
        mode=intent.mode,
        releases=tuple(each.action_id for each in intents),
    )


class _Standing:
    """The changes that stand at one deployment, the oldest first."""

    def __init__(
        self,
        uid: Uid,
        intents: tuple[Intent, ...],
        situation: Situation,
        docket: Docket,
        policy_set: PolicySet,
    ) -> None:
        self._uid = uid
        self._intents = intents
        self._newest = intents[-1]
        self._situation = situation
        self._docket = docket
        self._policies = policy_set
        self._deployment = situation.fleet.deployments.get(uid)

    def releases(self) -> list[Release]:
        why = self._why_released()
        return [Release(action_id=one.action_id, why=why) for one in self._intents] if why else []

    def orders(self) -> list[Order]:
        deployment = self._deployment
        if deployment is None or self._is_under_way():
            return []
        reason, released = self._why_put_back(deployment)
        if not reason:
            return []
        order = put_back(self._intents, deployment, self._situation, reason=reason)
        return [replace(order, released=released)] if order else []

    def notices(self) -> list[Notice]:
        why = self._why_released()
        if why is Released.HUMAN:
            return list(self._undone())
        if why is None and self._deployment is not None:
            return list(self._deletion(self._deployment))
        return []

    def _why_released(self) -> Released | None:
        deployment, looked_at = self._deployment, self._situation.fleet.asked_at
        if self._uid in self._situation.gone or (deployment and deployment.is_gone):
            return Released.GONE
        written = self._newest.finished_at or self._newest.planned_at
        if deployment is None or looked_at <= written:
            return None
        if all(one.effect.is_in_force(deployment) for one in self._intents[-1:]):
            return None
        never_taken = self._newest.outcome is Outcome.FAILED
        return Released.RESTORED if never_taken else Released.HUMAN

    def _is_under_way(self) -> bool:
        """Is its story not over: was it not seen stopped yet?"""
        pair = (self._uid, self._newest.policy)
        opened = self._docket.opened.get(pair)
        return opened is not None and opened.opened_at == self._newest.opened_at

    def _why_put_back(self, deployment: Deployment) -> tuple[str, Released]:
        held = deployment.ready_replica_count + deployment.starting_replica_count
        woken = held > 0 or deployment.desired_replica_count > 0
        stopped = self._newest.verb is Verb.SCALE_TO_ZERO
        if stopped and woken and self._newest.put_back is PutBack.ON_WAKE:
            return "a request has woken it", Released.RESTORED
        deadline = self._deadline(deployment)
        if deadline is not None and self._newest.provider_delete is not ProviderDelete.LET_GO:
            left = deadline - self._situation.now
            if left <= PUT_BACK_BEFORE:
                return "Fireworks would delete it within a day", Released.NEEDS_OWNER
        return "", Released.RESTORED

    def _deadline(self, deployment: Deployment) -> datetime | None:
        """Tell when the provider deletes it at the earliest, where our change began that."""
        clock = self._policies.auto_delete_after
        floor_was_ours = self._intents[0].before.min_replica_count > 0
        if clock is None or not floor_was_ours or deployment.min_replica_count > 0:
            return None
        if deployment.ready_replica_count or deployment.starting_replica_count:
            return None
        used = Seen(deployment, self._situation).quiet.active_at
        begun = max(filter(None, (used, self._intents[0].planned_at)))
        return begun + clock

    def _undone(self) -> Iterator[Notice]:
        if self._deployment is None:
            return
        pair = (self._uid, PolicyName(self._newest.policy))
        yield aftermath.undone(self._newest, self._deployment, self._situation)
        if self._situation.deeds.reversals(pair) + 1 == REVERSALS:
            yield aftermath.contested(self._newest, self._deployment, self._situation)

    def _deletion(self, deployment: Deployment) -> Iterator[Notice]:
        """Ask what shall become of it, where the policy wants that to be asked."""
        if self._newest.provider_delete is not ProviderDelete.ASK:
            return
        deadline = self._deadline(deployment)
        if deadline is not None and deadline - self._situation.now <= ASK_BEFORE:
            yield aftermath.provider_deletes(self._newest, deployment, deadline, self._situation)


def _by_deployment(situation: Situation) -> Mapping[Uid, tuple[Intent, ...]]:
    found: dict[Uid, tuple[Intent, ...]] = {}
    for intent in situation.deeds.standing():
        found[intent.uid] = (*found.get(intent.uid, ()), intent)
    return found


def _unless(wanted: int, found: int) -> int | None:
    return None if wanted == found else wanted
