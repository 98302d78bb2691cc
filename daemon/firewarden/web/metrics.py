"""Our own figures for Prometheus, from memory only."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from platform import python_version

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from firewarden import __version__
from firewarden.web.figures import AccountFigures, DeploymentFigures, Snapshot

MOST_DEPLOYMENTS = 500
"""Deployments with series of their own; all others share those labelled `OTHER`."""

OTHER = "_other"

_MOST = 20
"""Of causes, actions or routes of one account; all beyond share the series labelled `OTHER`."""

_Labels = tuple[str, ...]
_Values = dict[_Labels, float | None]


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
        self._own: frozenset[_Labels] = frozenset()
        self._seen: dict[_Labels, dict[str, float]] = {}
        self._others: dict[_Labels, dict[str, float]] = {}
        self._gaps: dict[_Labels, float] = {}
        self._failures: dict[_Labels, float] = {}
        self._actions: dict[_Labels, float] = {}
        self._notifications: dict[_Labels, float] = {}
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        self._page: bytes | None = None

    def publish(self, snapshot: Snapshot) -> None:
        """Expose *snapshot* from now on."""
        self._snapshot = snapshot
        self._own = self._share_series(snapshot.deployments)
        for key, values in _held(snapshot.deployments).items():
            self._count(key, values)
        for account in snapshot.accounts:
            self._count_account(account)
        self._page = None

    def page(self) -> bytes:
        """Write the page, in Prometheus's text format."""
        if self._page is None:
            self._page = generate_latest(self._registry)
        return self._page

    def collect(self) -> Iterator[Metric]:
        """Give every family, as prometheus_client asks for them."""
        build: _Values = {(__version__, python_version()): 1.0}
        help_text = "The running version; always 1."
        yield _gauge("build_info", help_text, ("version", "python"), build)
        yield from self._held_counters()
        yield _counter("gap_seconds", "Time in which nobody watched.", ("account",), self._gaps)
        help_text = "Polls that failed or were not complete."
        yield _counter("poll_failures", help_text, ("account", "cause"), self._failures)
        help_text = "Changes that were called for, by what became of them."
        yield _counter("actions", help_text, ("account", "verb", "outcome"), self._actions)
        help_text = "Messages that were taken, or given up."
        labels = ("account", "route", "result")
        yield _counter("notifications", help_text, labels, self._notifications)
        yield from _deployment_gauges(self._snapshot.deployments, self._own)
        yield from _account_gauges(self._snapshot.accounts)

    def _share_series(self, deployments: Iterable[DeploymentFigures]) -> frozenset[_Labels]:
        """Let who has replicas keep their series, then who burns most; who is gone comes last."""
        burns: dict[_Labels, float] = {}
        alive: set[_Labels] = set()
        for each in deployments:
            name = (each.account, each.deployment)
            burns[name] = burns.get(name, 0.0) + (each.burn_usd_per_hour or 0.0)
            if any(each.replicas.values()):
                alive.add(name)
        if len(burns) <= self._most:
            return frozenset(burns)
        ranked = sorted(
            burns, key=lambda name: (name not in alive, name not in self._own, -burns[name])
        )
        return frozenset(ranked[: self._most])

    def _count(self, key: _Labels, values: Mapping[str, float]) -> None:
        """Raise what was seen of one deployment; what it grew by goes to the shared series."""
        seen = self._seen.setdefault(key, {})
        others = None
        if key[:2] not in self._own:
            others = self._others.setdefault((key[0], OTHER, key[2]), {})
        for part, value in values.items():
            before = seen.get(part, 0.0)
            if others is not None:
                others[part] = others.get(part, 0.0) + max(value - before, 0.0)
            seen[part] = max(value, before)

    def _count_account(self, account: AccountFigures) -> None:
        name = (account.account,)
        self._gaps[name] = max(self._gaps.get(name, 0.0), account.gap_seconds)
        causes = (((cause,), count) for cause, count in account.poll_failures.items())
        _raise(self._failures, name, causes)
        _raise(self._actions, name, account.actions.items())
        _raise(self._notifications, name, account.notifications.items())

    def _held_counters(self) -> Iterator[Metric]:
        """Give the counters of who has own series and is in the snapshot, and the shared ones."""
        shown = dict(self._others)
        for each in self._snapshot.deployments:
            key = (each.account, each.deployment, each.gpu)
            if key[:2] in self._own:
                shown[key] = self._seen[key]
        names = ("account", "deployment", "gpu")
        seconds = {
            (*key, part): value
            for key, values in shown.items()
            for part, value in values.items()
            if part != _COST
        }
        yield _counter(
            "gpu_seconds",
            "GPU-seconds held, by what they were used for; starting ones are not billed.",
            (*names, "state"),
            seconds,
        )
        cost = {key: values.get(_COST, 0.0) for key, values in shown.items()}
        yield _counter("cost_usd", "Cost of the GPU-seconds that have a price.", names, cost)


