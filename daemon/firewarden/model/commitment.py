"""What was bought ahead: GPUs, an amount to be spent, credit."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from firewarden.model.vocabulary import CommitmentKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Commitment:
    """One of them, over ``[since, until)``; ``since`` None: since ever.

    Attributes:
        accelerator_type, gpus: of capacity; 0 of the others.
        placement: of capacity: where its GPUs are, as `Deployment.placement` ends, in lower
            case; "": anywhere.
        micro_usd_per_gpu_hour: what a reserved GPU costs; None: not said.
        usd: of spend and credit.
    """

    kind: CommitmentKind
    since: datetime | None
    until: datetime
    accelerator_type: str = ""
    placement: str = ""
    gpus: int = 0
    micro_usd_per_gpu_hour: int | None = None
    usd: Decimal = Decimal(0)

    def holds(self, at: datetime) -> bool:
        """Is it in force at *at*?"""
        return (self.since is None or self.since <= at) and at < self.until
