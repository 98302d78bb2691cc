"""What the simulated provider charges for a GPU-hour: its public list, by date, and contracts."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal

from firewarden.providers.simulated.incarnation import Incarnation
from firewarden.providers.simulated.instants import HOUR_MS, parse_instant, to_ms
from firewarden.providers.simulated.plan import AccountPlan, NewPrice

HOURS_A_MONTH = 730
"""Hours that a month has where an amount is given by the month: 365 × 24 ÷ 12."""

_RAISED_AT = parse_instant("2026-09-01T00:00:00Z") or 0
_LIST: Mapping[str, tuple[str | None, str]] = {
    "NVIDIA_H100_80GB": ("7.00", "8.00"),
    "NVIDIA_H200_141GB": ("7.00", "8.00"),
    "NVIDIA_B200_180GB": ("10.00", "13.00"),
    "NVIDIA_B300_288GB": ("12.00", "15.00"),
    "NVIDIA_GB300": (None, "20.00"),
}


def list_price(accelerator_type: str, at: int) -> Decimal | None:
    """Give USD per GPU-hour at *at*; None where no price is published."""
    before, after = _LIST.get(accelerator_type, (None, None))
    price = after if at >= _RAISED_AT else before
    return None if price is None else Decimal(price)


def price(inc: Incarnation, plan: AccountPlan, at: int) -> Decimal | None:
    """Give USD per GPU-hour of *inc* at *at*: nothing on own hardware, the contract, the list.

    The rate of preemptible replicas is not published: None.
    """
    if inc.plan.cluster:
        return Decimal(0)
    if inc.fields.get("preemptible"):
        return None
    for new in sorted(plan.bill.new_prices, key=_by_day, reverse=True):
        if new.accelerator_type == inc.accelerator_type and at >= _midnight(new.day):
            return Decimal(new.usd)
    contract = plan.prices.get(str(inc.fields.get("pricingPlanId", "")), {})
    if inc.accelerator_type in contract:
        return Decimal(contract[inc.accelerator_type])
    return list_price(inc.accelerator_type, at)


def _by_day(new: NewPrice) -> date:
    return new.day


def _midnight(day: date) -> int:
    return to_ms(datetime.combine(day, time(), tzinfo=UTC))


def cost(gpu_ms: int, usd_per_hour: Decimal) -> Decimal:
    """Price GPU-milliseconds in USD."""
    return usd_per_hour * gpu_ms / HOUR_MS
