"""What people are told of an incident, in one plain line each."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from firewarden.decide.limits import is_real
from firewarden.decide.seen import Seen
from firewarden.decide.situation import Situation
from firewarden.decide.worth import usd
from firewarden.model.ids import Uid
from firewarden.model.notice import Notice
from firewarden.model.verdict import Incident
from firewarden.model.vocabulary import Blocker, Mode, Severity, Verb
from firewarden.policy.durations import format_duration
from firewarden.policy.money import is_rung
from firewarden.policy.rules import EFFECTS, STOPS, Policy
from firewarden.policy.schema import When

_DONE = {
    Verb.WARN: "told about",
    Verb.SCALE_TO_ZERO: "scaled to zero",
    Verb.PARK: "parked",
    Verb.SET_AUTOSCALING: "given other bounds",
    Verb.HOLD_GROWTH: "kept from growing",
    Verb.DELETE: "deleted",
}


def story_of(incident: Incident) -> str:
    """Name the story that every message about *incident* belongs to."""
    return f"incident:{incident.policy}:{incident.uid}:{incident.opened_at.isoformat()}"


def warned(incident: Incident, policy: Policy, situation: Situation) -> Notice:
    """Say what will happen, or would, and when."""
    told = f"{_subject(incident, situation)}: {incident.reason}, {_size(incident, situation)}"
    facts: dict[str, str] = {}
    if incident.verb in EFFECTS:
        wait = policy.grace
        due = incident.acts_at or situation.now + wait
        facts = {"waits_seconds": f"{wait.total_seconds():.0f}", "acts_at": due.isoformat()}
        told = f"{told}; {_outlook(incident)} at {_clock(due)}{_condition(incident)}"
        kind = "idle.warn"
    else:
        kind = _kind_of(policy.when)
    notice = _notice(incident, situation, kind, f"{told} [{incident.policy}]")
    # What only tells is over once it is told: nothing would ever say that it is.
    return replace(_adding(notice, facts), once=incident.verb not in EFFECTS)


def acted(
    incident: Incident, situation: Situation, *, facts: Mapping[str, str] | None = None
) -> Notice:
    """Say what was done, or would have been."""
    done = "" if is_real(incident) else "would be "
    told = (
        f"{_subject(incident, situation)}: {done}{_DONE[incident.verb]} now, "
        f"{incident.reason}, {_size(incident, situation)} [{incident.policy}]"
    )
    notice = _notice(incident, situation, "idle.acted", told, resolved=True)
    return _adding(notice, facts or {})


def failed(incident: Incident, because: str, situation: Situation) -> Notice:
    """Say that an effect did not come about, or not for sure: somebody has to look."""
    told = (
        f"{_subject(incident, situation)}: was to be {_DONE[incident.verb]}, and {because} "
        f"[{incident.policy}]"
    )
    return _notice(incident, situation, "action.failed", told, severity=Severity.PAGE)


def refused(incident: Incident, because: str, situation: Situation) -> Notice:
    """Say that the provider would not, which is its right: nothing has to be mended."""
    told = f"{_subject(incident, situation)}: left alone, {because} [{incident.policy}]"
    return _notice(incident, situation, "idle.cancelled", told, resolved=True)


def approval_needed(incident: Incident, policy: Policy, situation: Situation) -> Notice:
    """Ask for the approval that an effect waits for."""
    until = incident.entered_at + policy.approval.expires
    told = (
        f"{_subject(incident, situation)}: approval needed by {_clock(until)} to have it "
        f"{_DONE[incident.verb]}, {incident.reason}, {_size(incident, situation)} "
        f"[{incident.policy}]"
    )
    facts = {"approve_by": until.isoformat(), "may_approve": ", ".join(policy.approval.by)}
    notice = _notice(incident, situation, "action.pending", told, severity=Severity.WARN)
    return _adding(notice, facts)


def undelivered(incident: Incident, situation: Situation) -> Notice:
    """Say that a warning reached nobody, so that nothing is done."""
    told = (
        f"{_subject(incident, situation)}: its warning reached nobody, so it is not "
        f"{_DONE[incident.verb]} [{incident.policy}]"
    )
    notice = _notice(incident, situation, "delivery.undelivered", told, severity=Severity.WARN)
    return replace(notice, key=f"undelivered:{notice.key}")


def delivered_again(incident: Incident, situation: Situation) -> Notice:
    """Say that the warning has been delivered after all."""
    told = f"{_subject(incident, situation)}: its warning was delivered [{incident.policy}]"
    notice = _notice(incident, situation, "delivery.undelivered", told, resolved=True)
    return replace(notice, key=f"undelivered:{notice.key}")


def cancelled(incident: Incident, situation: Situation) -> Notice:
    """Say why it is left alone."""
    told = f"{_subject(incident, situation)}: left alone, {incident.closed_because}"
    return _notice(
        incident, situation, "idle.cancelled", f"{told} [{incident.policy}]", resolved=True
    )


def held(incident: Incident, blocker: Blocker, situation: Situation) -> Notice:
    """Say that an incident has been held for want of evidence for an hour."""
    since = incident.held_since or situation.now
    told = (
        f"{_subject(incident, situation)}: held for {format_duration(situation.now - since)} "
        f"by {blocker.value}; nothing is judged until it is known again [{incident.policy}]"
    )
    return _notice(incident, situation, "policy.unknown_held", told, severity=Severity.WARN)


def known_again(incident: Incident, situation: Situation) -> Notice:
    """Say that it is no longer held for want of evidence."""
    told = f"{_subject(incident, situation)}: judged again [{incident.policy}]"
    return _notice(incident, situation, "policy.unknown_held", told, resolved=True)


def limited(incident: Incident, limit: str, situation: Situation) -> Notice:
    """Say that more is due under a policy than its limits let through."""
    told = f"more is due than may be done at once: {limit} [{incident.policy}]"
    notice = _of_account(situation, "policy.limit_hit", incident.policy, told)
    return replace(notice, quietly=incident.mode <= Mode.OBSERVE)


def limit_over(name: str, policy: Policy | None, situation: Situation) -> Notice:
    """Say that nothing waits for a policy's limits any more; None: nor is it there any more."""
    told = f"nothing waits for limits any more [{name}]"
    notice = _of_account(situation, "policy.limit_hit", name, told, resolved=True)
    mode = situation.ceiling if policy is None else min(policy.mode, situation.ceiling)
    return replace(notice, quietly=mode <= Mode.OBSERVE)


