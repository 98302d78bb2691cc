"""Prices with dates, and the sums they make."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

MICRO = 1_000_000
MS_PER_HOUR = 3_600_000


class PriceSource(StrEnum):
    """Where a price comes from, most specific first."""

    CONFIGURED = "configured"
    PRICING_PLAN = "pricing_plan"
    RATE_CARD = "rate_card"


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Micro-USD per GPU-hour of one accelerator over ``[valid_from, valid_to)``.

    Empty selectors match everything; ``valid_from`` None: since ever; ``valid_to`` None:
    until further notice.
    """

    accelerator_type: str
    micro_usd_per_gpu_hour: int
    source: PriceSource
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    plan: str = ""
    placement: str = ""

    @property
    def usd_per_gpu_hour(self) -> Decimal:
        """The same price in dollars."""
        return Decimal(self.micro_usd_per_gpu_hour) / MICRO


def cost_usd(gpu_ms: int, micro_usd_per_gpu_hour: int) -> Decimal:
    """Price *gpu_ms* GPU-milliseconds: one multiplication of integers, one division, last."""
    return Decimal(gpu_ms * micro_usd_per_gpu_hour) / (MS_PER_HOUR * MICRO)
