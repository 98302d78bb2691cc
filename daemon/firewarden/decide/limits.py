"""How many of those that are due may go now; the longest due go first."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from firewarden.decide.docket import HOUR, Docket
from firewarden.decide.situation import Situation
from firewarden.model.ids import PolicyName
from firewarden.model.verdict import Incident
from firewarden.policy.rules import Limits, OnExceed, Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """Who goes now, and who waits for the limits, with the limit that says so."""

    go: tuple[Incident, ...]
    wait: tuple[tuple[Incident, str], ...]


def let_through(
    due: Sequence[Incident],
    policies: Mapping[PolicyName, Policy],
    docket: Docket,
    situation: Situation,
) -> Passed:
    """Hold *due* to the limits of each policy, and of all together.

    Windows are rolling and exclude an attempt exactly an hour old. All policies together
    may do as much as the most generous of them alone. A share of the fleet rounds down, and
    never below 1. Where more is due than a policy with ``on_exceed: hold`` may do, none of
    its own goes.
    """
    size = sum(one.ready_replica_count > 0 for one in situation.fleet.deployments.values())
    used = docket.attempts_since(situation.now - HOUR)
    generous = _most([policy.limits for policy in policies.values()])
    wanted = Counter(incident.policy for incident in due)
    counts: Counter[PolicyName] = Counter()
    go, wait = [], []
    for incident in sorted(due, key=_longest_due):
        limits = policies[incident.policy].limits
        name = incident.policy
        held = _held(limits, size, cycle=counts[name], hour=used.get(name, 0) + counts[name])
        if not held and limits.on_exceed is OnExceed.HOLD:
            everything = used.get(name, 0) + wanted[name]
            held = _held(limits, size, cycle=wanted[name] - 1, hour=everything - 1)
        if not held:
            whole = sum(used.values()) + counts.total()
            held = _held(generous, size, cycle=counts.total(), hour=whole)
            held = f"all policies together: {held}" if held else ""
        if held:
            wait.append((incident, held))
        else:
            counts[name] += 1
            go.append(incident)
    return Passed(go=tuple(go), wait=tuple(wait))


def _held(limits: Limits, size: int, *, cycle: int, hour: int) -> str:
    """Name the limit that one more would break; "" where none."""
    share = max(1, int(size * limits.share_per_hour))
    if cycle >= limits.per_cycle:
        return f"limit of {limits.per_cycle} a cycle"
    if hour >= limits.per_hour:
        return f"limit of {limits.per_hour} an hour"
    if hour >= share:
        return f"limit of {limits.share_per_hour:.0%} of the fleet an hour ({share} of {size})"
    return ""


def _most(all_limits: Sequence[Limits]) -> Limits:
    return Limits(
        per_cycle=max(limits.per_cycle for limits in all_limits),
        per_hour=max(limits.per_hour for limits in all_limits),
        share_per_hour=max(limits.share_per_hour for limits in all_limits),
    )


def _longest_due(incident: Incident) -> tuple[object, ...]:
    return (
        incident.acts_at or incident.opened_at,
        incident.opened_at,
        incident.uid,
        incident.policy,
    )
