"""What a deployment costs an hour, which is what stopping it would save."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from firewarden.metering.rates import price_at
from firewarden.metering.segments import hardware_of
from firewarden.model.deployment import Deployment
from firewarden.model.price import MICRO, Price


def burn_micro_usd(deployment: Deployment, prices: Sequence[Price], *, now: datetime) -> int | None:
    """Micro-USD an hour at the price in force at *now*; None: unpriced, which is not free."""
    if deployment.gpu_count == 0:
        return 0
    price = price_at(prices, hardware_of(deployment), now)
    return None if price is None else deployment.gpu_count * price.micro_usd_per_gpu_hour


def usd(micro_usd: int | None) -> Decimal | None:
    """Dollars of micro-dollars; None stays None."""
    return None if micro_usd is None else Decimal(micro_usd) / MICRO
