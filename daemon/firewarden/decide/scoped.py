"""The deployments that a budget is about, with what each spends an hour, and may spend at most."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from firewarden.decide.budget import Standing
from firewarden.decide.effects import NOTHING, effect_of
from firewarden.decide.guards import PASSING, Guards
from firewarden.decide.scope import WHOLE, counted, facts
from firewarden.decide.seen import Seen
from firewarden.decide.situation import Situation
from firewarden.metering.rates import price_at
from firewarden.metering.segments import hardware_of
from firewarden.metering.spending import hours_in
from firewarden.model.activity import Use
from firewarden.model.attributes import Attributes
from firewarden.model.deployment import Deployment
from firewarden.model.price import MICRO
from firewarden.model.vocabulary import Blocker
from firewarden.policy.money import Budget
from firewarden.policy.rules import Policy

DRAIN = timedelta(minutes=2)
"""So long a replica may go on being billed once it was told to stop.

The provider does not document it; replicas of the listings seen so far were gone sooner.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One deployment of a scope.

    Attributes:
        share: of it, that counts here: less than 1 where teams share it.
        per_gpu: USD an hour of one GPU, or 1 where GPU-hours are counted; None: unpriced.
        is_sure: whose it is rests on nothing that the provider leaves out just now.
    """

    seen: Seen
    share: Decimal
    per_gpu: Decimal | None
    is_sure: bool

    @property
    def deployment(self) -> Deployment:
        """The deployment itself."""
        return self.seen.deployment

    @property
    def is_leaving(self) -> bool:
        """It is parked: what is left of it drains, and no request wakes it."""
        return self.deployment.max_replica_count == 0

    @property
    def now(self) -> Decimal:
        """What it spends an hour."""
        return self._of(self.deployment.gpu_count)

    @property
    def most(self) -> Decimal:
        """What it spends an hour at most, as its bounds are."""
        one = self.deployment
        held = one.gpu_count + one.starting_gpu_count
        return self._of(max(one.max_replica_count * one.accelerator_count, held))

    def exposure(self, within: timedelta) -> Decimal:
        """Tell what it may spend in the stretch *within*, as far as its bounds allow."""
        return self.most * hours_in(min(within, DRAIN) if self.is_leaving else within)

    def idle_since(self) -> datetime | None:
        """Tell since when nobody has used it; None: it is in use, or nobody knows."""
        if not self.deployment.ready_replica_count:
            return self.seen.situation.ages.at_zero_since(self.deployment.uid)
        quiet = self.seen.quiet
        return quiet.quiet_since if quiet.use is Use.QUIET else None

    def out_of_reach(self, policy: Policy, guards: Guards) -> str:
        """Say why *policy* may not touch it; "": it may, now or once what passes has passed.

        What teams share is not for the budget of one of them to stop, and what has no price
        cannot be stopped for what it costs.
        """
        if self.per_gpu is None:
            return "no known price"
        if self.share != 1:
            return "shared by teams"
        if not self.is_sure:
            return "whose it is, is not sure"
        found = guards.first(self.seen, policy)
        passes = found is None or found[0] in PASSING | {Blocker.SAVES_NOTHING}
        return "" if found is None or passes else found[0].value

    def would_change(self, policy: Policy) -> bool:
        """Is anything left to be done about it?"""
        return policy.effect is not None and effect_of(policy.effect, self.deployment) != NOTHING

    def _of(self, gpus: int) -> Decimal:
        return (self.per_gpu or Decimal(0)) * gpus * self.share


def members(standing: Standing, situation: Situation) -> Iterator[Member]:
    """Find what the budget of *standing* is about for its value, as the fleet is now."""
    budget = standing.budget
    for one in situation.fleet.deployments.values():
        if one.is_gone:
            continue
        owner = situation.attributions.of(one)
        about = facts(one.deployment_id, one.base_model, one.accelerator_type)
        for value, team in counted(budget, about, owner):
            if value == standing.value:
                yield Member(
                    seen=Seen(one, situation),
                    share=Decimal(1) if team == WHOLE else owner.split[team],
                    per_gpu=_per_gpu(budget, one, situation),
                    is_sure=not _asks_for(budget, owner),
                )


def _per_gpu(budget: Budget, one: Deployment, situation: Situation) -> Decimal | None:
    if not budget.is_money:
        return Decimal(1)
    price = price_at(situation.prices, hardware_of(one), situation.now)
    return None if price is None else Decimal(price.micro_usd_per_gpu_hour) / MICRO


def _asks_for(budget: Budget, owner: Attributes) -> bool:
    """Does *budget* ask for an attribute that is not sure?"""
    return bool(owner.unsure & {*budget.scope, budget.each})
