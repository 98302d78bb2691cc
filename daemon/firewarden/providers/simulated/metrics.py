"""The account's Prometheus text: every documented family, as of the last refresh.

Fireworks docs: Exporting metrics. Values are rates a second over the minute before the
refresh, which comes every 30 s; a deployment that has no ready replica then has no series.
The bounds of the buckets and the values of idle gauges are not documented and are ours.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isnan, nan

from firewarden.providers.simulated.account import Account
from firewarden.providers.simulated.incarnation import Incarnation
from firewarden.providers.simulated.instants import MINUTE_MS, SECOND_MS

REFRESH_MS = 30 * SECOND_MS

_TIMES = ("5", "10", "25", "50", "100", "250", "500", "1000", "2500", "5000", "10000", "+Inf")
_TOKENS = ("16", "64", "128", "256", "512", "1024", "2048", "4096", "8192", "+Inf")

# Share of the requests at or below each bound.
_SPREADS: dict[str, tuple[float, ...]] = {
    "latency_generation_per_token_ms": (0.1, 0.62, 0.95, 0.99, *[1.0] * 8),
    "latency_generation_queue_ms": (0.5, 0.7, 0.82, 0.9, 0.95, 0.98, *[1.0] * 6),
    "latency_overall_ms": (0, 0, 0, 0, 0.01, 0.05, 0.2, 0.48, 0.83, 0.97, 1.0, 1.0),
    "latency_to_first_token_ms": (0, 0, 0.02, 0.1, 0.35, 0.8, 0.94, 0.99, *[1.0] * 4),
    "latency_prefill_ms": (0, 0.03, 0.2, 0.5, 0.78, 0.95, 0.99, *[1.0] * 5),
    "latency_prefill_queue_ms": (0.6, 0.74, 0.85, 0.92, 0.96, 0.99, *[1.0] * 6),
    "tokens_generated_per_request": (0.02, 0.12, 0.3, 0.55, 0.81, 0.94, 0.99, *[1.0] * 3),
    "tokens_prompt_per_request": (0, 0.01, 0.05, 0.16, 0.37, 0.62, 0.83, 0.95, 1.0, 1.0),
}
_NOTHING = {bounds: [f'{bound}"}} 0\n' for bound in bounds] for bounds in (_TIMES, _TOKENS)}
"""What follows the head of each line where nothing came."""

_BY_DEPLOYMENT = ":sum_by_deployment"
_MEAN = ":avg_by_deployment"

FAMILIES = (
    f"request_counter_total{_BY_DEPLOYMENT}",
    f"requests_error_total{_BY_DEPLOYMENT}",
    f"tokens_cached_prompt_total{_BY_DEPLOYMENT}",
    f"tokens_prompt_total{_BY_DEPLOYMENT}",
    *(f"{name}_bucket{_BY_DEPLOYMENT}" for name in _SPREADS),
    f"generator_kv_blocks_fraction{_MEAN}",
    f"generator_kv_slots_fraction{_MEAN}",
    f"generator_model_forward_time{_MEAN}",
    f"requests_coordinator_concurrent_count{_MEAN}",
    f"prefiller_prompt_cache_ttl{_MEAN}",
)
"""Names of the documented families, in the order in which they are written."""

_PROMPT_TOKENS = 1_294
_CACHED_TOKENS = 268


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauges:
    """What one deployment's series are computed from: rates a second, requests in flight."""

    labels: str
    requests: float
    errors: float
    concurrent: float

    @property
    def is_idle(self) -> bool:
        """Nothing came and nothing is in the works."""
        return not (self.requests or self.errors or self.concurrent)


def refreshed_at(account: Account, now: int) -> int:
    """Give the instant of the newest refresh; each account has its own phase."""
    return now - (now - account.hash("metrics")) % REFRESH_MS


def text(account: Account, now: int) -> str:
    """Write what a scrape at *now* shows."""
    return "".join(lines(gauges(account, refreshed_at(account, now))))


def gauges(account: Account, at: int) -> list[Gauges]:
    """Measure every deployment that has a ready replica at *at*."""
    return [
        _measure(inc, at)
        for inc in account.everything()
        if inc.gpus.at(at) > 0
        and not (inc.plan.silent_at_idle and inc.traffic.count(at - MINUTE_MS, at) == 0)
    ]


def lines(measured: list[Gauges]) -> Iterator[str]:
    """Write the families one after the other, each for all deployments."""
    for family in FAMILIES:
        name = family.partition(":")[0]
        if name.endswith("_bucket"):
            yield from _buckets(family, name.removesuffix("_bucket"), measured)
        elif name == "requests_error_total":
            yield from _errors(family, measured)
        else:
            for one in measured:
                yield f"{family}{{{one.labels}}} {_number(_value(name, one))}\n"


def summary(inc: Incarnation, now: int, window: int) -> dict[str, float]:
    """Sum up one deployment over *window* milliseconds, as the deprecated call does."""
    count = inc.served(now - window, now)
    return {
        "request_count": float(count),
        "requests_per_second": count * SECOND_MS / window,
        "ready_replicas": float(inc.ready_count if not inc.is_gone else 0),
    }


def _measure(inc: Incarnation, at: int) -> Gauges:
    received = inc.served(at - MINUTE_MS, at) / 60
    share = inc.plan.error_share
    duration = round(inc.plan.seconds_per_request * SECOND_MS)
    return Gauges(
        labels=(
            f'base_model="{inc.base_model}",deployment="{inc.name}",'
            f'deployment_account="{inc.account_id}",deployment_id="{inc.deployment_id}"'
        ),
        requests=0.0 if share >= 1 else received,
        errors=received * share,
        concurrent=0.0 if share >= 1 else float(inc.served(at - duration, at)),
    )


def _errors(family: str, measured: list[Gauges]) -> Iterator[str]:
    for one in measured:
        if one.errors:
            for code, share in (("429", 0.8), ("500", 0.2)):
                value = _number(one.errors * share)
                yield f'{family}{{{one.labels},http_code="{code}"}} {value}\n'


def _buckets(family: str, name: str, measured: list[Gauges]) -> Iterator[str]:
    bounds = _TIMES if name.startswith("latency") else _TOKENS
    shares = _SPREADS[name]
    for one in measured:
        head = f'{family}{{{one.labels},le="'
        tails = _NOTHING[bounds]
        if one.requests:
            counts = zip(bounds, shares, strict=True)
            tails = [f'{bound}"}} {one.requests * share:.6g}\n' for bound, share in counts]
        yield head + head.join(tails)


def _value(name: str, one: Gauges) -> float:
    return {
        "request_counter_total": one.requests,
        "tokens_prompt_total": one.requests * _PROMPT_TOKENS,
        "tokens_cached_prompt_total": one.requests * _CACHED_TOKENS,
        "requests_coordinator_concurrent_count": one.concurrent,
        "generator_kv_blocks_fraction": min(1.0, one.concurrent / 64),
        "generator_kv_slots_fraction": min(1.0, one.concurrent / 96),
        "generator_model_forward_time": nan if one.is_idle else 0.01874,
        "prefiller_prompt_cache_ttl": nan if one.is_idle else 2913.5,
    }[name]


def _number(value: float) -> str:
    if isnan(value):
        return "NaN"
    return "0" if value == 0 else repr(value).removesuffix(".0")
