"""Our own figures for Prometheus, from memory only."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from platform import python_version

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from firewarden import __version__

MOST_DEPLOYMENTS = 500
"""Deployments with series of their own; all others share those labelled `OTHER`."""

OTHER = "_other"

_MOST_CAUSES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentFigures:
    """What is known of one deployment on one type of GPU.

    Attributes:
        gpu_seconds: since the ledger began, by state: ``active``, ``idle``, ``unknown``,
            ``starting``; restored at start, so that they never fall.
        cost_usd: its priced part, likewise since the ledger began.
        burn_usd_per_hour, idle_burn_usd_per_hour: None where a price is not known.
        replicas: by phase, ``ready`` and ``starting``.
        quiet_seconds: for how long there has been proof of no use; None: no proof.
    """

    account: str
    deployment: str
    gpu: str
    gpu_seconds: Mapping[str, float] = field(default_factory=dict)
    cost_usd: float = 0.0
    burn_usd_per_hour: float | None = 0.0
    idle_burn_usd_per_hour: float | None = 0.0
    replicas: Mapping[str, int] = field(default_factory=dict)
    quiet_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFigures:
    """What is known of the watching of one account; None: nothing yet.

    Attributes:
        poll_last_success_at: of the newest complete poll, in seconds since 1970.
        poll_failures: since this process began, by cause.
        coverage_ratio: part of the held time whose use is known, 0 to 1.
        alerts: how many there are, by (kind, state).
    """

    account: str
    poll_duration_seconds: float | None = None
    poll_last_success_at: float | None = None
    poll_failures: Mapping[str, int] = field(default_factory=dict)
    gap_seconds: float = 0.0
    coverage_ratio: float | None = None
    alerts: Mapping[tuple[str, str], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything there is to expose at one instant; replaced as a whole after each cycle."""

    accounts: tuple[AccountFigures, ...] = ()
    deployments: tuple[DeploymentFigures, ...] = ()


_Labels = tuple[str, ...]


class Exposition(Collector):
    """The page that Prometheus reads: the newest snapshot, with counters that never fall.

    A deployment keeps its own series for as long as it has replicas. When there are more
    than *most* of them, newcomers share one more series until one comes free, which goes
    to who burns most. Who loses its series is counted in the shared one from then on.
    """

    def __init__(self, *, most: int = MOST_DEPLOYMENTS) -> None:
        """Expose nothing but the build until something is published."""
        self._most = most
        self._snapshot = Snapshot()
        self._own: dict[_Labels, None] = {}
        self._evicted: set[_Labels] = set()
        self._seen: dict[tuple[str, _Labels], dict[_Labels, float]] = {}
        self._totals: dict[tuple[str, _Labels], float] = {}
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        self._page: bytes | None = None

    def publish(self, snapshot: Snapshot) -> None:
        """Expose *snapshot* from now on."""
        self._snapshot = snapshot
        self._give_series(snapshot.deployments)
        self._count(snapshot)
        self._page = None

    def page(self) -> bytes:
        """Write the page, in Prometheus's text format."""
        if self._page is None:
            self._page = generate_latest(self._registry)
        return self._page

    def collect(self) -> Iterator[Metric]:
        """Give every family, as prometheus_client asks for them."""
        yield _gauge(
            "build_info",
            "The running version; always 1.",
            ("version", "python"),
            {(__version__, python_version()): 1.0},
        )
        yield from self._counters()
        yield from _deployment_gauges(self._snapshot.deployments, self._label)
        yield from _account_gauges(self._snapshot.accounts)

    def _give_series(self, deployments: Iterable[DeploymentFigures]) -> None:
        """Let who has replicas keep their series, then who burns most; who is gone comes last."""
        burns: dict[_Labels, float] = {}
        alive: set[_Labels] = set()
        for each in deployments:
            name = (each.account, each.deployment)
            burns[name] = burns.get(name, 0.0) + (each.burn_usd_per_hour or 0.0)
            if any(each.replicas.values()):
                alive.add(name)
        ranked = sorted(
            burns, key=lambda name: (name not in alive, name not in self._own, -burns[name])
        )
        own = dict.fromkeys(ranked[: self._most])
        self._evicted = {name for name in self._own if name in burns and name not in own}
        self._own = own

    def _label(self, each: DeploymentFigures) -> _Labels:
        name = (each.account, each.deployment)
        return name if name in self._own else (each.account, OTHER)

    def _count(self, snapshot: Snapshot) -> None:
        """Add to each counter what its parts have grown by; a part that shrinks adds nothing."""
        parts: dict[tuple[str, _Labels], dict[_Labels, float]] = {}

        def add(family: str, labels: _Labels, part: _Labels, value: float) -> None:
            values = parts.setdefault((family, labels), {})
            values[part] = values.get(part, 0.0) + value

        for each in snapshot.deployments:
            series, part = (*self._label(each), each.gpu), (each.deployment,)
            for state, seconds in each.gpu_seconds.items():
                add("gpu_seconds", (*series, state), part, seconds)
            add("cost_usd", series, part, each.cost_usd)
        for account in snapshot.accounts:
            add("gap_seconds", (account.account,), (), account.gap_seconds)
            for place, (cause, count) in enumerate(sorted(account.poll_failures.items())):
                label = cause if place < _MOST_CAUSES else OTHER
                add("poll_failures", (account.account, label), (cause,), count)
        self._grow(parts)

    def _grow(self, parts: Mapping[tuple[str, _Labels], dict[_Labels, float]]) -> None:
        for series, values in parts.items():
            seen = self._seen.setdefault(series, {})
            for part, value in values.items():
                if series[1][1:2] == (OTHER,) and (series[1][0], *part) in self._evicted:
                    seen[part] = max(value, seen.get(part, 0.0))  # counted in its own till now
                growth = max(value - seen.get(part, 0.0), 0.0)
                self._totals[series] = self._totals.get(series, 0.0) + growth
                seen[part] = max(value, seen.get(part, 0.0))
        for gone in self._totals.keys() - parts.keys():
            if OTHER not in gone[1]:
                del self._totals[gone], self._seen[gone]

    def _counters(self) -> Iterator[Metric]:
        for family, help_text, labels in _COUNTERS:
            metric = CounterMetricFamily(f"firewarden_{family}", help_text, labels=labels)
            for (of, values), total in self._totals.items():
                if of == family:
                    metric.add_metric(values, total)
            yield metric


