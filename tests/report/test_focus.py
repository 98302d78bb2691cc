"""FOCUS 1.2: the columns, which of them may be empty when, and products that are the costs."""

import csv
import json
import os
import re
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewarden.model.attributes import UNALLOCATED
from firewarden.model.vocabulary import ATTRIBUTES
from firewarden.report.focus import COLUMNS, GROUPS, focus_csv, focus_rows, unpriced_gpu_hours
from firewarden.report.usage import ADJUSTMENTS, Figures, UsageReport, UsageState

HOUR_MS = 3_600_000
H100 = "NVIDIA_H100_80GB"
NANO = Decimal(1).scaleb(-9)

NEVER_EMPTY = {
    "BilledCost",
    "BillingAccountId",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ContractedCost",
    "EffectiveCost",
    "InvoiceIssuerName",
    "ListCost",
    "ProviderName",
    "PublisherName",
    "ServiceCategory",
    "ServiceName",
}
OF_USAGE = {
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedUnitPrice",
    "ListUnitPrice",
    "PricingCategory",
    "PricingQuantity",
    "PricingUnit",
    "SkuId",
    "SkuPriceId",
}
"""FOCUS demands them of usage, and of nothing but usage or purchases."""

CRITERIA = (
    *("ACCOUNT_NAMING_SUPPORTED", "NEGOTIATED_PRICING_SUPPORTED", "PUBLIC_PRICE_LIST_SUPPORTED"),
    *("USAGE_MEASUREMENT_SUPPORTED", "UNIT_PRICING_SUPPORTED", "TAGGING_SUPPORTED"),
    *("BILLING_BASED_ON_PROVISIONED_RESOURCES_SUPPORTED", "RESOURCE_TYPE_ASSIGNMENT_SUPPORTED"),
    "MULTIPLE_BILLING_ACCOUNT_TYPES_SUPPORTED",
)
CONTRADICTS_ITSELF = "InvoiceId-C-005-C"
"""The validator holds every row to this rule and to its opposite, InvoiceId-C-004-C."""


def keys(price: str = "8", *, day: str = "2026-11-02", **more: str) -> Mapping[str, str]:
    plain = {"day": day, "deployment": "chat", "model": "m", "accelerator": H100, "price": price}
    return {**plain, **dict.fromkeys(ATTRIBUTES, UNALLOCATED), **more}


def used(gpu_ms: int, usd_per_hour: Decimal = Decimal(8)) -> Figures:
    cost = (Decimal(gpu_ms) * usd_per_hour / HOUR_MS).quantize(NANO)
    return Figures(gpu_ms=gpu_ms, cost=cost, cost_low=cost, cost_high=cost)


def adjusted(gpu_ms: int, cost: str) -> Figures:
    amount = Decimal(cost)
    return Figures(
        gpu_ms=gpu_ms,
        adjusted_ms=gpu_ms,
        cost=amount,
        cost_low=amount,
        cost_high=amount,
        adjustment=amount,
        state=UsageState.ADJUSTED,
    )


UNPRICED = Figures(gpu_ms=HOUR_MS, unpriced_ms=HOUR_MS)


def a_report(*rows: tuple[Mapping[str, str], Figures]) -> UsageReport:
    return UsageReport(
        since=datetime(2026, 11, 1, tzinfo=UTC),
        until=datetime(2026, 12, 1, tzinfo=UTC),
        group_by=GROUPS,
        timezone="UTC",
        complete=True,
        problem="",
        rows=rows,
    )


MIXED = a_report(
    (keys(), used(7 * HOUR_MS + 1)),
    (keys("12.5", day="2026-11-30", team="search"), used(12_345, Decimal("12.5"))),
    (keys(ADJUSTMENTS), adjusted(-HOUR_MS, "-8")),
    (keys(ADJUSTMENTS, day="2026-11-03"), adjusted(0, "0")),
    (keys("unpriced"), UNPRICED),
    (keys(), Figures()),
)


def rows_of(report: UsageReport) -> list[dict[str, str]]:
    return list(csv.DictReader(focus_csv(report, account="acme").splitlines()))


def test_every_row_has_every_column_and_those_that_must_say_something_do() -> None:
    for row in rows_of(MIXED):
        assert tuple(row) == COLUMNS
        assert {name for name in NEVER_EMPTY if not row[name]} == set()
        is_usage = row["ChargeCategory"] == "Usage"
        assert {name for name in OF_USAGE if bool(row[name]) is not is_usage} == set()


def test_what_has_no_price_or_was_not_used_is_no_row_and_is_counted() -> None:
    assert [row["ChargeCategory"] for row in rows_of(MIXED)] == ["Usage", "Usage", "Adjustment"]
    assert unpriced_gpu_hours(MIXED) == 1


def test_periods_are_whole_days_and_months_in_utc() -> None:
    _, last, _ = rows_of(MIXED)

    assert (last["ChargePeriodStart"], last["ChargePeriodEnd"]) == (
        "2026-11-30T00:00:00Z",
        "2026-12-01T00:00:00Z",
    )
    assert (last["BillingPeriodStart"], last["BillingPeriodEnd"]) == (
        "2026-11-01T00:00:00Z",
        "2026-12-01T00:00:00Z",
    )


def test_whose_it_is_stands_in_the_tags_and_nobody_is_no_tag() -> None:
    first, second, _ = rows_of(MIXED)

    assert json.loads(first["Tags"]) == {"base_model": "m"}
    assert json.loads(second["Tags"]) == {"base_model": "m", "team": "search"}


def test_a_name_that_is_a_formula_is_text() -> None:
    (row,) = rows_of(a_report((keys(deployment="=1+1"), used(HOUR_MS))))

    assert row["ResourceName"] == "'=1+1"


@given(
    parts=st.lists(
        st.tuples(st.integers(1, 10**11), st.decimals("0.01", 30, places=2)), min_size=1, max_size=5
    )
)
def test_unit_price_times_quantity_is_the_cost_and_costs_are_the_total(
    parts: list[tuple[int, Decimal]],
) -> None:
    report = a_report(*((keys(f"{price}"), used(gpu_ms, price)) for gpu_ms, price in parts))
    rows: list[Mapping[str, Any]] = list(focus_rows(report, account="acme"))

    for row in rows:
        product = Decimal(row["ListUnitPrice"]) * Decimal(row["PricingQuantity"])
        assert abs(product - Decimal(row["ListCost"])) < NANO
    assert sum(Decimal(row["BilledCost"]) for row in rows) == report.total.cost


@pytest.mark.skipif(
    "FOCUS_VALIDATOR" not in os.environ,
    reason="FOCUS_VALIDATOR names no focus-validator 2.2.1, see CONTRIBUTING.md",
)
def test_the_validator_of_the_finops_foundation_finds_nothing(tmp_path: Path) -> None:
    file = tmp_path / "focus.csv"
    file.write_text(focus_csv(MIXED, account="acme"), encoding="utf-8")
    validator = Path(os.environ["FOCUS_VALIDATOR"])
    (packages,) = validator.parents[1].glob("lib/python3*/site-packages")
    asked = ("--data-file", str(file), "--applicability-criteria", ",".join(CRITERIA))
    how = ("--validate-version", "1.2.0.1", "--block-download", "--show-violations")
    told = subprocess.run(
        [validator, *asked, *how],
        cwd=packages,  # it looks for its own files from there
        capture_output=True,
        text=True,
        check=False,
    ).stdout

    assert int(re.search(r"Pass: (\d+)", told)[1]) > 200  # type: ignore[index]  # else it fails
    assert set(re.findall(r"❌ (\S+):", told)) == {CONTRADICTS_ITSELF}
