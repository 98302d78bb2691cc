"""The fleet now, for people: from the ledger alone."""

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from firewarden.app.metered import open_meter
from firewarden.app.periods import month_start
from firewarden.app.picture import Picture, take_any_picture
from firewarden.app.queries import Ledger
from firewarden.app.spent import read_trued_up
from firewarden.decide.matching import compile_match
from firewarden.decide.seen import Seen
from firewarden.metering.rates import price_at
from firewarden.metering.segments import hardware_of
from firewarden.metering.totals import total_of
from firewarden.model.activity import Activity, Use
from firewarden.model.deployment import Deployment
from firewarden.model.ids import DeploymentId, Uid
from firewarden.model.price import MICRO, Price, cost_usd
from firewarden.model.trueup import Money
from firewarden.model.usage import Usage
from firewarden.model.verdict import Incident, Truth, Verdict
from firewarden.policy.rules import Policy, RequireData
from firewarden.report.status import DeploymentStatus, FleetStatus, NextAction
from firewarden.store.bill import Backfilled, read_backfill
from firewarden.store.history import newest_poll

_ACTIVITIES = {
    Use.ACTIVE: Activity.ACTIVE,
    Use.QUIET: Activity.IDLE,
    Use.UNKNOWN: Activity.UNKNOWN,
}
_DEMAND = RequireData()
_MS = 1_000
_NEVER = datetime.max.replace(tzinfo=UTC)


def read_status(ledger: Ledger) -> FleetStatus:
    """Read everything `status` shows; without policies nothing is next, and it says why."""
    picture, problem = take_any_picture(ledger)
    return replace(show_status(picture), policy_problem=problem)


def show_status(picture: Picture) -> FleetStatus:
    """Lay *picture* out, deployment by deployment, the dearest first."""
    ledger = picture.ledger
    reader = _Reader(picture)
    rows = sorted(
        (reader.row(deployment) for deployment in picture.deployments),
        key=lambda row: (-(row.burn_usd_per_hour or Decimal(0)), row.deployment_id),
    )
    problem = _problem(picture)
    newest = newest_poll(ledger.session, ledger.account)
    return FleetStatus(
        account=ledger.account,
        observed_at=newest.answered_at if newest else None,
        complete=not problem,
        problem=problem,
        mode=picture.situation.ceiling.label,
        timezone=ledger.timezone,
        now=ledger.now,
        deployments=tuple(rows),
    )


def _problem(picture: Picture) -> str:
    fleet, ledger = picture.situation.fleet, picture.ledger
    if not fleet.complete:
        return fleet.problem or "the newest listing is not complete"
    if ledger.now - fleet.answered_at > ledger.fresh_for:
        return "the newest complete listing is older than 3 intervals"
    return ""


class _Reader:
    """Makes rows; what all of them share is read once."""

    def __init__(self, picture: Picture) -> None:
        self._picture = picture
        self._prices = picture.ledger.prices
        self._protected = picture.protected()
        self._incidents: defaultdict[Uid, list[Incident]] = defaultdict(list)
        for incident in picture.docket.opened.values():
            self._incidents[incident.uid].append(incident)
        self._verdicts: defaultdict[Uid, list[Verdict]] = defaultdict(list)
        for verdict in picture.verdicts:
            self._verdicts[verdict.uid].append(verdict)
        self._month = _MonthToDate(picture.ledger)
        self._idle_rules = [
            (compile_match(policy.match, picture.judge.attributions.of), wanted)
            for policy in picture.policies.policies
            if (wanted := _idle_time(policy)) is not None
        ]

    def row(self, deployment: Deployment) -> DeploymentStatus:
        seen = Seen(deployment, self._picture.situation)
        quiet = seen.quiet
        return DeploymentStatus(
            account=deployment.account,
            deployment_id=deployment.deployment_id,
            display_name=deployment.display_name,
            base_model=deployment.base_model,
            state=deployment.state,
            ready_replica_count=deployment.ready_replica_count,
            gpu_count=deployment.gpu_count,
            accelerator_type=deployment.accelerator_type,
            min_replica_count=deployment.min_replica_count,
            max_replica_count=deployment.max_replica_count,
            tags=deployment.tags,
            attributes=self._picture.situation.attributions.of(deployment).said(),
            activity=_activity(seen),
            quiet_since=quiet.quiet_since,
            quiet_for=_between(quiet.quiet_since, quiet.quiet_until),
            idle_for=self._idle_for(seen),
            first_verdict_at=self._first_verdict_at(seen),
            burn_usd_per_hour=burn_usd(deployment, self._prices, now=seen.now),
            month_to_date_usd=self._month.of(deployment),
            protected=deployment.uid in self._protected,
            next_action=self._next(deployment.uid),
        )

    def _idle_for(self, seen: Seen) -> timedelta | None:
        """Tell how long it is proven idle: fresh, and its window well covered."""
        stretch, _, newest = seen.stretch(_DEMAND.fresh_within)
        if not stretch or newest is None or not seen.deployment.ready_replica_count:
            return None
        situation = seen.situation
        coverage = situation.evidence.coverage(
            seen.uid, since=newest - stretch, until=newest, every=situation.metrics_every
        )
        return stretch if coverage >= _DEMAND.coverage else None

    def _first_verdict_at(self, seen: Seen) -> datetime | None:
        """Tell when the first idle verdict can be more than unknown; None where it can now."""
        since = seen.situation.ages.first_seen(seen.uid)
        wanted = [
            idle
            for matches, idle in self._idle_rules
            if matches(seen.deployment) is not Truth.FALSE
        ]
        if since is None or not wanted or not seen.deployment.ready_replica_count:
            return None
        at = since + min(wanted)
        return at if at > seen.now else None

    def _next(self, uid: Uid) -> NextAction | None:
        """Give what is in motion, else what would be, the first due."""
        open_ones = self._incidents.get(uid, [])
        if open_ones:
            incident = min(open_ones, key=lambda each: each.acts_at or _NEVER)
            return NextAction(
                verb=incident.verb.value,
                at=incident.acts_at,
                policy=incident.policy,
                blocked_by=incident.held_by.value if incident.held_by else None,
            )
        for verdict in self._verdicts.get(uid, ()):
            if verdict.truth is Truth.TRUE:
                return NextAction(
                    verb=verdict.verb.value,
                    at=verdict.acts_at,
                    policy=verdict.policy,
                    blocked_by=verdict.blocked_by.value if verdict.blocked_by else None,
                )
        return None


