"""Money over HTTP: price plans, usage by day, summaries, costs; quotas and reservations."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from firewarden.providers.simulated import billing
from firewarden.providers.simulated.account import Account
from firewarden.providers.simulated.gateway import (
    Call,
    Handler,
    Refusal,
    Reply,
    dump,
    invalid,
    without_zeros,
)
from firewarden.providers.simulated.instants import from_ms, instant_text, parse_instant
from firewarden.providers.simulated.paging import Place, answer, listing, mask_item
from firewarden.providers.simulated.plan import Json
from firewarden.providers.simulated.quotas import usage

_USAGE_TYPES = frozenset(
    {"", "USAGE_TYPE_UNSPECIFIED", "SERVERLESS", "DEDICATED_DEPLOYMENT", "TRAINING"}
)
_DIMENSIONS = frozenset({
    "deployment_name", "accelerator_type", "model_name", "api_key_id", "api_key_name",
    "annotations.team", "annotations.project", "annotations.environment", "job_id", "job_type",
    "usage_type", "base_model",
})  # fmt: skip
_COST_GROUPS = frozenset({"HOUR", "DAY", "MODEL", "USER", "API_KEY"})
_NANOS = 10**9
_LARGEST_INT64 = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question for usage, from the query or from a body."""

    first: date
    last: date
    zone: ZoneInfo
    usage_type: str
    group_by: str


def list_pricing_plans(call: Call) -> Reply:
    """Answer the account's contracts."""
    rows = [_plan(call.account, plan_id) for plan_id in call.account.plan.prices]
    return answer(
        call, listing("pricingPlans", rows, place=_by_name, render=dump), orders=("name",)
    )


def billing_usage(call: Call) -> Reply:
    """Answer GPU-seconds by deployment and local day."""
    groups = call.query.get("groupBy", ())
    asked = _asked(
        since=call.instant("startTime"),
        until=call.instant("endTime"),
        zone=call.text("timezone"),
        usage_type=call.text("usageType"),
        groups=groups,
    )
    return Reply.of(_usage(call, asked, keep={}))


def query_billing_usage(call: Call) -> Reply:
    """Answer the same, asked by a body, with a filter."""
    body = call.json()
    groups = body.get("groupBy") or []
    if not isinstance(groups, list):
        raise invalid("group_by: must be a list")
    asked = _asked(
        since=parse_instant(str(body.get("startTime", ""))),
        until=parse_instant(str(body.get("endTime", ""))),
        zone=str(body.get("timezone") or ""),
        usage_type=str(body.get("usageType") or ""),
        groups=[str(group) for group in groups],
    )
    return Reply.of(_usage(call, asked, keep=_filters(body.get("filter"))))


def billing_summary(call: Call) -> Reply:
    """Answer dollars by GPU type; a type without a price is left out, as are own clusters."""
    asked = _asked(
        since=call.instant("startTime"),
        until=call.instant("endTime"),
        zone="UTC",
        usage_type="",
        groups=(),
    )
    rows = billing.rows(call.account, asked.first, asked.last, asked.zone, call.now)
    by_type: dict[str, tuple[int, Decimal]] = {}
    for row in rows:
        if row.usd is not None:
            gpu_ms, usd = by_type.get(row.inc.accelerator_type, (0, Decimal(0)))
            by_type[row.inc.accelerator_type] = (gpu_ms + row.gpu_ms, usd + row.usd)
    items = [
        {
            "category": "Dedicated deployments",
            "series": "DEDICATED_DEPLOYMENT",
            "groupingKey": "accelerator_type",
            "groupingValue": accelerator_type,
            "quantity": gpu_ms / 3_600_000,
            "totalCost": _money(usd),
        }
        for accelerator_type, (gpu_ms, usd) in sorted(by_type.items())
    ]
    return Reply.of({"lineItems": items, "usageBuckets": []})


def query_usage_costs(call: Call) -> Reply:
    """Answer serverless costs, of which a simulated account has none; ACCOUNT needs an admin."""
    body = call.json()
    groups = body.get("groupBy") or []
    if not isinstance(groups, list) or not {str(group) for group in groups} <= _COST_GROUPS:
        raise invalid("group_by: unknown dimension")
    if len(groups) > 2 or {"HOUR", "DAY"} <= set(groups):  # noqa: PLR2004  as documented
        raise invalid("group_by: at most two, and not HOUR with DAY")
    if body.get("scope") == "ACCOUNT" and call.key.role != "admin":
        raise Refusal("PERMISSION_DENIED", "scope ACCOUNT needs the role admin")
    return Reply.of(
        {
            "rows": [],
            "subtotal": _money(Decimal(0)),
            "attributionCompleteness": "COMPLETE",
            "evaluationTime": instant_text(call.now),
        }
    )


def list_quotas(call: Call) -> Reply:
    """Answer limits and what is held of each."""
    rows = [_quota(call.account, quota) for quota in call.account.quotas]
    return answer(call, listing("quotas", rows, place=_by_name, render=dump), orders=("name",))


def get_quota(call: Call) -> Reply:
    """Answer one limit."""
    quota = call.params["quota_id"]
    if quota not in call.account.quotas:
        raise Refusal("NOT_FOUND", f"quota {quota!r} not found")
    row = dump(_quota(call.account, quota))
    return Reply(body=mask_item(row, call.text("readMask") or "*"))