def braked(because: str, situation: Situation) -> Notice:
    """Say that the evidence is doubted."""
    told = f"nothing is judged by it: {because}"
    return _of_account(situation, "policy.brake", "evidence", told)


def brake_over(situation: Situation) -> Notice:
    """Say that the evidence is believed again."""
    told = "the evidence is believed again"
    return _of_account(situation, "policy.brake", "evidence", told, resolved=True)


def recovery(seen: Seen, incident: Incident) -> str:
    """Say in one clause why the conditions hold no longer."""
    if is_rung(incident.policy):
        return "its budget calls for it no longer"
    if incident.held_by in _IN_USE:
        return "it was in use until it was too late"
    return _recovered(seen, incident)


_IN_USE = frozenset({Blocker.REQUESTS_IN_FLIGHT, Blocker.COOLDOWN})


def _recovered(seen: Seen, incident: Incident) -> str:
    used = seen.quiet.active_at
    if used is not None and used >= incident.opened_at:
        return "it is in use again"
    if not incident.gpu_count:  # it was at zero all along
        is_up = seen.deployment.gpu_count + seen.deployment.starting_gpu_count > 0
        return "it is running again" if is_up else "its conditions hold no longer"
    if seen.deployment.ready_replica_count == 0:
        return "no replica is ready any more"
    stretch, because, _ = seen.stretch(seen.situation.poll_every * 10)
    if stretch is None or seen.quiet.quiet_since is None:
        return because or "its evidence has a hole"
    if seen.quiet.quiet_since > incident.opened_at:
        return "the evidence of its quiet was interrupted"
    return "its conditions hold no longer"


def _kind_of(when: When) -> str:
    if when.failed_for is not None:
        return "deployment.failed"
    if when.starting_for is not None:
        return "deployment.stuck_starting"
    if when.provider_deletes_within is not None:
        return "deployment.provider_deletes"
    return "deployment.stale"


