"""What really happened: exact GPU-seconds, requests, changes, and the sins put in."""

from decimal import Decimal

from firewarden.model.vocabulary import State
from firewarden.providers.simulated.account import Account
from firewarden.providers.simulated.incarnation import Incarnation
from firewarden.providers.simulated.instants import instant_text, seconds_text
from firewarden.providers.simulated.plan import Json, Sin
from firewarden.providers.simulated.prices import HOURS_A_MONTH, price
from firewarden.providers.simulated.render import create_time

_CENT = Decimal("0.01")


def deployments(account: Account, since: int, until: int) -> list[Json]:
    """Tell of every incarnation that existed in ``[since, until)`` what it held and received."""
    return [
        _row(account, inc, since, until)
        for inc in account.everything()
        if inc.created < until and (inc.deleted is None or inc.deleted >= since)
    ]


def gpu_ms(inc: Incarnation, since: int, until: int) -> int:
    """Give the billed GPU-milliseconds of one incarnation in ``[since, until)``, exactly."""
    return inc.gpus.integral(since, until)


def sins(account: Account, now: int) -> list[Json]:
    """List what a survey should find, with USD for a month of 730 hours where that is known."""
    return [_sin(account, sin, now) for sin in account.plan.sins]


def _row(account: Account, inc: Incarnation, since: int, until: int) -> Json:
    last = inc.last_request(until - 1)
    usd = price(inc, account.plan, until)
    return {
        "account": account.account_id,
        "deployment_id": inc.deployment_id,
        "name": inc.name,
        "incarnation": inc.number,
        "create_time": create_time(inc),
        "state": State.DELETED.value if inc.is_purged else inc.state.value,
        "accelerator_type": inc.accelerator_type,
        "accelerator_count": inc.gpus_per_replica,
        "min_replica_count": inc.floor,
        "max_replica_count": inc.ceiling,
        "usd_per_gpu_hour": None if usd is None else str(usd),
        "gpu_seconds": seconds_text(gpu_ms(inc, since, until)),
        "starting_gpu_seconds": seconds_text(inc.starting.integral(since, until)),
        "ready_gpu_count": inc.gpus.at(until - 1),
        "requests": inc.traffic.count(max(since, inc.created), until),
        "requests_served": inc.served(since, until),
        "last_request_at": None if last is None else instant_text(last),
        "changes": [
            {"at": instant_text(at), "ready_gpu_count": value}
            for at, value in inc.gpus.changes(since, until)
        ],
    }


def _sin(account: Account, sin: Sin, now: int) -> Json:
    inc = account.find(sin.subject)
    monthly: Decimal | None = None
    if inc is not None:
        usd = price(inc, account.plan, now)
        if usd is not None and inc.gpus.at(now):
            monthly = (usd * inc.gpus.at(now) * HOURS_A_MONTH).quantize(_CENT)
    return {
        "kind": sin.kind.value,
        "subject": sin.subject,
        "deployment_id": None if inc is None else inc.deployment_id,
        "usd_per_month": None if monthly is None else str(monthly),
    }