_COST = ""
"""Where the cost stands among the states of the GPU-seconds."""


def _held(deployments: Iterable[DeploymentFigures]) -> dict[_Labels, dict[str, float]]:
    """Add up seconds by state, and cost, of each name and GPU; incarnations share a name."""
    held: dict[_Labels, dict[str, float]] = {}
    for each in deployments:
        key = (each.account, each.deployment, each.gpu)
        values = {**each.gpu_seconds, _COST: each.cost_usd}
        if (former := held.get(key)) is not None:
            values = {
                part: former.get(part, 0.0) + values.get(part, 0.0) for part in former | values
            }
        held[key] = values
    return held


def _raise(
    counters: dict[_Labels, float], name: _Labels, counts: Iterable[tuple[_Labels, int]]
) -> None:
    """Raise the *counters* of the account *name*; what comes after the first few is summed up."""
    totals: dict[_Labels, float] = {}
    for place, (labels, count) in enumerate(sorted(counts)):
        shown = labels if place < _MOST else (OTHER,) * len(labels)
        totals[*name, *shown] = totals.get((*name, *shown), 0.0) + count
    for key, total in totals.items():
        counters[key] = max(counters.get(key, 0.0), total)


def _counter(
    name: str, help_text: str, labels: tuple[str, ...], values: Mapping[_Labels, float]
) -> Metric:
    metric = CounterMetricFamily(f"firewarden_{name}", help_text, labels=labels)
    for key, value in values.items():
        metric.add_metric(key, value)
    return metric


def _gauge(name: str, help_text: str, labels: tuple[str, ...], values: _Values) -> Metric:
    """Make one gauge; None is not known, and has no series."""
    metric = GaugeMetricFamily(f"firewarden_{name}", help_text, labels=labels)
    for key, value in values.items():
        if value is not None:
            metric.add_metric(key, value)
    return metric


def _deployment_gauges(
    deployments: Iterable[DeploymentFigures], own: frozenset[_Labels]
) -> Iterator[Metric]:
    burn: _Values = {}
    idle: _Values = {}
    replicas: _Values = {}
    quiet: _Values = {}
    for each in deployments:
        name: _Labels = (each.account, each.deployment)
        is_own = name in own
        name = name if is_own else (each.account, OTHER)
        burn[name] = _sum(burn.get(name, 0.0), each.burn_usd_per_hour)
        idle[name] = _sum(idle.get(name, 0.0), each.idle_burn_usd_per_hour)
        for phase, count in each.replicas.items():
            key = (*name, phase)
            replicas[key] = _sum(replicas.get(key, 0.0), count)
        if is_own and each.quiet_seconds is not None:
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
    for metric, help_text, figure in _OF_ACCOUNTS:
        values: _Values = {(each.account,): figure(each) for each in accounts}
        yield _gauge(metric, help_text, name, values)
    alerts: _Values = {
        (each.account, *key): count for each in accounts for key, count in each.alerts.items()
    }
    yield _gauge("alerts", "Alerts by kind and state.", (*name, "kind", "state"), alerts)


_OF_ACCOUNTS: tuple[tuple[str, str, Callable[[AccountFigures], float | None]], ...] = (
    (
        "poll_duration_seconds",
        "How long the newest poll took.",
        lambda each: each.poll_duration_seconds,
    ),
    (
        "poll_last_success_timestamp_seconds",
        "When the newest complete poll was answered.",
        lambda each: each.poll_last_success_at,
    ),
    (
        "coverage_ratio",
        "Part of the held time whose use is known.",
        lambda each: each.coverage_ratio,
    ),
    ("outbox_pending", "Messages that wait to be told.", lambda each: each.outbox_pending),
    (
        "outbox_oldest_age_seconds",
        "How long the oldest of them has waited; 0 without one.",
        lambda each: each.outbox_oldest_age_seconds,
    ),
    ("lease_held", "1 where this process looks after the account.", lambda each: each.lease_held),
)
