"""What becomes of bounds that we set: put back, given up to a person, or left to stand."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from firewarden.decide import aftermath, bounds
from firewarden.decide.deeds import REVERSALS, Release
from firewarden.decide.docket import Docket
from firewarden.decide.endings import HOURS_OVER, late, of_old_windows, out_of_hours
from firewarden.decide.orders import Order, evidence_for
from firewarden.decide.seen import Seen
from firewarden.decide.situation import Situation
from firewarden.model.action import Intent, Outcome, Released
from firewarden.model.deployment import Deployment
from firewarden.model.ids import Uid
from firewarden.model.notice import Notice
from firewarden.model.vocabulary import Mode, ProviderDelete, PutBack, Verb
from firewarden.policy.rules import PolicySet

PUT_BACK_BEFORE = timedelta(hours=24)
"""So long before the provider would delete it, what we set to min 0 gets its floor again."""

ASK_BEFORE = timedelta(hours=72)

LANDED = timedelta(seconds=30)
"""After so long a change whose answer was lost lands no more."""

WOKEN = "a request has woken it"
UNFINISHED = "its stop was begun and not completed"
NEW_WINDOW = "a new window of its budget has begun"
DELETED_SOON = "Fireworks would delete it within a day"
"""Why bounds are put back; what was put back for the last waits for an owner."""


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
    Where a call may be under way, nothing is said before it is settled.
    """
    if not situation.fleet.complete or situation.paused:
        return Tended()
    releases: list[Release] = []
    orders: list[Order] = []
    told: list[Notice] = []
    for intents in _by_deployment(situation).values():
        found = _Standing(intents, situation, docket, policy_set)
        over = found.releases()
        releases += over
        if not over and may_put_back(situation):
            orders += found.orders()
        told += found.notices()
    told += late(situation, policy_set)
    return Tended(releases=tuple(releases), orders=tuple(orders), notices=tuple(told))


def may_put_back(situation: Situation) -> bool:
    """May a change be sent at all: no ceiling and no open breaker forbids it?"""
    return situation.ceiling >= Mode.APPROVE and not situation.deeds.breaker(now=situation.now)


def put_back(
    intents: Sequence[Intent], deployment: Deployment, situation: Situation, *, reason: str
) -> Order | None:
    """Order the bounds from before *intents*, all standing at one deployment, the oldest first.

    Bounds that none of them has set stay as they are, whoever set them. None where there is
    nothing to be set.
    """
    wanted = bounds.without(intents, situation.deeds.standing_at(deployment.uid), deployment)
    effect = bounds.leading_to(wanted, deployment)
    if not effect.sets_bounds:
        return None
    newest = intents[-1]
    return Order(
        uid=deployment.uid,
        deployment=deployment,
        verb=Verb.RESTORE,
        effect=effect,
        before=wanted,
        reason=reason,
        evidence=evidence_for(Seen(deployment, situation)),
        policy=newest.policy,
        policy_hash=newest.policy_hash,
        mode=newest.mode,
        releases=tuple(each.action_id for each in intents),
    )


