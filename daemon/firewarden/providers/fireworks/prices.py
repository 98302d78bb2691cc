"""Contract prices, from the account's pricing plans."""

from collections.abc import Iterable, Iterator

from firewarden.model.price import MICRO, Price, PriceSource
from firewarden.providers.fireworks.translate import instant
from firewarden.providers.fireworks.wire import Money, PricingPlan, last_part, text

NANOS_PER_MICRO = 1_000
MOST_MICRO_USD_PER_HOUR = 100_000 * MICRO
"""A GPU-hour dearer than this is not a price but a mistake, and is not used."""


def prices(plans: Iterable[PricingPlan]) -> list[Price]:
    """Give the accelerator-hour prices of *plans*; those in other currencies are not used."""
    return [
        price
        for plan in plans
        if text(plan.billing_type) == "ACCELERATOR_HOURS" and text(plan.state) in {"", "READY"}
        for price in _of_plan(plan)
    ]


def micro_usd(money: Money | None) -> int | None:
    """Give *money* in micro-USD, exact integers (half a micro rounds to even).

    None where it is absent, negative, absurd, or not said to be US dollars.
    """
    if money is None or money.currency_code != "USD":
        return None
    nanos = (money.units or 0) * 1_000_000_000 + (money.nanos or 0)
    micro, rest = divmod(nanos, NANOS_PER_MICRO)
    half = NANOS_PER_MICRO // 2
    micro += rest > half or (rest == half and micro % 2)
    return micro if nanos >= 0 and micro <= MOST_MICRO_USD_PER_HOUR else None


def _of_plan(plan: PricingPlan) -> Iterator[Price]:
    for hour in plan.accelerator_hour_config or ():
        accelerator = text(hour.accelerator_type)
        micro = micro_usd(hour.accelerator_hour_price)
        if micro is None or accelerator in {"", "ACCELERATOR_TYPE_UNSPECIFIED"}:
            continue
        yield Price(
            accelerator_type=accelerator,
            micro_usd_per_gpu_hour=micro,
            source=PriceSource.PRICING_PLAN,
            valid_from=instant(plan.start_time),
            valid_to=instant(plan.end_time),
            plan=last_part(plan.name),
        )
