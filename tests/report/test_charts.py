"""Charts show the numbers of the report, and nothing of a name runs."""

import re
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from firewarden.app.drawing import draw
from firewarden.report.charts import (
    PARTS,
    SHOWN,
    Spec,
    cost_over_time,
    hours_over_time,
    ranking,
)
from firewarden.report.usage import Figures
from tests.report.views import HOSTILE

HOUR_MS = 3_600_000
USED = Figures(
    gpu_ms=100 * HOUR_MS, low_ms=90 * HOUR_MS, high_ms=110 * HOUR_MS, idle_ms=30 * HOUR_MS,
    unknown_ms=5 * HOUR_MS, gap_ms=10 * HOUR_MS, adjusted_ms=15 * HOUR_MS, cost=Decimal("800.126"),
    cost_low=Decimal(720), cost_high=Decimal(880),
)  # fmt: skip


def values(spec: Spec) -> list[dict[str, Any]]:
    return list(spec["data"]["values"])


def test_the_parts_of_a_period_add_up_to_all_of_it() -> None:
    spec = hours_over_time([("2026-11-01", USED), ("2026-11-02", Figures())])

    assert {each["part"]: each["hours"] for each in values(spec)} == {
        "active": 40, "idle": 30, "unknown": 5, "not watched": 10, "by the bill": 15,
    }  # fmt: skip
    assert sum(each["hours"] for each in values(spec)) == 100
    assert spec["encoding"]["x"]["sort"] == ["2026-11-01", "2026-11-02"]


def test_only_what_there_is_stands_in_the_legend() -> None:
    busy = replace(USED, idle_ms=0, unknown_ms=0, gap_ms=0, adjusted_ms=0)

    scale = hours_over_time([("2026-11-01", busy)])["encoding"]["color"]["scale"]

    assert scale == {"domain": ["active"], "range": [PARTS["active"]]}


def test_what_the_bill_takes_away_is_no_bar_below_zero() -> None:
    taken = replace(USED, adjusted_ms=-HOUR_MS)

    parts = [each["part"] for each in values(hours_over_time([("2026-11-01", taken)]))]

    assert "by the bill" not in parts


def test_a_cost_stands_with_its_bounds() -> None:
    assert values(cost_over_time([("2026-11", USED)])) == [
        {"period": "2026-11", "usd": 800.13, "low": 720.0, "high": 880.0}
    ]


def test_the_dearest_come_first_and_the_rest_are_one_bar() -> None:
    rows = [(f"exp-{number:02d}", replace(USED, cost=Decimal(number))) for number in range(15)]

    found = values(ranking(rows))

    assert [each["name"] for each in found] == [
        *(f"exp-{number:02d}" for number in range(14, 14 - SHOWN, -1)), "(3 others)",
    ]  # fmt: skip
    assert found[-1] == {"name": "(3 others)", "usd": 3.0, "low": 2160.0, "high": 2640.0}


@pytest.mark.parametrize(
    "names",
    [
        pytest.param([f"{'a' * 45}-{number}" for number in (1, 2, 3)], id="the same beginning"),
        pytest.param([f"{number}-{'a' * 80}" for number in (1, 2, 3)], id="the same end"),
        pytest.param([f"{'a' * 30}{each}{'z' * 30}" for each in "123"], id="the same ends"),
        pytest.param(["exp\u202e7", "exp\u202d7", "exp\ufffd7"], id="the same once cleaned"),
        pytest.param(["exp\u202e", "exp\u202d", "exp\ufffd (2)"], id="numbered by a person"),
        pytest.param(
            ["(2 others)", *(f"exp-{number}" for number in range(SHOWN + 1))], id="named as others"
        ),
    ],
)
def test_names_that_look_the_same_are_bars_of_their_own(names: list[str]) -> None:
    found = values(ranking([(name, USED) for name in names]))

    assert len({each["name"] for each in found}) == len(found)
    assert sum(each["usd"] for each in found) == pytest.approx(len(names) * 800.126, abs=0.1)


def test_what_has_no_price_is_said_and_is_no_bar_of_nothing() -> None:
    unpriced = Figures(gpu_ms=HOUR_MS, unpriced_ms=HOUR_MS)
    none = {"usd": None, "low": None, "high": None}

    assert values(ranking([("exp-7", unpriced)])) == [{"name": "exp-7 (unpriced)", **none}]
    assert values(cost_over_time([("2026-11", unpriced)])) == [{"period": "2026-11", **none}]


@pytest.mark.parametrize("cost", ["0.60", "800", "1234567.89"])
def test_no_two_ticks_of_money_read_the_same(cost: str) -> None:
    costs = replace(USED, cost=Decimal(cost), cost_low=Decimal(cost), cost_high=Decimal(cost))

    (drawn,) = draw([cost_over_time([("2026-11", costs)])])

    ticks = re.findall(r">([\d.,]+)</text>", drawn)
    assert len(ticks) > 3
    assert len(set(ticks)) == len(ticks)


@pytest.mark.parametrize("count", [1, SHOWN])
def test_few_are_shown_without_a_bar_of_others(count: int) -> None:
    assert len(values(ranking([(f"exp-{number}", USED) for number in range(count)]))) == count


def test_a_hostile_name_is_cleaned_and_cut() -> None:
    (bar,) = values(ranking([(HOSTILE + "x" * 100, USED)]))

    assert "\x1b" not in bar["name"]
    assert "\u202e" not in bar["name"]
    assert len(bar["name"]) <= 40
