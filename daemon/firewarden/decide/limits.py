"""How many of those that are due may go now; the longest due go first."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from firewarden.decide.docket import HOUR, Docket
from firewarden.decide.situation import Situation
from firewarden.model.ids import PolicyName
from firewarden.model.verdict import Incident, Mode
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

    Windows are rolling and exclude an attempt exactly an hour old; attempts since the listing
    that this cycle looks at belong to this cycle. All policies together may do as much as the
    most generous of them alone. A share of the fleet rounds down, and never below 1. Where
    more is due than a policy with ``on_exceed: hold`` may do, none of its own goes. Calls and
    the rehearsals of policies that only observe are counted apart.
    """
    books = {
        is_real: _Books(_attempts(docket, situation, is_real=is_real), policies, situation)
        for is_real in (True, False)
    }
    for incident in due:
        books[is_real(incident)].wanted[incident.policy] += 1
    go, wait = [], []
    for incident in sorted(due, key=_longest_due):
        book = books[is_real(incident)]
        if limit := book.limit_on(incident.policy):
            wait.append((incident, limit))
        else:
            book.attempted[incident.policy] += 1
            go.append(incident)
    return Passed(go=tuple(go), wait=tuple(wait))


def is_real(incident: Incident) -> bool:
    """Will its effect be a call, and not only a line in the ledger?"""
    return incident.mode >= Mode.APPROVE


def _attempts(
    docket: Docket, situation: Situation, *, is_real: bool
) -> Iterator[tuple[PolicyName, datetime]]:
    if is_real:
        return ((policy, at) for policy, at, _ in situation.deeds.attempts())
    return ((policy, at) for policy, times in docket.rehearsals.items() for at in times)


class _Books:
    """What has been attempted in this cycle and in the last hour, by policy."""

    def __init__(
        self,
        attempts: Iterator[tuple[PolicyName, datetime]],
        policies: Mapping[PolicyName, Policy],
        situation: Situation,
    ) -> None:
        since, looked_at = situation.now - HOUR, situation.fleet.answered_at
        fleet = situation.fleet.deployments.values()
        self._policies = policies
        self._size = sum(one.ready_replica_count > 0 for one in fleet)
        self._hour: Counter[PolicyName] = Counter()
        self._cycle: Counter[PolicyName] = Counter()
        for policy, at in attempts:
            self._hour[policy] += at > since
            self._cycle[policy] += at >= looked_at
        self.attempted: Counter[PolicyName] = Counter()
        self.wanted: Counter[PolicyName] = Counter()

    def limit_on(self, policy: PolicyName) -> str:
        """Name the limit that one more of *policy* would break; "" where none."""
        limits, done = self._policies[policy].limits, self.attempted[policy]
        if limits.on_exceed is OnExceed.HOLD:
            done = self.wanted[policy] - 1
        if own := self._broken(limits, self._cycle[policy] + done, self._hour[policy] + done):
            return own
        done = self.attempted.total()
        whole = self._broken(
            self._generous(), self._cycle.total() + done, self._hour.total() + done
        )
        return f"all policies together: {whole}" if whole else ""

    def _generous(self) -> Limits:
        all_limits = [policy.limits for policy in self._policies.values()]
        return Limits(
            per_cycle=max(limits.per_cycle for limits in all_limits),
            per_hour=max(limits.per_hour for limits in all_limits),
            share_per_hour=max(limits.share_per_hour for limits in all_limits),
        )

    def _broken(self, limits: Limits, cycle: int, hour: int) -> str:
        share = max(1, int(self._size * limits.share_per_hour))
        if cycle >= limits.per_cycle:
            return f"limit of {limits.per_cycle} a cycle"
        if hour >= limits.per_hour:
            return f"limit of {limits.per_hour} an hour"
        if hour >= share:
            whole = f"{limits.share_per_hour:.0%} of the fleet an hour"
            return f"limit of {whole} ({share} of {self._size})"
        return ""


def _longest_due(incident: Incident) -> tuple[object, ...]:
    due = incident.acts_at or incident.opened_at
    return due, incident.opened_at, incident.uid, incident.policy
