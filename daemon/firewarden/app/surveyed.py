"""What a survey read, and the rows that it makes."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from firewarden.decide.survey import Look
from firewarden.decide.survey import survey as find
from firewarden.metering.evidence import use_of
from firewarden.metering.rates import RATE_CARD, price_at
from firewarden.metering.segments import hardware_of
from firewarden.model.activity import Scrape, Use
from firewarden.model.deployment import Deployment, Surroundings
from firewarden.model.fleet import AccountFacts, Fleet, Quota
from firewarden.model.ids import DeploymentId
from firewarden.model.price import Price, PriceSource, cost_usd
from firewarden.model.usage import BilledDay, Hardware
from firewarden.report.survey import BilledRow, PriceRow, RunningRow, Survey

_MS = 1_000
_NOON = time(12)
_OWNER_TAGS = ("owner", "team")


@dataclass(frozen=True, slots=True, kw_only=True)
class Surveyed:
    """All that was read of an account; what could not be read is empty, and told in *notes*."""

    facts: AccountFacts
    fleet: Fleet
    surroundings: Mapping[str, Surroundings] | None
    scrape: Scrape | None
    bill: tuple[BilledDay, ...]
    quotas: tuple[Quota, ...]
    prices: tuple[Price, ...]
    first: date
    last: date
    timezone: str
    notes: tuple[str, ...]


def compose_survey(found: Surveyed, *, configured: Sequence[Price]) -> Survey:
    """Say what was *found*; prices that are *configured* win over all others."""
    now = found.fleet.answered_at
    prices = (*configured, *found.prices, *RATE_CARD)
    deployments = tuple(found.fleet.deployments.values())
    running = sorted(
        (_running(each, found.scrape, prices, now=now) for each in deployments if not each.is_gone),
        key=lambda row: (-(row.burn_usd_per_hour or Decimal(0)), row.deployment_id),
    )
    return Survey(
        account=found.facts.account,
        at=now,
        timezone=found.timezone,
        role=found.facts.role,
        problem="" if found.fleet.complete else found.fleet.problem,
        findings=find(_look(found, prices)),
        running=tuple(running),
        billed=_billed(found, prices),
        first=found.first,
        last=found.last,
        prices=_prices(found, prices, now=now),
        notes=found.notes,
    )


def _look(found: Surveyed, prices: Sequence[Price]) -> Look:
    return Look(
        now=found.fleet.answered_at,
        facts=found.facts,
        fleet=found.fleet,
        surroundings=found.surroundings,
        bill=found.bill,
        first=found.first,
        last=found.last,
        quotas=found.quotas,
        prices=prices,
    )


def _running(
    deployment: Deployment, scrape: Scrape | None, prices: Sequence[Price], *, now: datetime
) -> RunningRow:
    price = price_at(prices, hardware_of(deployment), now)
    held = deployment.gpu_count
    burn = price.usd_per_gpu_hour * held if price else None
    return RunningRow(
        deployment_id=deployment.deployment_id,
        display_name=deployment.display_name,
        base_model=deployment.base_model,
        state=deployment.state,
        gpu_count=held,
        accelerator_type=deployment.accelerator_type,
        min_replica_count=deployment.min_replica_count,
        max_replica_count=deployment.max_replica_count,
        owner=next((deployment.tags[tag] for tag in _OWNER_TAGS if tag in deployment.tags), ""),
        activity=_activity(deployment, scrape),
        burn_usd_per_hour=burn if held else Decimal(0),
    )


def _activity(deployment: Deployment, scrape: Scrape | None) -> str:
    """Say what it does, by one scrape: quiet now is not idle."""
    if not deployment.ready_replica_count:
        return "starting" if deployment.starting_replica_count else "zero"
    if scrape is None or not scrape.whole:
        return Use.UNKNOWN.value
    use = use_of(scrape.samples.get(deployment.name), absent_is_quiet=False)
    return "quiet now" if use is Use.QUIET else use.value


def _billed(found: Surveyed, prices: Sequence[Price]) -> tuple[BilledRow, ...]:
    """Sum the bill by deployment and GPU, each day at its own price; the dearest first."""
    days: defaultdict[tuple[DeploymentId, str], list[BilledDay]] = defaultdict(list)
    for day in found.bill:
        days[day.deployment_id, day.accelerator_type].append(day)
    rows = [_billed_row(key, rows, found, prices) for key, rows in days.items()]
    return tuple(
        sorted(rows, key=lambda row: (-(row.cost or Decimal(0)), -row.gpu_ms, row.deployment_id))
    )


def _billed_row(
    key: tuple[DeploymentId, str],
    rows: Sequence[BilledDay],
    found: Surveyed,
    prices: Sequence[Price],
) -> BilledRow:
    name, accelerator = key
    zone = ZoneInfo(found.timezone)
    known = next(
        (each for each in found.fleet.deployments.values() if each.deployment_id == name), None
    )
    by_day: dict[date, int] = defaultdict(int)
    cost: Decimal | None = Decimal(0)
    for row in rows:
        gpu_ms = row.gpu_seconds * _MS
        by_day[row.day] += gpu_ms
        noon = datetime.combine(row.day, _NOON, zone)
        price = price_at(prices, _hardware(row, known), noon)
        cost = (
            None
            if cost is None or price is None
            else cost + cost_usd(gpu_ms, price.micro_usd_per_gpu_hour)
        )
    count = (found.last - found.first).days + 1
    return BilledRow(
        deployment_id=name,
        accelerator_type=accelerator,
        gpu_ms=sum(by_day.values()),
        cost=cost,
        days=tuple(by_day.get(found.first + timedelta(days=each), 0) for each in range(count)),
    )


def _hardware(row: BilledDay, known: Deployment | None) -> Hardware:
    """Tell what was billed: as the deployment is now, or else as the bill says."""
    if known is not None and known.accelerator_type == row.accelerator_type:
        return hardware_of(known)
    return Hardware(
        accelerator_type=row.accelerator_type, accelerator_count=1, placement=row.placement
    )


def _prices(found: Surveyed, prices: Sequence[Price], *, now: datetime) -> tuple[PriceRow, ...]:
    """List the price of every kind of hardware that runs or was billed."""
    used = {hardware_of(each) for each in found.fleet.deployments.values()}
    used |= {_hardware(row, None) for row in found.bill}
    rows = {
        PriceRow(
            accelerator_type=hardware.accelerator_type,
            usd_per_gpu_hour=price.usd_per_gpu_hour if price else None,
            source=_source(price, hardware),
        )
        for hardware in used
        for price in [price_at(prices, hardware, now)]
    }
    return tuple(sorted(rows, key=lambda row: (row.accelerator_type, row.source)))


def _source(price: Price | None, hardware: Hardware) -> str:
    if hardware.cluster:
        return "your own hardware"
    if price is None:
        return "not known: set [prices] in firewarden.toml"
    since = f" since {price.valid_from:%Y-%m-%d}" if price.valid_from else ""
    match price.source:
        case PriceSource.CONFIGURED:
            return f"your settings{since}"
        case PriceSource.PRICING_PLAN:
            return f"contract {price.plan}{since}"
        case PriceSource.RATE_CARD:
            region = " (one region)" if price.placement else ""
            return f"public list{since}{region}"
