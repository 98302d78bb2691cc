"""What was done and by whom, what is in motion, what is firing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.console import Group, RenderableType

from firewarden.metering.segments import name_of
from firewarden.model.action import Intent
from firewarden.model.ids import Uid
from firewarden.model.verdict import Incident
from firewarden.model.vocabulary import Severity
from firewarden.report.encode import JsonObject
from firewarden.report.tables import Column, line, make_table
from firewarden.report.text import NOTHING, clock_time, instant_json, plural


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """Whose it is, and as of when."""

    account: str
    timezone: str
    now: datetime

    def at(self, instant: datetime | None) -> str:
        """Write an instant for people."""
        return clock_time(instant, now=self.now, zone=self.timezone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Actions:
    """One page of what was done, the newest first; ``next`` None: there is no more."""

    heading: Heading
    actions: tuple[Intent, ...]
    next: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Incidents:
    """What is in motion, the oldest first."""

    heading: Heading
    incidents: tuple[Incident, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FiringAlert:
    """One condition that people should know of; ``delivered_at`` None: nobody has heard yet."""

    alert_id: int
    kind: str
    key: str
    severity: Severity
    uid: Uid | None
    text: str
    first_at: datetime
    last_at: datetime
    delivered_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """What is firing, the most severe first."""

    heading: Heading
    alerts: tuple[FiringAlert, ...]


def deployment_of(uid: Uid) -> str:
    """Read the id that people know out of a uid."""
    return name_of(uid).rpartition("/")[2]


def actions_json(found: Actions) -> JsonObject:
    """Give the stable keys of ``actions --json``."""
    return {"actions": [_action_json(each) for each in found.actions], "next": found.next}


def _action_json(intent: Intent) -> JsonObject:
    return {
        "action_id": intent.action_id,
        "deployment_id": deployment_of(intent.uid),
        "verb": intent.verb.value,
        "policy": intent.policy or None,
        "mode": intent.mode.label,
        "outcome": intent.outcome.value,
        "reason": intent.reason,
        "evidence": dict(intent.evidence),
        "planned_at": instant_json(intent.planned_at),
        "finished_at": instant_json(intent.finished_at),
        "actor": intent.actor,
    }


def incidents_json(found: Incidents) -> JsonObject:
    """Give the stable keys of ``incidents --json``."""
    return {"incidents": [_incident_json(each) for each in found.incidents]}


def _incident_json(incident: Incident) -> JsonObject:
    return {
        "deployment_id": deployment_of(incident.uid),
        "policy": incident.policy,
        "state": incident.state.value,
        "opened_at": instant_json(incident.opened_at),
        "acts_at": instant_json(incident.acts_at),
        "held_by": None if incident.held_by is None else incident.held_by.value,
    }


def alerts_json(found: Alerts) -> JsonObject:
    """Give the stable keys of ``alerts --json``."""
    return {"alerts": [_alert_json(each) for each in found.alerts]}


def _alert_json(alert: FiringAlert) -> JsonObject:
    return {
        "alert_id": alert.alert_id,
        "kind": alert.kind,
        "key": alert.key,
        "severity": alert.severity.value,
        "deployment_id": None if alert.uid is None else deployment_of(alert.uid),
        "text": alert.text,
        "first_at": instant_json(alert.first_at),
        "last_at": instant_json(alert.last_at),
        "delivered_at": instant_json(alert.delivered_at),
    }


_ACTIONS = (
    Column(name="id", number=True),
    Column(name="planned"),
    Column(name="deployment"),
    Column(name="verb"),
    Column(name="outcome"),
    Column(name="policy"),
    Column(name="reason"),
    Column(name="actor", shrink=True),
)
_INCIDENTS = (
    Column(name="deployment"),
    Column(name="policy"),
    Column(name="state"),
    Column(name="since"),
    Column(name="verb"),
    Column(name="acts"),
    Column(name="held by"),
    Column(name="reason"),
)
_ALERTS = (
    Column(name="severity"),
    Column(name="since"),
    Column(name="kind"),
    Column(name="told"),
    Column(name="what"),
)


def actions_view(found: Actions) -> RenderableType:
    """Lay the audit out for people, the newest first."""
    rows = [_action_row(each, found.heading) for each in found.actions]
    more = f"older ones: `firewarden actions --before {found.next}`" if found.next else ""
    counted = plural(len(rows), "action") + (" and more" if found.next else "")
    return _laid_out(found.heading, counted, _ACTIONS, rows, after=more)


def _action_row(intent: Intent, heading: Heading) -> tuple[str, ...]:
    outcome = f"{intent.outcome.value}: {intent.detail}" if intent.detail else intent.outcome.value
    return (
        str(intent.action_id),
        heading.at(intent.planned_at),
        deployment_of(intent.uid),
        intent.verb.value,
        outcome,
        intent.policy or NOTHING,
        intent.reason,
        intent.actor,
    )


def incidents_view(found: Incidents) -> RenderableType:
    """Lay out for people what is in motion and when it acts."""
    rows = [_incident_row(each, found.heading) for each in found.incidents]
    return _laid_out(found.heading, plural(len(rows), "incident"), _INCIDENTS, rows)


def _incident_row(incident: Incident, heading: Heading) -> tuple[str, ...]:
    return (
        deployment_of(incident.uid),
        f"{incident.policy} ({incident.mode.label})",
        incident.state.value,
        heading.at(incident.opened_at),
        incident.verb.value,
        heading.at(incident.acts_at),
        NOTHING if incident.held_by is None else incident.held_by.value,
        incident.reason,
    )


def alerts_view(found: Alerts) -> RenderableType:
    """Lay out for people what is firing."""
    rows = [
        (
            each.severity.value,
            found.heading.at(each.first_at),
            each.kind,
            "not yet" if each.delivered_at is None else found.heading.at(each.delivered_at),
            each.text,
        )
        for each in found.alerts
    ]
    return _laid_out(found.heading, f"{plural(len(rows), 'alert')} firing", _ALERTS, rows)


def _laid_out(
    heading: Heading,
    counted: str,
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    *,
    after: str = "",
) -> RenderableType:
    parts: list[RenderableType] = [line(f"{heading.account}: {counted}", style="bold")]
    if rows:
        parts.append(make_table(columns, rows))
    if after:
        parts.append(line(after))
    return Group(*parts)
