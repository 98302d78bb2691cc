"""The one line a verdict says of itself, and the facts it rests on."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from firewarden.decide.seen import Seen
from firewarden.model.verdict import Truth
from firewarden.policy.durations import format_duration
from firewarden.policy.rules import Policy


def reason_of(seen: Seen, policy: Policy, truth: Truth, unknown: str) -> str:
    """Say in a few words what a person would want to know first, e.g. ``idle 52m``."""
    if truth is Truth.UNKNOWN:
        return f"unknown: {unknown}"
    if truth is Truth.FALSE:
        return ""
    if not policy.rests_on_a_look:
        return _clock_or_limit(seen, policy)
    if policy.when.failed_for is not None:
        return "failed"
    if policy.when.starting_for is not None:
        return "starting for too long"
    return _use(seen, policy)


def _clock_or_limit(seen: Seen, policy: Policy) -> str:
    if policy.budget:
        return seen.situation.caps.called[seen.uid, policy.name].reason
    now = [each.name for each in policy.during if each.holds(seen.now)]
    if now:
        return f"in {' and '.join(now)}"
    return f"soon in {' or '.join(each.name for each in policy.during)}"


def _use(seen: Seen, policy: Policy) -> str:
    if seen.deployment.ready_replica_count == 0:
        since = seen.situation.ages.at_zero_since(seen.uid)
        return "at zero" if since is None else f"at zero {format_duration(seen.now - since)}"
    stretch, _, _ = seen.stretch(policy.require_data.fresh_within)
    if stretch is None:
        return f"{seen.deployment.gpu_count} GPUs, use unknown"
    return f"idle {format_duration(stretch)}" if stretch else "in use"


def evidence_of(seen: Seen) -> Mapping[str, str]:
    """List the facts a verdict rests on; any of them moved means that it must be made anew."""
    deployment, quiet = seen.deployment, seen.quiet
    return {
        "uid": seen.uid,
        "state": deployment.state,
        "min_replica_count": str(deployment.min_replica_count),
        "max_replica_count": str(deployment.max_replica_count),
        "scale_to_zero_window": _span(deployment.scale_to_zero_window),
        "desired_replica_count": str(deployment.desired_replica_count),
        "ready_replica_count": str(deployment.ready_replica_count),
        "gpu_count": str(deployment.gpu_count),
        "updated_at": _instant(deployment.updated_at),
        "use": quiet.use.value,
        "quiet_since": _instant(quiet.quiet_since),
        "active_at": _instant(quiet.active_at),
    }


def _span(span: timedelta | None) -> str:
    return "" if span is None else f"{span.total_seconds():.0f}s"


def _instant(at: datetime | None) -> str:
    return "" if at is None else at.astimezone(UTC).isoformat()
