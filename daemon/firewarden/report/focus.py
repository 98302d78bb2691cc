"""Cost and usage as FOCUS 1.2, the FinOps Foundation's common format for bills.

One row for each UTC day, deployment, accelerator and price. The costs are list costs: what was
bought ahead or is paid by credit is known to whoever wrote the contract, not here. FOCUS has no
word for "nobody knows what this costs": a charge must have a cost, so what has no known price is
no row, and whoever prints them says how much that is.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from firewarden.metering.periods import period_at
from firewarden.model.attributes import UNALLOCATED
from firewarden.model.price import MS_PER_HOUR
from firewarden.model.vocabulary import ATTRIBUTES
from firewarden.report.encode import JsonObject, to_csv
from firewarden.report.text import UNPRICED
from firewarden.report.usage import ADJUSTMENTS, Figures, UsageReport

GROUPS: Final = ("day", "deployment", "model", "accelerator", "price", *ATTRIBUTES)
"""What a report has to be grouped by, in UTC."""

COLUMNS: Final = (
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingAccountType",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "CommitmentDiscountCategory",
    "CommitmentDiscountId",
    "CommitmentDiscountName",
    "CommitmentDiscountQuantity",
    "CommitmentDiscountStatus",
    "CommitmentDiscountType",
    "CommitmentDiscountUnit",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedCost",
    "ContractedUnitPrice",
    "EffectiveCost",
    "InvoiceId",
    "InvoiceIssuerName",
    "ListCost",
    "ListUnitPrice",
    "PricingCategory",
    "PricingCurrency",
    "PricingCurrencyContractedUnitPrice",
    "PricingCurrencyEffectiveCost",
    "PricingCurrencyListUnitPrice",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "ServiceCategory",
    "ServiceName",
    "ServiceSubcategory",
    "SkuId",
    "SkuMeter",
    "SkuPriceDetails",
    "SkuPriceId",
    "Tags",
    "x_CostHigh",
    "x_CostLow",
    "x_CostState",
)

_PROVIDER = "Fireworks AI"
_QUANTITY = Decimal(1).scaleb(-12)
_NANO = Decimal(1).scaleb(-9)
_DAY = timedelta(days=1)


def focus_csv(report: UsageReport, *, account: str) -> str:
    """Write *report*, which is grouped by `GROUPS` in UTC, as FOCUS rows."""
    return to_csv(COLUMNS, focus_rows(report, account=account))


def unpriced_gpu_hours(report: UsageReport) -> Decimal:
    """Count the GPU-hours that no row tells of, because nobody knows their price."""
    return Decimal(report.total.unpriced_ms) / MS_PER_HOUR


def focus_rows(report: UsageReport, *, account: str) -> Iterator[JsonObject]:
    """Give the row of each charge; what was not used, or has no price, is none."""
    for keys, figures in report.rows:
        is_adjustment = keys["price"] == ADJUSTMENTS
        unpriced = keys["price"] == UNPRICED or figures.is_unpriced
        if unpriced or not (figures.cost if is_adjustment else figures.gpu_ms):
            continue
        yield {
            **_period(keys),
            **_whose(keys, account),
            **(_adjustment(keys, figures) if is_adjustment else _usage(keys, figures)),
            "BilledCost": _money(figures.cost),
            "EffectiveCost": _money(figures.cost),
            "PricingCurrencyEffectiveCost": _money(figures.cost),
            "x_CostLow": _money(figures.cost_low),
            "x_CostHigh": _money(figures.cost_high),
            "x_CostState": figures.state.value,
        }


def _period(keys: Mapping[str, str]) -> JsonObject:
    begun = datetime.combine(date.fromisoformat(keys["day"]), time.min, UTC)
    month = period_at("month", begun, ZoneInfo("UTC"))
    return {
        "BillingPeriodStart": _instant(month.since),
        "BillingPeriodEnd": _instant(month.until),
        "ChargePeriodStart": _instant(begun),
        "ChargePeriodEnd": _instant(begun + _DAY),
    }


def _whose(keys: Mapping[str, str], account: str) -> JsonObject:
    said = {name: keys[name] for name in ATTRIBUTES if keys[name] != UNALLOCATED}
    tags = {**said, "base_model": keys["model"]}
    return {
        "BillingAccountId": account,
        "BillingAccountName": account,
        "BillingAccountType": "Fireworks account",
        "BillingCurrency": "USD",
        "InvoiceIssuerName": _PROVIDER,
        "ProviderName": _PROVIDER,
        "PublisherName": _PROVIDER,
        "ResourceId": f"accounts/{account}/deployments/{keys['deployment']}",
        "ResourceName": keys["deployment"],
        "ResourceType": "Deployment",
        "ServiceCategory": "AI and Machine Learning",
        "ServiceName": "On-demand deployments",
        "ServiceSubcategory": "Generative AI",
        "Tags": json.dumps(tags, sort_keys=True),
    }


def _usage(keys: Mapping[str, str], figures: Figures) -> JsonObject:
    quantity = f"{(Decimal(figures.gpu_ms) / MS_PER_HOUR).quantize(_QUANTITY):f}"
    return {
        "ChargeCategory": "Usage",
        "ChargeDescription": f"{keys['accelerator']}, GPU time of ready replicas",
        "ChargeFrequency": "Usage-Based",
        "ConsumedQuantity": quantity,
        "ConsumedUnit": "GPU-Hours",
        "ContractedCost": _money(figures.cost),
        "ContractedUnitPrice": keys["price"],
        "ListCost": _money(figures.cost),
        "ListUnitPrice": keys["price"],
        "PricingCategory": "Standard",
        "PricingCurrency": "USD",
        "PricingCurrencyContractedUnitPrice": keys["price"],
        "PricingCurrencyListUnitPrice": keys["price"],
        "PricingQuantity": quantity,
        "PricingUnit": "GPU-Hours",
        "SkuId": keys["accelerator"],
        "SkuMeter": "GPU time",
        "SkuPriceDetails": json.dumps({"x_Accelerator": keys["accelerator"]}),
        "SkuPriceId": f"{keys['accelerator']}@{keys['price']}",
    }


def _adjustment(keys: Mapping[str, str], figures: Figures) -> JsonObject:
    """Tell what the provider's bill adds to what was metered, or takes from it."""
    return {
        "ChargeCategory": "Adjustment",
        "ChargeDescription": f"{keys['accelerator']}, the bill less what was metered",
        "ChargeFrequency": "One-Time",
        "ContractedCost": _money(figures.cost),
        "ListCost": _money(figures.cost),
        "PricingCurrency": "USD",
    }


def _money(amount: Decimal) -> str:
    return f"{amount.quantize(_NANO):f}"


def _instant(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