class _Standing:
    """The changes that stand at one deployment, the oldest first."""

    def __init__(
        self,
        intents: tuple[Intent, ...],
        situation: Situation,
        docket: Docket,
        policy_set: PolicySet,
    ) -> None:
        self._intents = intents
        self._situation = situation
        self._docket = docket
        self._policies = policy_set
        self._deployment = situation.fleet.deployments.get(intents[0].uid)

    def releases(self) -> list[Release]:
        return [Release(action_id=one.action_id, why=why) for one, why in self._over()]

    def orders(self) -> list[Order]:
        deployment = self._deployment
        if deployment is None:
            return []
        order = (
            self._woken(deployment)
            or self._doomed(deployment)
            or self._in_new_window(deployment)
            or self._hours_over(deployment)
        )
        return [order] if order else []

    def notices(self) -> list[Notice]:
        if self._deployment is None:
            return []
        over = self._over()
        if undone := [one for one, why in over if why is Released.HUMAN]:
            return list(self._undone(undone, self._deployment))
        return [] if over else [*self._deletion(self._deployment), *self._waiting(self._deployment)]

    def _over(self) -> list[tuple[Intent, Released]]:
        """Say which of them stand no longer, and why."""
        deployment, situation = self._deployment, self._situation
        if self._intents[0].uid in situation.gone or (deployment and deployment.is_gone):
            return [(one, Released.GONE) for one in self._intents]
        if deployment is None or situation.fleet.asked_at <= self._written_at():
            return []
        if found := [(one, why) for one in self._intents if (why := self._taken_back(one))]:
            return found
        newest = self._intents[-1]
        if newest.outcome is Outcome.FAILED and not newest.effect.is_in_force(deployment):
            landed = situation.fleet.asked_at >= self._written_at() + LANDED
            return [(newest, Released.RESTORED)] if landed else []  # it was never taken
        overruled = bounds.overruled(self._intents, deployment)
        return [(one, Released.HUMAN) for one in overruled]

    def _taken_back(self, intent: Intent) -> Released | None:
        """Find out whether we have put it back ourselves, though nobody concluded that."""
        order = self._situation.deeds.put_back_since(intent)
        if order is None or self._deployment is None:
            return None
        if not order.effect.is_in_force(self._deployment) or not bounds.takes_back(order, intent):
            return None
        return Released.NEEDS_OWNER if order.reason == DELETED_SOON else Released.RESTORED

    def _written_at(self) -> datetime:
        """Give the end of the newest call that a listing has to be asked for after."""
        order = self._situation.deeds.put_back_since(self._intents[0])
        calls = [*self._intents, *([order] if order else [])]
        return max(one.finished_at or one.planned_at for one in calls)

    def _woken(self, deployment: Deployment) -> Order | None:
        """Put back what was set to stop it, now that it runs again."""
        if not deployment.ready_replica_count and not deployment.desired_replica_count:
            return None
        stops = [
            one
            for one in self._intents
            if one.verb is Verb.SCALE_TO_ZERO and one.put_back is PutBack.ON_WAKE
        ]
        if not stops or any(map(self._is_under_way, stops)):
            return None
        unfinished = stops[-1].outcome is Outcome.FAILED
        reason = UNFINISHED if unfinished else WOKEN
        return put_back(stops, deployment, self._situation, reason=reason)

    def _in_new_window(self, deployment: Deployment) -> Order | None:
        """Put back what a budget has stopped, now that its next window has begun."""
        over = self._of_old_windows(Mode.ENFORCE)
        if not over:
            return None
        return put_back(over, deployment, self._situation, reason=NEW_WINDOW)

    def _hours_over(self, deployment: Deployment) -> Order | None:
        """Put back what a schedule has stopped: its hours end, or its policy is gone."""
        ended = out_of_hours(self._intents, self._policies, now=self._situation.now)
        over = [one for one in ended if not self._is_under_way(one)]
        if not over:
            return None
        return put_back(over, deployment, self._situation, reason=HOURS_OVER)

    def _of_old_windows(self, restores: Mode) -> list[Intent]:
        now = self._situation.now
        ended = of_old_windows(self._intents, self._policies, restores, now=now)
        return [one for one in ended if not self._is_under_way(one)]

    def _doomed(self, deployment: Deployment) -> Order | None:
        """Put back what was set to min 0, before the provider deletes it for that."""
        floors = self._without_floor()
        left = self._left(deployment)
        if left is None or left > PUT_BACK_BEFORE or any(map(self._is_under_way, floors)):
            return None
        if floors[-1].provider_delete is ProviderDelete.LET_GO:
            return None
        order = put_back(floors, deployment, self._situation, reason=DELETED_SOON)
        return order and replace(order, released=Released.NEEDS_OWNER)

    def _is_under_way(self, intent: Intent) -> bool:
        """Is its story not over: was it not seen stopped yet?"""
        opened = self._docket.opened.get((intent.uid, intent.policy))
        return opened is not None and opened.opened_at == intent.opened_at

    def _without_floor(self) -> list[Intent]:
        return [one for one in self._intents if one.effect.min_replica_count is not None]

    def _left(self, deployment: Deployment) -> timedelta | None:
        deadline = self._deadline(deployment)
        return None if deadline is None else deadline - self._situation.now

    def _deadline(self, deployment: Deployment) -> datetime | None:
        """Tell when the provider deletes it at the earliest, where our change began that."""
        clock = self._policies.auto_delete_after
        floor_was_ours = bounds.before(self._intents, deployment).min_replica_count > 0
        if clock is None or not floor_was_ours or deployment.min_replica_count > 0:
            return None
        if deployment.ready_replica_count or deployment.starting_replica_count:
            return None
        used = Seen(deployment, self._situation).quiet.active_at
        begun = max(filter(None, (used, self._without_floor()[0].planned_at)))
        return begun + clock

    def _undone(self, undone: Sequence[Intent], deployment: Deployment) -> Iterator[Notice]:
        yield aftermath.undone(undone[-1], deployment, self._situation)
        for newest in {one.policy: one for one in undone}.values():
            before = self._situation.deeds.reversals((newest.uid, newest.policy))
            if before + 1 == REVERSALS:
                yield aftermath.contested(newest, deployment, self._situation)

    def _waiting(self, deployment: Deployment) -> Iterator[Notice]:
        """Say that a new window has begun, where a person has to say that it is put back."""
        if waiting := self._of_old_windows(Mode.APPROVE):
            yield aftermath.waits_for_word(waiting[-1], deployment, self._situation)

    def _deletion(self, deployment: Deployment) -> Iterator[Notice]:
        """Ask what shall become of it, where that is wanted, or nothing will be put back."""
        left, floors = self._left(deployment), self._without_floor()
        if left is None or left > ASK_BEFORE:
            return
        newest, deadline = floors[-1], self._situation.now + left
        is_put_back = self._situation.ceiling >= Mode.APPROVE
        if newest.provider_delete is ProviderDelete.ASK or (
            newest.provider_delete is ProviderDelete.RESTORE and not is_put_back
        ):
            yield aftermath.provider_deletes(
                newest, deployment, deadline, self._situation, is_put_back=is_put_back
            )


def _by_deployment(situation: Situation) -> Mapping[Uid, tuple[Intent, ...]]:
    under_way = {intent.uid for intent in situation.deeds.unsettled()}
    found: dict[Uid, tuple[Intent, ...]] = {}
    for intent in situation.deeds.standing():
        if intent.uid not in under_way:
            found[intent.uid] = (*found.get(intent.uid, ()), intent)
    return found
