"""What a GPU-hour costs, by whom it is said, where and when."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from firewarden.metering.rates import (
    RATE_CARD,
    RATES_CHANGE,
    price_at,
    price_steps,
)
from firewarden.model.price import Price, PriceSource
from firewarden.model.usage import Hardware
from tests.metering.builders import H100

JUST_BEFORE = RATES_CHANGE - timedelta(microseconds=1)


def of(accelerator_type: str, placement: str = "global") -> Hardware:
    return Hardware(accelerator_type=accelerator_type, accelerator_count=8, placement=placement)


@pytest.mark.parametrize(
    ("accelerator", "before", "since"),
    [
        pytest.param("NVIDIA_H100_80GB", 7, 8, id="H100"),
        pytest.param("NVIDIA_H200_141GB", 7, 8, id="H200"),
        pytest.param("NVIDIA_B200_180GB", 10, 13, id="B200"),
        pytest.param("NVIDIA_B300_288GB", 12, 15, id="B300"),
        pytest.param("NVIDIA_GB300", None, 20, id="GB300 is new"),
        pytest.param("NVIDIA_A100_80GB", None, None, id="A100 is not listed"),
        pytest.param("NVIDIA_Z900", None, None, id="nobody knows this one"),
    ],
)
def test_the_rate_card_on_both_sides_of_its_change(
    accelerator: str, before: int | None, since: int | None
) -> None:
    for at, usd in ((JUST_BEFORE, before), (RATES_CHANGE, since)):
        for placement, factor in (("global", 2), ("", 2), ("multi_region:US", 2), ("region:X", 3)):
            price = price_at(RATE_CARD, of(accelerator, placement), at)
            expected = None if usd is None else usd * factor * 500_000
            assert (price and price.micro_usd_per_gpu_hour) == expected


def a_price(micro: int, source: PriceSource, **changes: Any) -> Price:
    values: dict[str, Any] = {
        "accelerator_type": H100.accelerator_type,
        "micro_usd_per_gpu_hour": micro,
        "source": source,
    }
    return Price(**(values | changes))


CONFIGURED, PLAN = PriceSource.CONFIGURED, PriceSource.PRICING_PLAN
IN_IOWA = replace(H100, placement="region:US_IOWA_1", plan="gold")


@pytest.mark.parametrize(
    ("prices", "micro"),
    [
        pytest.param([], 12_000_000, id="the card"),
        pytest.param([a_price(5, PLAN, plan="gold")], 5, id="a plan goes before the card"),
        pytest.param([a_price(5, PLAN, plan="lead")], 12_000_000, id="another's plan does not"),
        pytest.param(
            [a_price(5, PLAN, plan="gold"), a_price(6, CONFIGURED)], 6,
            id="what is configured goes before a plan",
        ),
        pytest.param(
            [a_price(6, CONFIGURED), a_price(7, CONFIGURED, placement="region:US_IOWA_1")], 7,
            id="a placement goes before none",
        ),
        pytest.param(
            [a_price(6, CONFIGURED, placement="region:"),
             a_price(7, CONFIGURED, placement="region:US_IOWA_1")], 7,
            id="the place itself goes before all that begin so",
        ),
        pytest.param(
            [a_price(6, CONFIGURED, placement="region:EU")], 12_000_000, id="another placement"
        ),
        pytest.param([a_price(6, CONFIGURED, accelerator_type="")], 6, id="any accelerator"),
        pytest.param(
            [a_price(6, CONFIGURED), a_price(7, CONFIGURED, valid_from=RATES_CHANGE)], 7,
            id="the younger one",
        ),
        pytest.param(
            [a_price(6, CONFIGURED, valid_to=RATES_CHANGE)], 12_000_000, id="over when it ends"
        ),
        pytest.param([a_price(0, CONFIGURED)], 0, id="configured as free is priced"),
    ],
)  # fmt: skip
def test_the_most_specific_price_wins(prices: list[Price], micro: int) -> None:
    price = price_at([*RATE_CARD, *prices], IN_IOWA, RATES_CHANGE)

    assert price is not None
    assert price.micro_usd_per_gpu_hour == micro


def test_no_price_holds_for_preemptible_replicas_and_none_is_asked_of_an_own_cluster() -> None:
    configured = [a_price(6, CONFIGURED)]

    assert price_at(configured, replace(H100, preemptible=True), RATES_CHANGE) is None
    free = price_at(configured, replace(H100, cluster=True), RATES_CHANGE)
    assert free is not None
    assert free.micro_usd_per_gpu_hour == 0


def test_steps_begin_where_the_window_does_and_name_each_change_once() -> None:
    since, until = RATES_CHANGE - timedelta(days=1), RATES_CHANGE + timedelta(days=1)
    same = a_price(8_000_000, CONFIGURED, valid_from=RATES_CHANGE + timedelta(hours=1))

    steps = price_steps([*RATE_CARD, same], H100, since=since, until=until)

    assert steps == ((since, 7_000_000), (RATES_CHANGE, 8_000_000))
