"""How many of those that are due may go now; the longest due go first."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial

from firewarden.decide.caps import Caps
from firewarden.decide.docket import DAY, HOUR, Docket
from firewarden.decide.situation import Situation
from firewarden.model.ids import PolicyName
from firewarden.model.verdict import Incident
from firewarden.model.vocabulary import Mode
from firewarden.policy.limits import Limits, OnExceed
from firewarden.policy.rules import Policy


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

    Windows are rolling and exclude an attempt exactly an hour, or a day, old; attempts since
    the listing that this cycle looks at belong to this cycle. All policies together may do as
    much as the most generous of them alone; what a budget stops counts in that, and is held by
    the limits of its own alone: it is one decision about one scope. A share of the fleet rounds
    down, and never below 1. Where more is due than a policy with ``on_exceed: hold`` may do, none
    of its own goes. Calls and the rehearsals of policies that only observe are counted apart.
    """
    books = {
        is_real: _Books(_attempts(docket, situation, is_real=is_real), policies, situation)
        for is_real in (True, False)
    }
    for incident in due:
        books[is_real(incident)].wanted[incident.policy] += 1
    go, wait = [], []
    for incident in sorted(due, key=partial(_turn, situation.caps)):
        if limit := books[is_real(incident)].take(incident.policy):
            wait.append((incident, limit))
        else:
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
    """What has been attempted in this cycle, in the last hour and in the last day, by policy."""

    def __init__(
        self,
        attempts: Iterator[tuple[PolicyName, datetime]],
        policies: Mapping[PolicyName, Policy],
        situation: Situation,
    ) -> None:
        now, looked_at = situation.now, situation.fleet.answered_at
        fleet = situation.fleet.deployments.values()
        self._policies = policies
        self._size = sum(one.ready_replica_count > 0 for one in fleet)
        self._cycle: Counter[PolicyName] = Counter()
        self._hour: Counter[PolicyName] = Counter()
        self._day: Counter[PolicyName] = Counter()
        for policy, at in attempts:
            self._cycle[policy] += at >= looked_at
            self._hour[policy] += at > now - HOUR
            self._day[policy] += at > now - DAY
        self._all_or_none: dict[PolicyName, str] = {}
        self.wanted: Counter[PolicyName] = Counter()

    def take(self, policy: PolicyName) -> str:
        """Note one more of *policy*, or name the limit that it would break; "" where none."""
        if self._policies[policy].limits.on_exceed is OnExceed.TRICKLE:
            return self._book(policy, 1)
        if policy not in self._all_or_none:
            self._all_or_none[policy] = self._book(policy, self.wanted[policy])
        return self._all_or_none[policy]

    def _book(self, policy: PolicyName, count: int) -> str:
        """Note *count* more of *policy* if no limit is broken by them; else name the limit."""
        limits, counters = self._policies[policy].limits, (self._cycle, self._hour, self._day)
        if own := self._broken(limits, [each[policy] + count for each in counters]):
            return own
        if not self._policies[policy].budget:
            together = [each.total() + count for each in counters]
            if whole := self._broken(self._generous(), together):
                return f"all policies together: {whole}"
        for each in counters:
            each[policy] += count
        return ""

    def _generous(self) -> Limits:
        """Give the limits of all policies together; where one has no limit a day, all have none."""
        of_all = [
            one.limits
            for one in self._policies.values()
            if one.mode is not Mode.DISABLED and not one.budget
        ]
        days = [limits.per_day for limits in of_all if limits.per_day is not None]
        return Limits(
            per_cycle=max(limits.per_cycle for limits in of_all),
            per_hour=max(limits.per_hour for limits in of_all),
            per_day=max(days) if len(days) == len(of_all) else None,
            share_per_hour=max(limits.share_per_hour or Decimal(1) for limits in of_all),
        )

    def _broken(self, limits: Limits, counts: Sequence[int]) -> str:
        """Name the first of *limits* that *counts* in a cycle, an hour and a day are above."""
        cycle, hour, day = counts
        if cycle > limits.per_cycle:
            return f"limit of {limits.per_cycle} a cycle"
        if hour > limits.per_hour:
            return f"limit of {limits.per_hour} an hour"
        if limits.share_per_hour is not None:
            share = max(1, int(self._size * limits.share_per_hour))
            if hour > share:
                whole = f"{limits.share_per_hour:.0%} of the fleet an hour"
                return f"limit of {whole} ({share} of {self._size})"
        if limits.per_day is not None and day > limits.per_day:
            return f"limit of {limits.per_day} a day"
        return ""


def _turn(caps: Caps, incident: Incident) -> tuple[object, ...]:
    """Give the order of turns: the longest due, and of those of a budget as its ladder says."""
    due = incident.acts_at or incident.opened_at
    call = caps.called.get((incident.uid, incident.policy))
    rank = call.rank if call else 0
    return due, incident.opened_at, rank, incident.uid, incident.policy
