"""How a described deployment becomes a segment, and what is known of the time between two reads."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from firewarden.metering.instants import HOUR, MS, hours_of, round_down, round_up
from firewarden.model.deployment import Deployment, Trait
from firewarden.model.ids import AccountId, Uid
from firewarden.model.usage import Bracket, Evidence, Gap, Hardware, Segment


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """When something was read, in whole milliseconds that enclose the read; and how."""

    asked_at: datetime
    answered_at: datetime
    evidence: Evidence
    cause: str = ""


def read_between(
    asked_at: datetime, answered_at: datetime, *, evidence: Evidence, cause: str = ""
) -> Reading:
    """Enclose a read; a clock that stepped back during it makes no difference."""
    return Reading(
        asked_at=round_down(min(asked_at, answered_at)),
        answered_at=round_up(max(asked_at, answered_at)),
        evidence=evidence,
        cause=cause,
    )


def hardware_of(deployment: Deployment) -> Hardware:
    """Tell what one replica of *deployment* runs on, as far as billing is concerned."""
    return Hardware(
        accelerator_type=deployment.accelerator_type,
        accelerator_count=deployment.accelerator_count,
        placement=deployment.placement,
        plan=deployment.pricing_plan,
        cluster=Trait.OWN_CLUSTER in deployment.traits,
        preemptible=Trait.PREEMPTIBLE in deployment.traits,
    )


def begin_segment(deployment: Deployment, started: Bracket, evidence: Evidence) -> Segment:
    """Open a segment; what is deleted bills nothing, whatever counts it still shows."""
    return Segment(
        uid=deployment.uid,
        hardware=hardware_of(deployment),
        ready=0 if deployment.is_gone else deployment.ready_replica_count,
        starting=0 if deployment.is_gone else deployment.starting_replica_count,
        floor=deployment.min_replica_count,
        ceiling=deployment.max_replica_count,
        desired=deployment.desired_replica_count,
        state=deployment.state,
        started=started,
        start_evidence=evidence,
    )


def end_segment(segment: Segment, ended: Bracket, evidence: Evidence) -> Segment:
    """Close *segment*; its end never lies before its start, and is never the same bracket.

    What follows begins where it ends, and the ledger tells segments apart by their beginning.
    """
    lo = max(ended.lo, segment.started.lo)
    hi = max(ended.hi, segment.started.hi, lo)
    if Bracket(lo=lo, hi=hi) == segment.started:
        hi += MS
    return replace(segment, ended=Bracket(lo=lo, hi=hi), end_evidence=evidence, confirmed_at=None)


def is_same(before: Segment, after: Segment) -> bool:
    """Do two segments differ in nothing but when they began and ended?"""
    return before == replace(
        after,
        started=before.started,
        start_evidence=before.start_evidence,
        confirmed_at=before.confirmed_at,
    )


def gap_between(
    before: Segment | None, after: Segment | None, *, bracket: Bracket, cause: str
) -> Gap:
    """Bound the replicas in a stretch nobody watched.

    Fewest: the least of what was ready before and after, and of both floors; most: the
    greatest of what was ready, and of both ceilings. Where there is no before or no after
    there were no replicas.
    """
    known = [segment for segment in (before, after) if segment is not None]
    uid = known[0].uid
    counts = [segment.ready for segment in known] + [0] * (2 - len(known))
    return Gap(
        account=account_of(uid),
        uid=uid,
        since=bracket.lo,
        until=bracket.hi,
        low=min(*counts, *(segment.floor for segment in known)),
        high=max(*counts, *(segment.ceiling for segment in known)),
        cause=cause or f"nothing was seen for {spell(bracket.hi - bracket.lo)}",
    )


def account_of(uid: Uid) -> AccountId:
    """Read the account out of a uid (``accounts/a/deployments/d@instant``)."""
    return AccountId(uid.removeprefix("accounts/").partition("/")[0])


def name_of(uid: Uid) -> str:
    """Read the resource name out of a uid."""
    return uid.rpartition("@")[0]


def hours_touched(bracket: Bracket) -> tuple[datetime, ...]:
    """All UTC hours that share an instant with ``[lo, hi]``, both included."""
    return hours_of(bracket.lo, bracket.hi + timedelta(milliseconds=1))


def hours_ended(since: datetime, until: datetime) -> tuple[datetime, ...]:
    """The UTC hours that hold time of ``[since, until)`` and are over at *until*."""
    return tuple(hour for hour in hours_of(since, until) if hour + HOUR <= until)


def spell(duration: timedelta) -> str:
    """Spell *duration* the way people do: ``3h20m``, ``45s``."""
    seconds = int(duration.total_seconds())
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    parts = [f"{hours}h" if hours else "", f"{minutes}m" if minutes else ""]
    if not hours and seconds:
        parts.append(f"{seconds}s")
    return "".join(parts) or "0s"
