"""When one story of a deployment is over, and when another begins."""

from dataclasses import replace
from datetime import datetime, timedelta

from firewarden.decide.effects import saved_micro_usd
from firewarden.decide.seen import Seen
from firewarden.decide.situation import Situation
from firewarden.metering.instants import round_down
from firewarden.model.verdict import Incident, IncidentState, Verdict
from firewarden.model.vocabulary import Blocker, Mode, Verb
from firewarden.policy.calendar import elapsed_within
from firewarden.policy.rules import EFFECTS, Policy

HOUR = timedelta(hours=1)
RETRY_AFTER = {Verb.DELETE: timedelta(hours=24)}
"""How long an effect that came to nothing is not tried again; others rest for an hour."""

KEPT = frozenset({Blocker.LIMITS, Blocker.APPROVAL, Blocker.UNDELIVERED})
"""What holds an incident until it is over, whatever else holds it meanwhile."""


def began_again(seen: Seen, done: Incident) -> bool:
    """Was it used since *done* ended, or stopped and made ready again?

    A hole in the listings alone, or in the evidence alone, is no new beginning. For what
    only tells: was its state seen to change?
    """
    end, quiet, ages = done.closed_at or done.opened_at, seen.quiet, seen.situation.ages
    if _is_after(quiet.active_at, end):
        return True
    if done.verb in EFFECTS:
        made_ready = _is_after(ages.ready_since(seen.uid), end)
        return made_ready and _is_after(quiet.quiet_since, end)
    return _is_after(ages.changed_at(seen.uid), end)


def _is_after(at: datetime | None, end: datetime) -> bool:
    return at is not None and at > end


def is_same_story(done: Incident, verdict: Verdict) -> bool:
    """Does *done* say what *verdict* would say again?

    An edited policy, or one that may go further than before, begins a story of its own.
    """
    is_bolder = done.mode < min(verdict.mode, Mode.APPROVE)
    if done.verb is not verdict.verb or is_bolder:
        return False
    return done.policy != verdict.policy or done.policy_hash == verdict.policy_hash


def says_again(verdict: Verdict, done: Incident, situation: Situation) -> bool:
    """Would *verdict* say what *done* said, of the same stretch of quiet or window of a budget?"""
    if not is_same_story(done, verdict):
        return False
    if (call := situation.caps.called.get((verdict.uid, verdict.policy))) is not None:
        return done.opened_at >= call.since
    return not began_again(Seen(situation.fleet.deployments[verdict.uid], situation), done)


def open_story(
    verdict: Verdict, policy: Policy, situation: Situation, *, since: Incident | None = None
) -> Incident:
    """Begin a story, or begin it anew under an edited policy: it is never due any sooner."""
    deployment = situation.fleet.deployments[verdict.uid]
    seen = Seen(deployment, situation)
    return Incident(
        uid=verdict.uid,
        policy=verdict.policy,
        policy_hash=verdict.policy_hash,
        mode=verdict.mode,
        verb=verdict.verb,
        state=IncidentState.OPEN,
        stage=0,
        opened_at=round_down(situation.now) if since is None else since.opened_at,
        entered_at=situation.now,
        reason=verdict.reason,
        acts_at=verdict.acts_at,
        gpu_count=deployment.gpu_count,
        saves_micro_usd_per_hour=saved_micro_usd(seen, policy.effect),
    )


def warned(incident: Incident, policy: Policy, *, at: datetime) -> Incident:
    """Note that the warning was delivered *at*: what is waited for after it counts from there."""
    return replace(
        incident,
        state=IncidentState.WARNED,
        warned_at=at,
        acts_at=_after_waits(policy, incident.stage + 1, at),
    )


def routes_of(policy: Policy) -> tuple[str, ...]:
    """Name the routes of all its warnings, which every word of the story goes by."""
    warnings = [step.routes for step in policy.steps if step.verb is Verb.WARN]
    if not warnings:
        return policy.routes
    return tuple(dict.fromkeys(name for routes in warnings for name in routes))


def is_too_soon(failed: Incident, policy: Policy, *, now: datetime) -> bool:
    """Is what came to nothing left alone for a while yet?"""
    if failed.closed_at is None:
        return False
    rest = RETRY_AFTER.get(failed.verb, HOUR)
    if policy.budget and failed.mode is Mode.ENFORCE:
        return False  # a limit does not wait; what fails again and again opens the breaker
    if failed.mode is Mode.APPROVE:
        rest = max(rest, policy.approval.expires)
    return now - failed.closed_at < rest


def end_of_wait(incident: Incident, policy: Policy) -> datetime:
    """Give the end of the wait that *incident* is in: the later stages' waits come after it."""
    due = incident.acts_at or _after_waits(policy, incident.stage, incident.entered_at)
    return due - _waits(policy, incident.stage + 1)


def _after_waits(policy: Policy, stage: int, at: datetime) -> datetime:
    """Give the end of the waits from *stage* on, begun *at*; one `within` hours stands alone."""
    for step in policy.steps[stage:]:
        at = elapsed_within(step.within, at, step.wait_for)
    return at


def _waits(policy: Policy, stage: int) -> timedelta:
    """Sum the waits from *stage* on."""
    return sum((each.wait_for for each in policy.steps[stage:]), timedelta(0))


def released(incident: Incident, *, now: datetime) -> Incident:
    """Let it go on; the time it was held for want of evidence is no grace.

    Nor is it where the warning is not heard of yet: its grace begins now at the earliest.
    """
    acts_at, entered_at = incident.acts_at, incident.entered_at
    if incident.held_since is not None and acts_at is not None:
        acts_at += now - incident.held_since
    elif incident.held_since is not None and incident.state is IncidentState.WARNED:
        entered_at = now
    return replace(
        incident,
        acts_at=acts_at,
        entered_at=entered_at,
        held_since=None,
        held_told_at=None,
        held_by=incident.held_by if incident.held_by in KEPT else None,
    )
