"""The things that can look wrong on an account, each found by a function of its own."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

from firewarden.decide.look import HOURS_PER_MONTH, NO_MONEY, SURE_NOW, Finding, Look, Stake
from firewarden.metering.rates import price_at
from firewarden.metering.segments import hardware_of
from firewarden.model.deployment import Deployment
from firewarden.model.ids import DeploymentId
from firewarden.model.price import PriceSource
from firewarden.model.vocabulary import State
from firewarden.policy.capabilities import FIREWORKS
from firewarden.policy.durations import format_duration

ROUND_THE_CLOCK_DAYS = 7
_NEARLY = Decimal("0.95")
_DAY_SECONDS = 86_400
_SETTLING_DAYS = 2
"""The newest days of a bill still grow (and the first may be cut): they prove no pattern."""

LONG_START = timedelta(hours=1)
_FULL_SHARE = Decimal("0.8")
_NAMED = 5
_ENOUGH_ROLE = "inference-user"
_OWNERS = frozenset({"owner", "team"})


def _trainer_gone(look: Look) -> Iterator[Finding]:
    for one in look.present:
        around = (look.surroundings or {}).get(one.name)
        if around is not None and around.is_trainer_gone and one.gpu_count:
            evidence = f"its trainer {one.trainer_job or ''} is gone".strip()
            yield look.about("trainer_gone", one, evidence)


def _failed(look: Look) -> Iterator[Finding]:
    for one in look.present:
        held = one.gpu_count + one.starting_gpu_count
        if one.state == State.FAILED and held:
            yield look.about("failed_holding", one, f"it has failed and holds {held} GPUs")


def _starting(look: Look) -> Iterator[Finding]:
    for one in look.present:
        since = look.now - (one.updated_at or one.created_at)
        if one.state != State.FAILED and one.starting_replica_count and since >= LONG_START:
            evidence = (
                f"{one.starting_gpu_count} GPUs are starting, nothing has changed for "
                f"{format_duration(since)}"
            )
            yield look.about("starting_long", one, evidence)


def _round_the_clock(look: Look) -> Iterator[Finding]:
    days = [
        look.first + timedelta(days=count)
        for count in range(1, (look.last - look.first).days + 1 - _SETTLING_DAYS)
    ]
    if len(days) < ROUND_THE_CLOCK_DAYS:
        return
    billed: defaultdict[DeploymentId, dict[date, int]] = defaultdict(dict)
    for row in look.bill:
        seconds = billed[row.deployment_id]
        seconds[row.day] = seconds.get(row.day, 0) + row.gpu_seconds
    for one in look.present:
        seconds = billed.get(one.deployment_id, {})
        full = _NEARLY * one.accelerator_count * _DAY_SECONDS
        streak = 0
        for day in reversed(days):
            if not one.accelerator_count or seconds.get(day, 0) < full:
                break
            streak += 1
        if streak >= ROUND_THE_CLOCK_DAYS:
            mean = Decimal(sum(seconds[day] for day in days[-streak:])) / streak
            yield _always_on(look, one, streak, mean / _DAY_SECONDS)


def _always_on(look: Look, one: Deployment, streak: int, gpus: Decimal) -> Finding:
    price = price_at(look.prices, hardware_of(one), look.now)
    month = None if price is None else gpus * price.usd_per_gpu_hour * HOURS_PER_MONTH
    return Finding(
        kind="always_on",
        subject=one.deployment_id,
        evidence=f"billed round the clock for {streak} days, {gpus:.1f} GPUs on average, "
        f"min {one.min_replica_count}",
        usd_per_month=month,
        sure="from the bill, at our price",
        command="firewarden report --group-by deployment,day",
        stakes=(Stake(deployment_id=one.deployment_id, usd_per_month=month),),
    )


def _deleted_by_provider(look: Look) -> Iterator[Finding]:
    clock = FIREWORKS.auto_delete_after
    asleep = [
        one
        for one in look.present
        if not (one.min_replica_count or one.ready_replica_count or one.starting_replica_count)
        and one.max_replica_count
    ]
    if clock is None or not asleep:
        return
    newest: dict[DeploymentId, date] = {}
    for row in look.bill:
        if row.gpu_seconds:
            newest[row.deployment_id] = max(row.day, newest.get(row.deployment_id, row.day))
    asleep.sort(key=lambda one: (newest.get(one.deployment_id, date.min), one.created_at))
    yield Finding(
        kind="provider_deletes",
        subject=_names(asleep),
        evidence=f"{len(asleep)} at zero with min 0: Fireworks deletes each {clock.days} days "
        f"after its last request; last billed: {_last_billed(asleep, newest)}",
        usd_per_month=NO_MONEY,
        sure="one look does not tell the last request",
        command=f"firewarden explain {asleep[0].deployment_id}",
        stakes=look.stakes(asleep),
    )


def _last_billed(asleep: Sequence[Deployment], newest: Mapping[DeploymentId, date]) -> str:
    days = [
        f"{one.deployment_id} {newest.get(one.deployment_id) or 'not in this bill'}"
        for one in asleep[:_NAMED]
    ]
    return ", ".join(days)


def _unowned(look: Look) -> Iterator[Finding]:
    nobodys = [one for one in look.present if not _OWNERS & {tag.casefold() for tag in one.tags}]
    if nobodys:
        count, share = len(look.present), Decimal(len(nobodys)) / len(look.present)
        holding = sum(one.gpu_count > 0 for one in nobodys)
        nobodys.sort(key=lambda one: (-one.gpu_count, one.deployment_id))
        yield Finding(
            kind="unowned",
            subject=_names(nobodys),
            evidence=f"{len(nobodys)} of {count} deployments ({share:.0%}) have neither an owner "
            f"nor a team tag; {holding} of them hold GPUs",
            usd_per_month=look.month(nobodys),
            sure=SURE_NOW,
            command="firewarden status",
            stakes=look.stakes(nobodys),
        )


def _quota(look: Look) -> Iterator[Finding]:
    ceilings: defaultdict[str, int] = defaultdict(int)
    asleep: defaultdict[str, int] = defaultdict(int)
    for one in look.present:
        kind = _short(one.accelerator_type)
        ceiling = one.max_replica_count * one.accelerator_count
        ceilings[kind] += ceiling
        asleep[kind] += 0 if one.ready_replica_count else ceiling
    for quota in look.quotas:
        kind = quota.quota_id.removeprefix("global--").removesuffix("-count")
        held = ceilings.get(kind, 0)
        if quota.limit > 0 and held >= _FULL_SHARE * quota.limit:
            yield Finding(
                kind="quota",
                subject=quota.quota_id,
                evidence=f"max × GPUs is {held} of {quota.limit}, {asleep[kind]} of it held by "
                "deployments without a ready replica",
                usd_per_month=NO_MONEY,
                sure="quota is charged on the maximum, even at zero",
                command="firewarden status",
            )


def _spend_limit(look: Look) -> Iterator[Finding]:
    for quota in look.quotas:
        used = Decimal(str(quota.usage))
        if quota.quota_id == "monthly-spend-usd" and used >= _FULL_SHARE * quota.limit > 0:
            yield Finding(
                kind="spend_limit",
                subject=quota.quota_id,
                evidence=f"{used:.0f} of {quota.limit} USD used; at the limit Fireworks pauses "
                "every request of the account",
                usd_per_month=NO_MONEY,
                sure="the provider's own figure",
                command="firewarden report",
            )


def _unpriced(look: Look) -> Iterator[Finding]:
    kinds: defaultdict[str, list[Deployment]] = defaultdict(list)
    for one in look.present:
        if one.gpu_count and price_at(look.prices, hardware_of(one), look.now) is None:
            kinds[one.accelerator_type].append(one)
    for kind, members in sorted(kinds.items()):
        gpus = sum(one.gpu_count for one in members)
        yield Finding(
            kind="unpriced",
            subject=_names(members),
            evidence=f"{gpus} {kind or 'unnamed'} GPUs have no known price",
            usd_per_month=None,
            sure="unpriced is not free",
            command="firewarden config",
            stakes=look.stakes(members),
        )


def _price_basis(look: Look) -> Iterator[Finding]:
    sources = {
        price.source
        for one in look.present
        if one.gpu_count
        and (price := price_at(look.prices, hardware_of(one), look.now)) is not None
    }
    if PriceSource.RATE_CARD in sources:
        yield Finding(
            kind="price_basis",
            subject=look.facts.account,
            evidence="costs are reckoned by Fireworks' public list prices: a contract, a "
            "reservation or credits would make them less",
            usd_per_month=NO_MONEY,
            sure="prices can be set in [prices]",
            command="firewarden config",
        )


def _contract_prices(look: Look) -> Iterator[Finding]:
    plans: defaultdict[str, list[Deployment]] = defaultdict(list)
    for one in look.present:
        price = price_at(look.prices, hardware_of(one), look.now)
        if one.gpu_count and price is not None and price.source is PriceSource.PRICING_PLAN:
            plans[price.plan].append(one)
    for plan, members in sorted(plans.items()):
        yield Finding(
            kind="contract_price",
            subject=plan,
            evidence=f"{_names(members)}: priced by this contract plan, not by the public list",
            usd_per_month=look.month(members),
            sure="at the contract price, as it runs now",
            command="firewarden config",
            stakes=look.stakes(members),
        )


def _key_role(look: Look) -> Iterator[Finding]:
    role = look.facts.role
    if role and role != _ENOUGH_ROLE:
        yield Finding(
            kind="key_role",
            subject=look.facts.account,
            evidence=f"the key's role is {role}; to observe, {_ENOUGH_ROLE} is enough",
            usd_per_month=NO_MONEY,
            sure="as the provider says",
            command="firewarden doctor",
        )


def _suspended(look: Look) -> Iterator[Finding]:
    if look.facts.suspend_state not in {"", "UNSUSPENDED"}:
        yield Finding(
            kind="suspended",
            subject=look.facts.account,
            evidence=f"Fireworks has paused the account: {look.facts.suspend_state}",
            usd_per_month=None,
            sure="as the provider says",
            command="firewarden doctor",
        )


def _short(accelerator: str) -> str:
    parts = accelerator.split("_")
    return parts[1].casefold() if len(parts) > 1 else accelerator.casefold()


def _names(deployments: Sequence[Deployment]) -> str:
    names = [str(one.deployment_id) for one in deployments]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


CHECKS: tuple[Callable[[Look], Iterator[Finding]], ...] = (
    _suspended,
    _trainer_gone,
    _failed,
    _starting,
    _round_the_clock,
    _deleted_by_provider,
    _unowned,
    _quota,
    _spend_limit,
    _unpriced,
    _price_basis,
    _contract_prices,
    _key_role,
)
