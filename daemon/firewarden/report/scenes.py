"""What happened between two looks at the ledger, scene by scene."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from firewarden.model.action import Intent, Outcome, Released
from firewarden.model.activity import Activity
from firewarden.model.ids import Uid
from firewarden.model.people import Override, OverrideKind
from firewarden.model.price import MICRO
from firewarden.model.verdict import Incident, IncidentState
from firewarden.model.vocabulary import Verb
from firewarden.policy.rules import STOPS
from firewarden.report.audit import deployment_of
from firewarden.report.glimpse import Glimpse, Plot, Scene
from firewarden.report.status import DeploymentStatus, FleetStatus
from firewarden.report.text import UNPRICED, clock_time, duration, gpus, plural, usd

QUIET_WORTH_A_SCENE = timedelta(minutes=10)


def scenes(before: Glimpse | None, after: Glimpse) -> list[Scene]:
    """Tell what happened between two looks, in order; the first one introduces the fleet."""
    if after.status.observed_at is None:
        return []
    if before is None or before.status.observed_at is None:
        before = Glimpse(status=after.status)
        opening = [_opening(after.status, at=after.status.observed_at)]
    else:
        opening = []
    teller = _Teller(before, after, seen_at=after.status.observed_at)
    found = (*teller.of_the_listing(), *teller.of_policies(), *teller.of_people())
    return [*opening, *sorted(found, key=lambda scene: scene.at)]


def _opening(status: FleetStatus, *, at: datetime) -> Scene:
    held = sum(each.gpu_count for each in status.deployments)
    burn = sum((each.burn_usd_per_hour or Decimal(0) for each in status.deployments), Decimal(0))
    fleet = plural(len(status.deployments), "deployment")
    text = f"watching {status.account}: {fleet}, {plural(held, 'GPU')}, {usd(burn, per='h')}"
    return Scene(plot=Plot.WATCHED, subject="", at=at, text=text)


class _Teller:
    """Compares two looks; *seen_at* is when the newest listing was answered."""

    def __init__(self, before: Glimpse, after: Glimpse, *, seen_at: datetime) -> None:
        self._before = before
        self._after = after
        self._seen_at = seen_at
        self._was = {each.deployment_id: each for each in before.status.deployments}
        self._now = {each.deployment_id: each for each in after.status.deployments}
        self._stories = {deployment_of(each.uid) for each in after.incidents if _is_open(each)}
        self._stories |= {deployment_of(each.uid) for each in before.incidents if _is_open(each)}

    def of_the_listing(self) -> Iterator[Scene]:
        """Tell what changed in the fleet, whoever changed it."""
        was, now = self._before.status, self._after.status
        if was.complete and not now.complete:
            text = f"the listing is not complete ({now.problem}): nothing is concluded from it"
            yield self._seen(Plot.BLIND, "", text)
        if now.complete and not was.complete:
            yield self._seen(Plot.SEEING, "", "the listing is complete again")
        for name, each in self._now.items():
            if name in self._was:
                yield from self._replicas(self._was[name], each)
                yield from self._use(self._was[name], each)
            else:
                yield self._seen(Plot.CAME, name, f"{name} is new: {each.state}")
        for name in self._was.keys() - self._now.keys():
            yield self._seen(Plot.WENT, name, f"{name} is gone")

    def _replicas(self, was: DeploymentStatus, now: DeploymentStatus) -> Iterator[Scene]:
        name = now.deployment_id
        if now.activity is Activity.STARTING and was.activity is not Activity.STARTING:
            yield self._seen(Plot.STARTING, name, f"{name} is starting; not billed yet")
        if now.gpu_count > was.gpu_count:
            yield self._seen(Plot.SERVING, name, f"{name} serves: {_size(now)}")
        if was.gpu_count and not now.gpu_count and not self._is_ours(name):
            yield self._seen(Plot.AT_ZERO, name, f"{name} went to zero by itself")

    def _use(self, was: DeploymentStatus, now: DeploymentStatus) -> Iterator[Scene]:
        name = now.deployment_id
        if _is_long_quiet(now) and not _is_long_quiet(was):
            quiet = duration(now.quiet_for)
            if now.protected:
                text = f"{name} is left alone, it is protected: no request for {quiet}, "
                yield self._seen(Plot.LEFT_ALONE, name, text + _size(now))
            elif not self._is_told(now):
                text = f"{name} is going idle: no request for {quiet}, {_size(now)}"
                yield self._seen(Plot.GOING_IDLE, name, text)
        if _is_long_quiet(was) and now.activity is Activity.ACTIVE and name not in self._stories:
            text = f"{name} is in use again after {duration(was.quiet_for)}"
            yield self._seen(Plot.IN_USE_AGAIN, name, text)

    def _is_told(self, row: DeploymentStatus) -> bool:
        """Has a policy taken up this very stretch of quiet already?"""
        return any(
            deployment_of(each.uid) == row.deployment_id
            and (row.quiet_since is None or each.opened_at >= row.quiet_since)
            for each in self._after.incidents
        )

    def _is_ours(self, name: str) -> bool:
        """Is it at zero because of a change of ours?"""
        return any(
            deployment_of(each.uid) == name and (each.is_standing or each.finished_at is None)
            for each in self._after.intents
        )

    def of_policies(self) -> Iterator[Scene]:
        """Tell what the policies did, and what was put back."""
        old = {(each.uid, each.policy, each.opened_at): each for each in self._before.incidents}
        for each in self._after.incidents:
            yield from self._incident(old.get((each.uid, each.policy, each.opened_at)), each)
        for was, now in self._intents():
            if _is_put_back(now) and (was is None or not _is_put_back(was)):
                yield self._put_back(now)

    def _incident(self, was: Incident | None, now: Incident) -> Iterator[Scene]:
        name = deployment_of(now.uid)
        if now.warned_at is not None and (was is None or was.warned_at != now.warned_at):
            yield self._warned(name, now)
        if _waits(now) and (was is None or was.held_by is not now.held_by):
            text = f"{name} is due, and held back: {now.held_by}"
            yield self._seen(Plot.HELD, name, text)
        if now.closed_at is None or (was is not None and was.closed_at is not None):
            return
        if now.state is IncidentState.DONE:
            yield self._done(name, now, at=now.closed_at)
        elif now.state is IncidentState.FAILED:
            text = f"{name} is not {_DONE[now.verb]}: {now.closed_because}"
            yield Scene(plot=Plot.NOT_STOPPED, subject=name, at=now.closed_at, text=text)
        elif now.warned_at is not None and self._kept(now.uid, at=now.closed_at) is None:
            text = f"{name} is not {_DONE[now.verb]}, {self._why_cancelled(name, now)}"
            yield Scene(plot=Plot.CANCELLED, subject=name, at=now.closed_at, text=text)

    def _warned(self, name: str, now: Incident) -> Scene:
        waits = now.state is IncidentState.WAITING
        text = f"people are warned of {name}: {now.reason}"
        if now.verb is not Verb.DELETE:
            text += f", {usd(_saves(now), per='h')}"
        if now.acts_at is not None:
            text += f"; {_DONE[now.verb]} at {self._clock(now.acts_at)} unless it is called or kept"
        at = now.entered_at if waits else now.warned_at or now.entered_at
        return Scene(plot=Plot.WARNED, subject=name, at=at, text=text)

    def _done(self, name: str, now: Incident, *, at: datetime) -> Scene:
        text = f"{name} is {_DONE[now.verb]}: {now.reason}"
        if now.verb is not Verb.DELETE:
            text += self._money(now)
        return Scene(plot=Plot.STOPPED, subject=name, at=at, text=text)

    def _money(self, stop: Incident) -> str:
        spent, saves = self._after.idle_usd.get(stop.uid), _saves(stop)
        if spent is None or saves is None:
            return f"; {UNPRICED}"
        return f", {usd(spent)} spent idle so far; saves {usd(saves, per='h')}"

    def _why_cancelled(self, name: str, now: Incident) -> str:
        row = self._now.get(name)
        if row is None:
            return now.closed_because
        woken = now.verb is Verb.DELETE and row.activity is not Activity.ZERO
        called = woken or row.activity is Activity.ACTIVE
        return "it was called after the warning" if called else now.closed_because

    def _put_back(self, intent: Intent) -> Scene:
        name, before = deployment_of(intent.uid), intent.before
        bounds = _bounds(before.min_replica_count, before.max_replica_count)
        stops = [
            each.planned_at
            for each in self._after.intents
            if each.uid == intent.uid and each.verb in STOPS and each.action_id < intent.action_id
        ]
        after = f" {duration(intent.planned_at - max(stops))} after it was stopped" if stops else ""
        text = f"{name} has its old bounds again, {bounds}: {intent.reason}{after}"
        at = intent.finished_at or intent.planned_at
        return Scene(plot=Plot.PUT_BACK, subject=name, at=at, text=text)

    def of_people(self) -> Iterator[Scene]:
        """Tell what people said, and what they changed after us."""
        told = {each.override_id for each in self._before.overrides}
        for each in self._after.overrides:
            if each.uid is not None and each.override_id not in told:
                yield self._keeping(deployment_of(each.uid), each)
        for was, now in self._intents():
            if now.released is Released.HUMAN and (was is None or was.released is None):
                yield self._overruled(now)

    def _keeping(self, name: str, word: Override) -> Scene:
        who = word.actor.partition(":")[2] or word.actor
        does = "snoozes" if word.kind is OverrideKind.SNOOZE else "protects"
        until = f" until {self._clock(word.until)}" if word.until else ""
        why = f" ({word.reason})" if word.reason else ""
        warned = any(
            each.uid == word.uid
            and each.warned_at is not None
            and each.warned_at <= word.since
            and (each.closed_at is None or word.since <= each.closed_at)
            for each in self._after.incidents
        )
        text = f"{name} is kept: {who} {does} it{until}{why}"
        text += ", and the stop is called off" if warned else ""
        return Scene(plot=Plot.KEPT, subject=name, at=word.since, text=text)

    def _overruled(self, intent: Intent) -> Scene:
        name = deployment_of(intent.uid)
        row = self._now.get(name)
        bounds = (
            f"min {row.min_replica_count}, max {row.max_replica_count}" if row else "other bounds"
        )
        text = f"{name} is left as it is: somebody set {bounds} after it was stopped"
        at = intent.released_at or self._seen_at
        return Scene(plot=Plot.OVERRULED, subject=name, at=at, text=text)

    def _kept(self, uid: Uid, *, at: datetime) -> Override | None:
        """Find the word of a person that stood over *uid* at that instant."""
        words = (each for each in self._after.overrides if each.uid == uid)
        return next((each for each in words if each.is_standing(at)), None)

    def _intents(self) -> Iterator[tuple[Intent | None, Intent]]:
        old = {each.action_id: each for each in self._before.intents}
        return ((old.get(each.action_id), each) for each in self._after.intents)

    def _seen(self, plot: Plot, subject: str, text: str) -> Scene:
        return Scene(plot=plot, subject=subject, at=self._seen_at, text=text)

    def _clock(self, at: datetime) -> str:
        """Write an instant: what is less than a day away needs no date."""
        status = self._after.status
        near = abs(at - status.now) < timedelta(days=1)
        return clock_time(at, now=at if near else status.now, zone=status.timezone)


_DONE = {
    Verb.SCALE_TO_ZERO: "stopped",
    Verb.PARK: "parked",
    Verb.SET_AUTOSCALING: "given other bounds",
    Verb.HOLD_GROWTH: "kept from growing",
    Verb.DELETE: "deleted",
}


def _is_put_back(intent: Intent) -> bool:
    return intent.verb is Verb.RESTORE and intent.outcome is Outcome.APPLIED


def _is_open(incident: Incident) -> bool:
    return incident.closed_at is None


def _waits(incident: Incident) -> bool:
    """Is it due, and does something keep it from being carried out?"""
    return incident.state is IncidentState.ACTING and incident.held_by is not None


def _is_long_quiet(each: DeploymentStatus) -> bool:
    return (
        each.gpu_count > 0
        and each.quiet_for is not None
        and each.quiet_for >= QUIET_WORTH_A_SCENE
        and each.activity is not Activity.ACTIVE
    )


def _saves(incident: Incident) -> Decimal | None:
    per_hour = incident.saves_micro_usd_per_hour
    return None if per_hour is None else Decimal(per_hour) / MICRO


def _bounds(least: int, most: int) -> str:
    return f"min {least}, max {most}"


def _size(each: DeploymentStatus) -> str:
    return f"{gpus(each.gpu_count, each.accelerator_type)}, {usd(each.burn_usd_per_hour, per='h')}"
