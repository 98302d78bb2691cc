"""The provider's own figures: GPU-seconds by local day, late and once revised, and dollars.

Fireworks docs: Exporting usage and costs. A day's rows appear some hours after it ended,
a little short, and are corrected once; both delays are in the account's `BillPlan`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

from firewarden.providers.simulated.account import Account
from firewarden.providers.simulated.incarnation import Incarnation
from firewarden.providers.simulated.instants import from_ms, instant_text, span_ms, to_ms
from firewarden.providers.simulated.plan import Json
from firewarden.providers.simulated.prices import cost, price

LONGEST_WINDOW = timedelta(days=31)


@dataclass(frozen=True, slots=True, kw_only=True)
class BilledRow:
    """GPU time of one deployment name on one local day, whatever its incarnations."""

    deployment_id: str
    inc: Incarnation
    start: int
    end: int
    gpu_ms: int
    usd: Decimal | None


def rows(account: Account, first: date, last: date, zone: ZoneInfo, now: int) -> list[BilledRow]:
    """Give the rows of the local days *first* to *last*, both included, as shown at *now*."""
    found: list[BilledRow] = []
    for start, end in _days(first, last, zone):
        share = _shown_share(account, end, now)
        if share > 0:
            found.extend(_day_rows(account, start, end, share))
    return found


def month_to_date_usd(account: Account, now: int) -> Decimal:
    """Sum the dollars since the first of the UTC month, in full and without delay."""
    start = to_ms(from_ms(now).replace(day=1, hour=0, minute=0, second=0, microsecond=0))
    return sum(
        (
            cost(inc.gpus.integral(start, now), usd)
            for inc in account.everything()
            if (usd := price(inc, account.plan, now)) is not None
        ),
        Decimal(0),
    )


def dedicated(row: BilledRow, group_by: str) -> Json:
    """Write *row* as one of ``dedicatedCosts``, with the one dimension it is grouped by."""
    written = {
        "deploymentId": row.deployment_id,
        "acceleratorType": row.inc.accelerator_type,
        "acceleratorSeconds": str(row.gpu_ms // 1000),
        "startTime": instant_text(row.start),
        "endTime": instant_text(row.end),
        "baseModel": row.inc.base_model,
        "usageType": "DEDICATED_DEPLOYMENT",
        "placement": placement_text(row.inc),
    }
    return {**written, "group": {group_by: _dimension(row, group_by)}} if group_by else written


def placement_text(inc: Incarnation) -> str:
    """Write where *inc* was asked to run."""
    placement: Json = inc.fields.get("placement") or {}
    return str(placement.get("multiRegion") or placement.get("region") or "GLOBAL")


def _dimension(row: BilledRow, group_by: str) -> str:
    annotations: Json = row.inc.fields.get("annotations") or {}
    known = {
        "deployment_name": row.inc.name,
        "accelerator_type": row.inc.accelerator_type,
        "base_model": row.inc.base_model,
        "usage_type": "DEDICATED_DEPLOYMENT",
    }
    if group_by.startswith("annotations."):
        return str(annotations.get(f"custom/{group_by.removeprefix('annotations.')}", ""))
    return known.get(group_by, "")


def _days(first: date, last: date, zone: ZoneInfo) -> Iterator[tuple[int, int]]:
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        yield _midnight(day, zone), _midnight(day + timedelta(days=1), zone)


def _midnight(day: date, zone: ZoneInfo) -> int:
    return to_ms(datetime.combine(day, time(), tzinfo=zone))


def _shown_share(account: Account, end: int, now: int) -> float:
    plan = account.plan.bill
    if now >= end + span_ms(plan.revised_after):
        return 1.0
    return plan.first_share if now >= end + span_ms(plan.appears_after) else 0.0


def _day_rows(account: Account, start: int, end: int, share: float) -> Iterator[BilledRow]:
    billable = [
        inc
        for _, incarnations in sorted(account.incarnations.items())
        for inc in incarnations
        if not inc.plan.cluster and inc.gpus.integral(start, end)
    ]
    absorbed = _absorbed(billable, account.plan.bill.reserved, start, end)
    rows: dict[tuple[str, str], list[Incarnation]] = {}
    for inc in billable:
        rows.setdefault((inc.deployment_id, inc.accelerator_type), []).append(inc)
    for (deployment_id, _), same in rows.items():
        usd = price(same[-1], account.plan, start)
        gpu_ms = sum(inc.gpus.integral(start, end) - absorbed.get(inc, 0) for inc in same)
        shown = gpu_ms if share >= 1 else round(gpu_ms * share)
        if gpu_ms:
            yield BilledRow(
                deployment_id=deployment_id,
                inc=same[-1],
                start=start,
                end=end,
                gpu_ms=shown,
                usd=None if usd is None else cost(shown, usd),
            )


def _absorbed(
    billable: Sequence[Incarnation], reserved: Mapping[str, int], start: int, end: int
) -> dict[Incarnation, int]:
    """Tell how many GPU-ms of each incarnation are paid for by the *reserved* GPUs of its type."""
    absorbed: dict[Incarnation, int] = {}
    for accelerator_type, gpus in reserved.items():
        same = [inc for inc in billable if inc.accelerator_type == accelerator_type]
        edges = {start, end, *(at for inc in same for at, _ in inc.gpus.changes(start, end))}
        for begun, ended in pairwise(sorted(edges)):
            left = gpus
            for inc in same:
                taken = min(left, inc.gpus.at(begun))
                absorbed[inc] = absorbed.get(inc, 0) + taken * (ended - begun)
                left -= taken
    return absorbed