def update_quota(call: Call) -> Reply:
    """Lower a limit, or raise it again up to its maximum."""
    quota, account = call.params["quota_id"], call.account
    value = _int64(call.json().get("value", 0))
    if quota not in account.quotas and not call.flag("allowMissing"):
        raise Refusal("NOT_FOUND", f"quota {quota!r} not found")
    most = account.quota_maxima.setdefault(quota, 0)
    if not 0 <= value <= most:
        raise invalid(f"value: must lie between 0 and {most}")
    account.quotas[quota] = value
    account.quotas_updated[quota] = call.now
    account.log("gateway.UpdateQuota", call.key.email, _quota(account, quota)["name"])
    return Reply.of(_quota(account, quota))


def list_reservations(call: Call) -> Reply:
    """Refuse: the message exists in the spec, a path for it was never published."""
    raise Refusal("UNIMPLEMENTED", f"Method Not Allowed: {call.account.account_id}")


HANDLERS: Mapping[tuple[str, str], Handler] = {
    ("GET", "/pricingPlans"): list_pricing_plans,
    ("GET", "/billingUsage"): billing_usage,
    ("POST", "/billingUsage:query"): query_billing_usage,
    ("GET", "/billing/summary"): billing_summary,
    ("POST", "/usageCosts:query"): query_usage_costs,
    ("GET", "/quotas"): list_quotas,
    ("GET", "/quotas/{quota_id}"): get_quota,
    ("PATCH", "/quotas/{quota_id}"): update_quota,
    ("GET", "/reservations"): list_reservations,
}


def _asked(
    *, since: int | None, until: int | None, zone: str, usage_type: str, groups: Iterable[str]
) -> Asked:
    """Check a question; the time of day is ignored, the last day is the one *until* falls on."""
    if since is None or until is None:
        raise invalid("start_time and end_time are required")
    if until < since or from_ms(until) - from_ms(since) > billing.LONGEST_WINDOW:
        raise invalid("end_time must not be before start_time, nor more than 31 days after it")
    if usage_type not in _USAGE_TYPES:
        raise invalid(f"usage_type: unknown value {usage_type!r}")
    wanted = list(groups)
    if len(wanted) > 1 or not set(wanted) <= _DIMENSIONS:
        raise invalid("group_by: at most one known dimension")
    last = from_ms(until).date()
    if until % (24 * 3_600_000) == 0 and until > since:
        last -= timedelta(days=1)
    return Asked(
        first=from_ms(since).date(),
        last=last,
        zone=_zone(zone or "UTC"),
        usage_type=usage_type,
        group_by=wanted[0] if wanted else "",
    )


def _usage(call: Call, asked: Asked, *, keep: Mapping[str, frozenset[str]]) -> Json:
    empty: Json = {"serverlessCosts": [], "dedicatedCosts": [], "trainingCosts": []}
    if asked.usage_type in {"SERVERLESS", "TRAINING"}:
        return empty
    rows = billing.rows(call.account, asked.first, asked.last, asked.zone, call.now)
    names = keep.get("deployment_name")
    types = keep.get("accelerator_type")
    dedicated = [
        billing.dedicated(row, asked.group_by)
        for row in rows
        if (names is None or {row.deployment_id, row.inc.name} & names)
        and (types is None or row.inc.accelerator_type in types)
    ]
    return {**empty, "dedicatedCosts": dedicated}


def _filters(content: Any) -> Mapping[str, frozenset[str]]:
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise invalid("filter: must be an object")
    found = {}
    for name, wanted in content.items():
        values = wanted.get("values", []) if isinstance(wanted, dict) else None
        if name not in _DIMENSIONS or not isinstance(values, list):
            raise invalid(f"filter: {name!r} cannot be filtered by")
        found[name] = frozenset(map(str, values))
    return found


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise invalid(f"timezone: {name!r} is not an IANA zone") from None


def _plan(account: Account, plan_id: str) -> Json:
    prices = account.plan.prices[plan_id]
    return {
        "name": f"accounts/{account.account_id}/pricingPlans/{plan_id}",
        "billingType": "ACCELERATOR_HOURS",
        "acceleratorHourConfig": [
            {"acceleratorType": gpu, "acceleratorHourPrice": _money(Decimal(usd))}
            for gpu, usd in prices.items()
        ],
        "startTime": "2026-01-01T00:00:00Z",
        "createTime": "2025-12-15T12:00:00Z",
        "updateTime": "2025-12-15T12:00:00Z",
        "state": "READY",
    }


def _quota(account: Account, quota: str) -> Json:
    return without_zeros(
        {
            "name": f"accounts/{account.account_id}/quotas/{quota}",
            "value": str(account.quotas.get(quota, 0)),
            "maxValue": str(account.quota_maxima.get(quota, 0)),
            "usage": usage(account, quota),
            "updateTime": instant_text(account.quotas_updated.get(quota, account.now)),
        }
    )


def _money(usd: Decimal) -> Json:
    nanos = int((usd * _NANOS).to_integral_value())
    units, rest = divmod(nanos, _NANOS)
    return without_zeros({"currencyCode": "USD", "units": str(units), "nanos": rest})


def _int64(value: Any) -> int:
    try:
        number = int(value) if isinstance(value, str | int) else -1
    except ValueError:
        number = -1
    if not 0 <= number <= _LARGEST_INT64:
        raise invalid(f"value: {value!r} is not a non-negative int64")
    return number


def _by_name(row: Json) -> Place:
    return (str(row["name"]),)