def _notice(
    incident: Incident,
    situation: Situation,
    kind: str,
    text: str,
    *,
    severity: Severity = Severity.INFO,
    resolved: bool = False,
) -> Notice:
    story = story_of(incident)
    return Notice(
        account=situation.fleet.account,
        kind=_OF_BUDGETS.get(kind, kind) if is_rung(incident.policy) else kind,
        key=f"held:{story.partition(':')[2]}" if kind == "policy.unknown_held" else story,
        severity=severity,
        at=situation.now,
        text=text,
        uid=incident.uid,
        facts=_facts(incident, situation),
        resolved=resolved,
        quietly=incident.mode <= Mode.OBSERVE,
    )


_OF_BUDGETS = {
    "idle.acted": "budget.action_done",
    "idle.cancelled": "budget.action_cancelled",
    "action.failed": "budget.action_failed",
    "action.pending": "budget.action_pending",
}
"""What is told otherwise where a budget calls for it."""


def _adding(notice: Notice, facts: Mapping[str, str]) -> Notice:
    return replace(notice, facts={**notice.facts, **facts})


def _facts(incident: Incident, situation: Situation) -> Mapping[str, str]:
    saves = usd(incident.saves_micro_usd_per_hour)
    deployment = situation.fleet.deployments.get(incident.uid)
    hardware = {"accelerator_type": deployment.accelerator_type} if deployment else {}
    whose = situation.attributions.of(deployment).said() if deployment else {}
    return {
        **whose,
        **hardware,
        **(_seen_of(Seen(deployment, situation), incident) if deployment else {}),
        "deployment_id": _subject(incident, situation),
        "policy": incident.policy,
        "mode": incident.mode.label,
        "verb": incident.verb.value,
        "reason": incident.reason,
        "gpu_count": str(incident.gpu_count),
        "commitments": _declared(situation),
        "saves_usd_per_hour": "unpriced" if saves is None else f"{saves:.2f}",
        "acts_at": incident.acts_at.isoformat() if incident.acts_at else "",
    }


def _seen_of(seen: Seen, incident: Incident) -> Mapping[str, str]:
    """Say what was seen of its use, and what a stop would begin."""
    facts = {}
    since, until = seen.quiet.quiet_since, seen.quiet.quiet_until
    if since is not None and until is not None and seen.deployment.ready_replica_count:
        facts["evidence"] = (
            f"no request, no token and nothing in flight in any known scrape from "
            f"{since.astimezone(UTC):%Y-%m-%d %H:%M} to {until.astimezone(UTC):%H:%M} UTC"
        )
    if incident.verb is Verb.SCALE_TO_ZERO:
        facts["wakes"] = (
            "a request wakes it; requests get a 503 until a replica is ready, which takes minutes"
        )
    return facts


def _of_account(
    situation: Situation, kind: str, about: str, text: str, *, resolved: bool = False
) -> Notice:
    return Notice(
        account=situation.fleet.account,
        kind=kind,
        key=f"{kind}:{situation.fleet.account}:{about}",
        severity=Severity.WARN,
        at=situation.now,
        text=text,
        resolved=resolved,
    )


def _outlook(incident: Incident) -> str:
    if is_real(incident):
        return f"to be {_DONE[incident.verb]}"
    return f"would be {_DONE[incident.verb]}"


def _condition(incident: Incident) -> str:
    match incident.mode:
        case Mode.WARN:
            return " if this policy were enforced"
        case Mode.APPROVE:
            return ", once approved"
        case _:
            return ""


def _subject(incident: Incident, situation: Situation) -> str:
    deployment = situation.fleet.deployments.get(incident.uid)
    return _name_in(incident.uid) if deployment is None else deployment.deployment_id


def _name_in(uid: Uid) -> str:
    return uid.rpartition("@")[0].rpartition("/")[2]


def _size(incident: Incident, situation: Situation) -> str:
    burn = usd(incident.saves_micro_usd_per_hour)
    gpus = f"{incident.gpu_count} GPU{'' if incident.gpu_count == 1 else 's'}"
    if burn == 0 and incident.verb in EFFECTS - STOPS:  # what it costs goes on
        return gpus
    if burn is None:
        return f"{gpus}, unpriced"
    saves = "saves " if situation.knows_cash else ""
    return f"{gpus}, {saves}{burn:.2f} USD/h"


def _declared(situation: Situation) -> str:
    if situation.margin is None:
        return "unknown"
    return "declared" if situation.margin.is_cash else "minimum_spend"


def _clock(at: datetime) -> str:
    return f"{at.astimezone(UTC):%H:%M} UTC"
