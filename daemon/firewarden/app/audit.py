"""What `actions`, `incidents` and `alerts` say, from the ledger alone."""

from datetime import timedelta

from firewarden.app.periods import find_zone, read_when
from firewarden.app.queries import Ledger
from firewarden.model.vocabulary import Severity
from firewarden.report.audit import Actions, Alerts, FiringAlert, Heading, Incidents
from firewarden.store import incidents, intents, notices

SINCE = timedelta(days=30)
_SEVERITIES = list(Severity)


def read_actions(ledger: Ledger, *, since: str | None, before: int | None, limit: int) -> Actions:
    """Read the newest *limit* actions of the last 30 days, or *since*; *before* goes on there.

    Raises:
        UserError: *since* is no instant.
    """
    begin = ledger.now - SINCE
    if since is not None:
        zone = find_zone(ledger.timezone)
        begin = read_when(since, now=ledger.now, zone=zone, option="--since")
    found = intents.read_actions(
        ledger.session, ledger.account, since=begin, before=before, limit=limit + 1
    )
    shown = found[:limit]
    return Actions(
        heading=_heading(ledger),
        actions=shown,
        next=shown[-1].action_id if len(found) > limit else None,
    )


def read_incidents(ledger: Ledger) -> Incidents:
    """Read what is in motion, the oldest first."""
    found = incidents.read_open(ledger.session, ledger.account)
    return Incidents(heading=_heading(ledger), incidents=found)


def read_alerts(ledger: Ledger) -> Alerts:
    """Read what is firing, the most severe first, and then the oldest."""
    found = notices.read_firing(ledger.session, ledger.account)
    firing = [
        FiringAlert(
            alert_id=each.number,
            kind=each.notice.kind,
            key=each.notice.key,
            severity=each.notice.severity,
            uid=each.notice.uid,
            text=each.notice.text,
            first_at=each.first_at,
            last_at=each.notice.at,
            delivered_at=each.delivered_at,
        )
        for each in found
    ]
    firing.sort(key=lambda each: -_SEVERITIES.index(each.severity))
    return Alerts(heading=_heading(ledger), alerts=tuple(firing))


def _heading(ledger: Ledger) -> Heading:
    return Heading(account=ledger.account, timezone=ledger.timezone, now=ledger.now)
