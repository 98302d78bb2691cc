"""What taking GPUs away saves, where some are paid for used or not."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from firewarden.model.commitment import Commitment
from firewarden.model.deployment import Deployment, Trait
from firewarden.model.vocabulary import CommitmentKind

Pool = tuple[str, str]
"""Accelerator type and placement, the latter in lower case and without its kind."""

_NOT_BILLED = frozenset({Trait.OWN_CLUSTER, Trait.PREEMPTIBLE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """GPUs in use and GPUs reserved, by pool, at one instant.

    A reservation absorbs matching use first, and is paid for in full whatever is used. What
    is reserved for one placement absorbs use there; what is reserved for anywhere absorbs
    the rest. So per accelerator

        on demand = max(0, Σ over placements max(0, used - reserved there) - reserved anywhere)

    and taking GPUs away saves exactly what is on demand less afterwards. With one pool that
    is min(g, max(0, U - R)).
    """

    used: Mapping[Pool, int]
    reserved: Mapping[Pool, int]
    is_cash: bool = True
    """False: a minimum spend holds, which is paid for anyway: what is saved is at most cash."""

    @classmethod
    def of(
        cls,
        deployments: Iterable[Deployment],
        commitments: Iterable[Commitment],
        *,
        at: datetime,
    ) -> Self:
        """Count what is in use and what is reserved at *at*.

        Neither the customer's own hardware nor preemptible replicas use what is reserved.
        """
        used: Counter[Pool] = Counter()
        for one in deployments:
            if not one.traits & _NOT_BILLED and one.gpu_count:
                used[pool_of(one)] += one.gpu_count
        reserved: Counter[Pool] = Counter()
        is_cash = True
        for each in commitments:
            if each.kind is CommitmentKind.CAPACITY and each.holds(at):
                reserved[each.accelerator_type, each.placement] += each.gpus
            is_cash = is_cash and not (each.kind is CommitmentKind.SPEND and each.holds(at))
        return cls(used=used, reserved=reserved, is_cash=is_cash)

    def saved(self, pool: Pool, gpus: int) -> int:
        """Tell how many GPUs fewer are paid for once *gpus* of those in *pool* are gone."""
        accelerator_type, _ = pool
        left = self.without(pool, gpus)
        return self.on_demand(accelerator_type) - left.on_demand(accelerator_type)

    def without(self, pool: Pool, gpus: int) -> Self:
        """Take *gpus* of those in *pool* away, or all that there are."""
        left = max(0, self.used.get(pool, 0) - gpus)
        return replace(self, used={**self.used, pool: left})

    def on_demand(self, accelerator_type: str) -> int:
        """Count the GPUs that are paid for because they are used."""
        anywhere = self.reserved.get((accelerator_type, ""), 0)
        return max(0, self._beyond_their_own(accelerator_type) - anywhere)

    def _beyond_their_own(self, accelerator_type: str) -> int:
        """Count the use that no reservation of its own placement absorbs.

        What runs nobody knows where may be absorbed by any that is left.
        """
        beyond, left = 0, 0
        placements = {
            placement
            for kind, placement in {*self.used, *self.reserved}
            if kind == accelerator_type and placement
        }
        for pool in ((accelerator_type, placement) for placement in placements):
            used, reserved = self.used.get(pool, 0), self.reserved.get(pool, 0)
            beyond, left = beyond + max(0, used - reserved), left + max(0, reserved - used)
        return beyond + max(0, self.used.get((accelerator_type, ""), 0) - left)


def pool_of(deployment: Deployment) -> Pool:
    """Name the pool that *deployment* draws from: by where it was asked to run."""
    return deployment.accelerator_type, deployment.placement.rpartition(":")[2].casefold()
