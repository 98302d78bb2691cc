"""Charts show the numbers of the report, and nothing of a name runs."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

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


@pytest.mark.parametrize("count", [1, SHOWN])
def test_few_are_shown_without_a_bar_of_others(count: int) -> None:
    assert len(values(ranking([(f"exp-{number}", USED) for number in range(count)]))) == count


def test_a_hostile_name_is_cleaned_and_cut() -> None:
    (bar,) = values(ranking([(HOSTILE + "x" * 100, USED)]))

    assert "\x1b" not in bar["name"]
    assert "\u202e" not in bar["name"]
    assert len(bar["name"]) == 40
