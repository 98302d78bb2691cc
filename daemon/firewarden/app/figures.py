"""What the metrics page shows of one account: made now and then, served from memory."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from firewarden.app.causes import INCOMPLETE
from firewarden.app.memory import Memory
from firewarden.app.metered import open_meter
from firewarden.app.queries import Ledger
from firewarden.decide.worth import burn_micro_usd
from firewarden.metering.segments import name_of
from firewarden.metering.totals import total_of
from firewarden.model.activity import QuietEvidence, Use
from firewarden.model.deployment import Deployment
from firewarden.model.ids import AccountId, DeploymentId, Uid
from firewarden.model.price import MICRO, Price
from firewarden.model.usage import Gap, Poll, Usage
from firewarden.store.counts import count_actions, count_letters
from firewarden.store.deliveries import read_backlog
from firewarden.store.history import read_gaps
from firewarden.store.notices import read_firing
from firewarden.web.figures import AccountFigures, DeploymentFigures

EVER = datetime(2000, 1, 1, tzinfo=UTC)
_MS = 1_000.0


@dataclass(slots=True, kw_only=True)
class PollFigures:
    """What the polls of this process came to; ``cause`` is why the newest is worth nothing."""

    duration_seconds: float | None = None
    last_success_at: datetime | None = None
    cause: str = ""
    failures: Counter[str] = field(default_factory=Counter)

    def add(self, poll: Poll) -> None:
        """Take note of a poll that was stored; why it failed is told by `fail`."""
        self.duration_seconds = (poll.answered_at - poll.asked_at).total_seconds()
        if poll.complete:
            self.last_success_at, self.cause = poll.answered_at, ""
        elif poll.ok:
            self.fail(INCOMPLETE)

    def fail(self, cause: str) -> None:
        """Count a poll that is worth nothing; the *cause* is a word of a closed list."""
        self.cause = cause
        self.failures[cause] += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The figures of one account at one instant."""

    account: AccountFigures
    deployments: tuple[DeploymentFigures, ...]


class FiguresReader:
    """Makes the figures of one account, again and again.

    What was used before today (UTC) is summed once a day: a correction of it shows then.
    """

    def __init__(self) -> None:
        """Begin with nothing summed."""
        self._until = EVER
        self._before: tuple[Usage, ...] = ()
        self._unwatched = timedelta()

    def read(self, ledger: Ledger, memory: Memory, polls: PollFigures) -> Figures:
        """Make the figures from the ledger and from what is in memory of the account."""
        today = ledger.now.replace(hour=0, minute=0, second=0, microsecond=0)
        meter = open_meter(ledger)
        if self._until != today:
            self._before, self._until = meter.used(EVER, today), today
            self._unwatched = _unwatched(ledger, EVER, today)
        return _figures(
            ledger,
            memory,
            polls,
            used=(*self._before, *meter.used(today, ledger.now)),
            unwatched=self._unwatched + _unwatched(ledger, today, ledger.now),
        )


def _unwatched(ledger: Ledger, since: datetime, until: datetime) -> timedelta:
    """Add up the time of ``[since, until)`` that is in gaps; in those of several at once, once."""
    total, reached = timedelta(), since
    gaps = read_gaps(ledger.session, ledger.account, since=since, until=until)
    for gap in sorted(gaps, key=_beginning):
        begin, end = max(gap.since, reached), min(gap.until, until)
        if begin < end:
            total, reached = total + (end - begin), end
    return total


def _beginning(gap: Gap) -> datetime:
    return gap.since


def _figures(
    ledger: Ledger,
    memory: Memory,
    polls: PollFigures,
    *,
    used: Sequence[Usage],
    unwatched: timedelta,
) -> Figures:
    by_uid: defaultdict[Uid, list[Usage]] = defaultdict(list)
    for usage in used:
        by_uid[usage.uid].append(usage)
    fleet = memory.watch.fleet.deployments if memory.watch.fleet else {}
    alerts = Counter(
        (alert.notice.kind, "firing") for alert in read_firing(ledger.session, ledger.account)
    )
    backlog = read_backlog(ledger.session, [ledger.account])
    everything = total_of(used)
    account = AccountFigures(
        account=ledger.account,
        poll_duration_seconds=polls.duration_seconds,
        poll_last_success_at=polls.last_success_at.timestamp() if polls.last_success_at else None,
        poll_failures=dict(polls.failures),
        gap_seconds=unwatched.total_seconds(),
        coverage_ratio=everything.coverage,
        alerts=dict(alerts),
        actions=count_actions(ledger.session, ledger.account),
        notifications=count_letters(ledger.session, ledger.account),
        outbox_pending=backlog.waiting_count,
        outbox_oldest_age_seconds=_age(backlog.oldest_at, ledger.now),
    )
    gone = [uid for uid in by_uid if uid not in fleet]
    return Figures(
        account=account,
        deployments=(
            *(_alive(one, by_uid[uid], memory, ledger) for uid, one in fleet.items()),
            *(_gone(uid, by_uid[uid], ledger.account) for uid in gone),
        ),
    )


def _age(oldest_at: datetime | None, now: datetime) -> float:
    return 0.0 if oldest_at is None else max(now - oldest_at, timedelta()).total_seconds()


def _alive(
    deployment: Deployment, usages: Sequence[Usage], memory: Memory, ledger: Ledger
) -> DeploymentFigures:
    quiet = memory.watch.book.look(deployment.uid, now=ledger.now)
    burn = _burn(deployment, memory.prices, ledger.now)
    is_idle = quiet.use is Use.QUIET
    return DeploymentFigures(
        account=ledger.account,
        deployment=deployment.deployment_id,
        gpu=deployment.accelerator_type,
        gpu_seconds=_seconds(usages),
        cost_usd=_cost(usages),
        burn_usd_per_hour=burn,
        idle_burn_usd_per_hour=burn if is_idle else 0.0,
        replicas={
            "ready": deployment.ready_replica_count,
            "starting": deployment.starting_replica_count,
        },
        quiet_seconds=_quiet_for(quiet),
    )


def _gone(uid: Uid, usages: Sequence[Usage], account: AccountId) -> DeploymentFigures:
    """Keep the counters of what is no longer there: they never fall."""
    return DeploymentFigures(
        account=account,
        deployment=DeploymentId(name_of(uid).rpartition("/")[2]),
        gpu=usages[0].accelerator_type,
        gpu_seconds=_seconds(usages),
        cost_usd=_cost(usages),
    )


def _seconds(usages: Iterable[Usage]) -> Mapping[str, float]:
    """Part the GPU-seconds by what they were used for; in a gap that is unknown."""
    total = total_of(usages)
    unknown_ms = total.unknown_ms + total.gap_ms
    parts = {
        "active": total.gpu_ms - total.idle_ms - unknown_ms,
        "idle": total.idle_ms,
        "unknown": unknown_ms,
        "starting": total.starting_ms,
    }
    return {state: ms / _MS for state, ms in parts.items()}


def _cost(usages: Iterable[Usage]) -> float:
    return float(total_of(usages).usd)


def _burn(deployment: Deployment, prices: Sequence[Price], now: datetime) -> float | None:
    micro_usd = burn_micro_usd(deployment, prices, now=now)
    return None if micro_usd is None else micro_usd / MICRO


def _quiet_for(quiet: QuietEvidence) -> float | None:
    if quiet.quiet_since is None or quiet.quiet_until is None:
        return None
    return (quiet.quiet_until - quiet.quiet_since).total_seconds()