def _activity(seen: Seen) -> Activity:
    deployment = seen.deployment
    if deployment.ready_replica_count:
        return _ACTIVITIES[seen.quiet.use]
    return Activity.STARTING if deployment.starting_replica_count else Activity.ZERO


def _between(since: datetime | None, until: datetime | None) -> timedelta | None:
    return None if since is None or until is None else until - since


def _idle_time(policy: Policy) -> timedelta | None:
    return policy.when.idle_for or policy.when.quiet_for


def burn_usd(deployment: Deployment, prices: tuple[Price, ...], *, now: datetime) -> Decimal | None:
    """Tell what *deployment* costs an hour now; None: it holds GPUs of unknown price."""
    if not deployment.gpu_count:
        return Decimal(0)
    price = price_at(prices, hardware_of(deployment), now)
    return None if price is None else deployment.gpu_count * price.usd_per_gpu_hour


class _MonthToDate:
    """What each deployment has cost since the local month began, with what its bill adds."""

    def __init__(self, ledger: Ledger) -> None:
        zone = ZoneInfo(ledger.timezone)
        since = month_start(ledger.now, zone)
        self._metered: defaultdict[Uid, list[Usage]] = defaultdict(list)
        for usage in open_meter(ledger).used(since, ledger.now):
            self._metered[usage.uid].append(usage)
        self._billed: defaultdict[DeploymentId, list[Backfilled]] = defaultdict(list)
        first, last = since.astimezone(zone).date(), ledger.now.astimezone(zone).date()
        for day in read_backfill(ledger.session, ledger.account, first=first, last=last):
            self._billed[day.billed.deployment_id].append(day)
        self._adjusted: defaultdict[DeploymentId, list[Money | None]] = defaultdict(list)
        for adjusted in read_trued_up(ledger, since, ledger.now).between(since, ledger.now):
            self._adjusted[adjusted.deployment_id].append(adjusted.adjustment.money)

    def of(self, deployment: Deployment) -> Decimal | None:
        """Tell the cost of the priced part; None where there is none but unpriced use."""
        total = total_of(self._metered.get(deployment.uid, ()))
        billed = self._billed.get(deployment.deployment_id, ())
        priced = [
            cost_usd(day.billed.gpu_seconds * _MS, day.micro_usd_per_gpu_hour)
            for day in billed
            if day.micro_usd_per_gpu_hour is not None
        ]
        changes = self._adjusted.get(deployment.deployment_id, ())
        priced += [Decimal(money.micro_usd) / MICRO for money in changes if money]
        unpriced = total.unpriced_ms + sum(day.billed.gpu_seconds for day in billed)
        if unpriced and not priced and total.gpu_ms == total.unpriced_ms:
            return None
        return sum(priced, total.usd)
