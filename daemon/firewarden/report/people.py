"""What commands tell people about what they asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.console import Group, RenderableType

from firewarden.model.action import Bounds, Intent
from firewarden.model.deployment import Deployment
from firewarden.model.people import Request
from firewarden.report.audit import deployment_of
from firewarden.report.tables import line
from firewarden.report.text import clean, duration, plural


@dataclass(frozen=True, slots=True, kw_only=True)
class Restoration:
    """One deployment whose bounds from before our changes can be put back.

    Attributes:
        before: what it goes back to: the bounds from before the oldest change that stands.
        newest: the newest change that stands.
    """

    deployment: Deployment
    before: Bounds
    newest: Intent


def outcome_line(request: Request) -> str:
    """Say what became of one request."""
    outcome = "open" if request.outcome is None else request.outcome.value
    detail = f": {request.detail}" if request.detail else ""
    return clean(f"{_subject(request)}: {request.verb.value} {outcome}{detail}")


def _subject(request: Request) -> str:
    if request.uid is None:
        return f"request {request.request_id}"
    return deployment_of(request.uid)


def restorations_view(
    account: str, restorations: Sequence[Restoration], *, now: datetime
) -> RenderableType:
    """Lay out what would be put back: the bounds of each deployment, and why they are others."""
    title = f"{account}: {plural(len(restorations), 'deployment')} to restore"
    return Group(
        line(title, style="bold"),
        *(line(_restoration_line(each, now=now)) for each in restorations),
    )


def _restoration_line(one: Restoration, *, now: datetime) -> str:
    deployment, before = one.deployment, one.before
    least = f"{deployment.min_replica_count}→{before.min_replica_count}"
    most = f"{deployment.max_replica_count}→{before.max_replica_count}"
    ago = duration(now - one.newest.planned_at)
    return (
        f"+ {deployment.deployment_id}  min {least}  max {most} replicas  "
        f"{one.newest.verb.value} {ago} ago [{one.newest.policy or one.newest.actor}]"
    )