_COUNTERS = (
    (
        "gpu_seconds",
        "GPU-seconds held, by what they were used for; starting ones are not billed.",
        ("account", "deployment", "gpu", "state"),
    ),
    ("cost_usd", "Cost of the GPU-seconds that have a price.", ("account", "deployment", "gpu")),
    ("gap_seconds", "Time in which nobody watched.", ("account",)),
    ("poll_failures", "Polls that failed or were not complete.", ("account", "cause")),
)


def _gauge(
    name: str, help_text: str, labels: tuple[str, ...], values: Mapping[_Labels, float | None]
) -> Metric:
    """Make one gauge; None is not known, and has no series."""
    metric = GaugeMetricFamily(f"firewarden_{name}", help_text, labels=labels)
    for key, value in values.items():
        if value is not None:
            metric.add_metric(key, value)
    return metric


def _deployment_gauges(
    deployments: Iterable[DeploymentFigures], label: Callable[[DeploymentFigures], _Labels]
) -> Iterator[Metric]:
    burn: dict[_Labels, float | None] = {}
    idle: dict[_Labels, float | None] = {}
    replicas: dict[_Labels, float | None] = {}
    quiet: dict[_Labels, float | None] = {}
    for each in deployments:
        name = label(each)
        burn[name] = _sum(burn.get(name, 0.0), each.burn_usd_per_hour)
        idle[name] = _sum(idle.get(name, 0.0), each.idle_burn_usd_per_hour)
        for phase, count in each.replicas.items():
            replicas[*name, phase] = _sum(replicas.get((*name, phase), 0.0), count)
        if name[1] != OTHER and each.quiet_seconds is not None:
            quiet[name] = max(quiet.get(name) or 0.0, each.quiet_seconds)
    names = ("account", "deployment")
    yield _gauge("burn_usd_per_hour", "Spend per hour now; absent where unpriced.", names, burn)
    yield _gauge("idle_burn_usd_per_hour", "The part of it that is proven idle.", names, idle)
    yield _gauge("replicas", "Replicas by phase.", (*names, "phase"), replicas)
    yield _gauge("quiet_seconds", "Proven time without use; absent without proof.", names, quiet)


def _sum(total: float | None, more: float | None) -> float | None:
    """Add up; what is not known makes the sum unknown."""
    return None if total is None or more is None else total + more


def _account_gauges(accounts: Iterable[AccountFigures]) -> Iterator[Metric]:
    accounts = tuple(accounts)
    name = ("account",)
    yield _gauge(
        "poll_duration_seconds",
        "How long the newest poll took.",
        name,
        {(each.account,): each.poll_duration_seconds for each in accounts},
    )
    yield _gauge(
        "poll_last_success_timestamp_seconds",
        "When the newest complete poll was answered.",
        name,
        {(each.account,): each.poll_last_success_at for each in accounts},
    )
    yield _gauge(
        "coverage_ratio",
        "Part of the held time whose use is known.",
        name,
        {(each.account,): each.coverage_ratio for each in accounts},
    )
    yield _gauge(
        "alerts",
        "Alerts by kind and state.",
        (*name, "kind", "state"),
        {
            (each.account, *key): float(count)
            for each in accounts
            for key, count in each.alerts.items()
        },
    )
