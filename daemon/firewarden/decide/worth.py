"""What a deployment costs an hour, and what stopping it would save."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from firewarden.model.deployment import Deployment, Trait
from firewarden.model.price import MICRO, Price, PriceSource

_RANK = {source: rank for rank, source in enumerate(reversed(PriceSource))}


def price_of(deployment: Deployment, prices: Sequence[Price], *, now: datetime) -> Price | None:
    """Find the most specific price in force at *now*; None: unpriced, which is not free."""
    if Trait.PREEMPTIBLE in deployment.traits:
        return None
    fitting = [price for price in prices if _fits(price, deployment, now)]
    return max(fitting, key=_specificity, default=None)


def burn_micro_usd(deployment: Deployment, prices: Sequence[Price], *, now: datetime) -> int | None:
    """Micro-USD an hour at the list or contract price; None: unpriced. Own hardware costs 0."""
    if deployment.gpu_count == 0 or Trait.OWN_CLUSTER in deployment.traits:
        return 0
    price = price_of(deployment, prices, now=now)
    return None if price is None else deployment.gpu_count * price.micro_usd_per_gpu_hour


def usd(micro_usd: int | None) -> Decimal | None:
    """Dollars of micro-dollars; None stays None."""
    return None if micro_usd is None else Decimal(micro_usd) / MICRO


def _fits(price: Price, deployment: Deployment, now: datetime) -> bool:
    return (
        price.accelerator_type in {"", deployment.accelerator_type}
        and price.plan in {"", deployment.pricing_plan}
        and price.placement in {"", deployment.placement, deployment.placement.partition(":")[0]}
        and (price.valid_from is None or price.valid_from <= now)
        and (price.valid_to is None or now < price.valid_to)
    )


def _specificity(price: Price) -> tuple[int, int, float]:
    selectors = sum(part != "" for part in (price.accelerator_type, price.plan, price.placement))
    since = price.valid_from.timestamp() if price.valid_from is not None else float("-inf")
    return _RANK[price.source], selectors, since
