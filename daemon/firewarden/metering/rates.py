"""What a GPU-hour costs: the built-in dated rate card, and which price holds when."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import pairwise

from firewarden.model.price import MICRO, Price, PriceSource
from firewarden.model.usage import Hardware

RATES_CHANGE = datetime(2026, 9, 1, tzinfo=UTC)
"""Fireworks docs: pricing. The day is taken in UTC; the page does not name a zone."""

_USD: tuple[tuple[str, int | None, int], ...] = (
    # accelerator, USD per GPU-hour before and from RATES_CHANGE (None: was not offered)
    ("NVIDIA_H100_80GB", 7, 8),
    ("NVIDIA_H200_141GB", 7, 8),
    ("NVIDIA_B200_180GB", 10, 13),
    ("NVIDIA_B300_288GB", 12, 15),
    ("NVIDIA_GB300", None, 20),
)

_SOURCES = (PriceSource.CONFIGURED, PriceSource.PRICING_PLAN, PriceSource.RATE_CARD)


def _card() -> tuple[Price, ...]:
    """Build the list prices, and those of region-restricted deployments: half as much again."""
    return tuple(
        Price(
            accelerator_type=accelerator_type,
            micro_usd_per_gpu_hour=usd * MICRO * factor // 2,
            source=PriceSource.RATE_CARD,
            valid_from=since,
            valid_to=until,
            placement=placement,
        )
        for accelerator_type, before, after in _USD
        for usd, since, until in ((before, None, RATES_CHANGE), (after, RATES_CHANGE, None))
        if usd is not None
        for placement, factor in (("", 2), ("region:", 3))
    )


RATE_CARD = _card()
"""Fireworks' public list prices, as far as they are known; anything else is unpriced.

A placement that ends in a colon stands for all that begin so. ``multi_region:`` counts as
not restricted, which Fireworks' pages leave open.
"""


def price_at(prices: Iterable[Price], hardware: Hardware, at: datetime) -> Price | None:
    """Find the price of *hardware* at an instant, or None: unpriced, which is not zero.

    Configured prices go before those of the account's plan, and these before the rate card;
    then the price that says more of plan and placement, then the younger one. Hardware of
    the customer's own cluster costs nothing here; the price of preemptible replicas is not
    published, so they are unpriced whatever else is known.
    """
    if hardware.preemptible:
        return None
    if hardware.cluster:
        return Price(
            accelerator_type=hardware.accelerator_type,
            micro_usd_per_gpu_hour=0,
            source=PriceSource.RATE_CARD,
        )
    holding = [price for price in prices if _holds(price, hardware, at)]
    return min(holding, key=_order, default=None)


def price_steps(
    prices: Sequence[Price], hardware: Hardware, *, since: datetime, until: datetime
) -> tuple[tuple[datetime, int | None], ...]:
    """List (instant, micro-USD per GPU-hour from then on) over ``[since, until)``.

    The first instant is *since*; None: unpriced from then on.
    """
    edges = {since}
    for price in prices:
        if price.accelerator_type in {"", hardware.accelerator_type}:
            edges.update(
                edge for edge in (price.valid_from, price.valid_to) if edge and since < edge < until
            )
    steps = []
    for edge in sorted(edges):
        price_now = price_at(prices, hardware, edge)
        steps.append((edge, price_now.micro_usd_per_gpu_hour if price_now else None))
    changes = [later for earlier, later in pairwise(steps) if earlier[1] != later[1]]
    return (steps[0], *changes)


def _holds(price: Price, hardware: Hardware, at: datetime) -> bool:
    placement = price.placement
    return (
        price.accelerator_type in {"", hardware.accelerator_type}
        and price.plan in {"", hardware.plan}
        and (
            placement in {"", hardware.placement}
            or (placement.endswith(":") and hardware.placement.startswith(placement))
        )
        and (price.valid_from is None or price.valid_from <= at)
        and (price.valid_to is None or at < price.valid_to)
    )


def _order(price: Price) -> tuple[int, bool, bool, bool, int, float]:
    """Sort key: the smallest wins."""
    return (
        _SOURCES.index(price.source),
        price.accelerator_type == "",
        price.plan == "",
        price.placement == "",
        -len(price.placement),
        -price.valid_from.timestamp() if price.valid_from else float("inf"),
    )
