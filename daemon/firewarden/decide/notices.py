"""What people are told of an incident, in one plain line each."""

from datetime import UTC, datetime

from firewarden.decide.seen import Seen
from firewarden.decide.situation import Situation
from firewarden.decide.worth import usd
from firewarden.model.ids import Uid
from firewarden.model.notice import Notice, Severity
from firewarden.model.verdict import Incident, Verb
from firewarden.policy.durations import format_duration
from firewarden.policy.rules import EFFECTS, Policy
from firewarden.policy.schema import When

_DONE = {Verb.SCALE_TO_ZERO: "scaled to zero", Verb.WARN: "told about"}


def warned(incident: Incident, policy: Policy, situation: Situation) -> Notice:
    """Say what would happen, and when."""
    told = f"{_subject(incident, situation)}: {incident.reason}, {_size(incident)}"
    if incident.verb in EFFECTS and incident.acts_at is not None:
        told += f"; would be {_DONE[incident.verb]} at {_clock(incident.acts_at)}"
    kind = "idle.warn" if incident.verb in EFFECTS else _kind_of(policy.when)
    return _notice(incident, situation, kind, f"{told} [{incident.policy}]")


def acted(incident: Incident, situation: Situation) -> Notice:
    """Say what would have been done now."""
    told = (
        f"{_subject(incident, situation)}: would be {_DONE[incident.verb]} now, "
        f"{incident.reason}, {_size(incident)} [{incident.policy}]"
    )
    return _notice(incident, situation, "idle.acted", told, resolved=True)


def cancelled(incident: Incident, situation: Situation) -> Notice:
    """Say why it is left alone."""
    told = f"{_subject(incident, situation)}: left alone, {incident.closed_because}"
    return _notice(
        incident, situation, "idle.cancelled", f"{told} [{incident.policy}]", resolved=True
    )


def held(incident: Incident, situation: Situation) -> Notice:
    """Say that an incident has been held for want of evidence for an hour."""
    since = incident.held_since or situation.now
    by = incident.held_by.value if incident.held_by else "unknown"
    told = (
        f"{_subject(incident, situation)}: held for {format_duration(situation.now - since)} "
        f"by {by}; nothing is judged until it is known again [{incident.policy}]"
    )
    return _notice(incident, situation, "policy.unknown_held", told, severity=Severity.WARN)


def known_again(incident: Incident, situation: Situation) -> Notice:
    """Say that it is no longer held for want of evidence."""
    told = f"{_subject(incident, situation)}: judged again [{incident.policy}]"
    return _notice(incident, situation, "policy.unknown_held", told, resolved=True)


def limited(incident: Incident, limit: str, situation: Situation) -> Notice:
    """Say that more is due under a policy than its limits let through."""
    told = f"more is due than may be done at once: {limit} [{incident.policy}]"
    return _of_account(situation, "policy.limit_hit", incident.policy, told)


def limit_over(policy: str, situation: Situation) -> Notice:
    """Say that nothing waits for a policy's limits any more."""
    told = f"nothing waits for limits any more [{policy}]"
    return _of_account(situation, "policy.limit_hit", policy, told, resolved=True)


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
    used = seen.quiet.active_at
    if used is not None and used >= incident.opened_at:
        return "it is in use again"
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
    story = "held" if kind == "policy.unknown_held" else "incident"
    saves = usd(incident.saves_micro_usd_per_hour)
    return Notice(
        account=situation.fleet.account,
        kind=kind,
        key=f"{story}:{incident.policy}:{incident.uid}:{incident.opened_at.isoformat()}",
        severity=severity,
        at=situation.now,
        text=text,
        uid=incident.uid,
        facts={
            "policy": incident.policy,
            "mode": incident.mode.label,
            "verb": incident.verb.value,
            "reason": incident.reason,
            "gpu_count": str(incident.gpu_count),
            "saves_usd_per_hour": "unpriced" if saves is None else f"{saves:.2f}",
            "acts_at": incident.acts_at.isoformat() if incident.acts_at else "",
        },
        resolved=resolved,
    )


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


def _subject(incident: Incident, situation: Situation) -> str:
    deployment = situation.fleet.deployments.get(incident.uid)
    return _name_in(incident.uid) if deployment is None else deployment.deployment_id


def _name_in(uid: Uid) -> str:
    return uid.rpartition("@")[0].rpartition("/")[2]


def _size(incident: Incident) -> str:
    burn = usd(incident.saves_micro_usd_per_hour)
    gpus = f"{incident.gpu_count} GPU{'' if incident.gpu_count == 1 else 's'}"
    return f"{gpus}, unpriced" if burn is None else f"{gpus}, {burn:.2f} USD/h"


def _clock(at: datetime) -> str:
    return f"{at.astimezone(UTC):%H:%M} UTC"
