"""Whom a budget stops, and when: the longest idle first, and no more than its limit calls for.

A budget that stops early acts when ``spent + most it can burn x T_stop`` reaches its limit:
whatever the scope does in the time that stopping takes, it stays below. ``T_stop`` is
`time_to_stop`; the most that can burn are the ceilings of the scope, for it may grow meanwhile.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import cached_property

from firewarden.decide.budget import Standing
from firewarden.decide.caps import Call
from firewarden.decide.deeds import Deeds
from firewarden.decide.guards import Guards
from firewarden.decide.scoped import DRAIN, Member, members
from firewarden.decide.situation import Situation
from firewarden.metering.spending import hours_in
from firewarden.metering.stop_early import time_to_reach, time_to_stop
from firewarden.model.action import Outcome
from firewarden.model.vocabulary import First, Mode, Verb
from firewarden.policy.money import Rung
from firewarden.policy.rules import Policy

JITTER = Decimal("1.25")
"""Of the interval of polls: so late the next one may begin."""

ANSWERED_WITHIN = timedelta(seconds=10)
LATENCY_AT_LEAST = timedelta(seconds=30)
"""How long an action takes to have an effect, where none has been measured that took longer."""

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Ladder:
    """One rung of one budget for one of its values, in one cycle."""

    standing: Standing
    rung: Rung
    policy: Policy
    situation: Situation
    guards: Guards

    @cached_property
    def scope(self) -> tuple[Member, ...]:
        """All that the budget is about."""
        return tuple(members(self.standing, self.situation))

    @cached_property
    def takeable(self) -> tuple[Member, ...]:
        """What this rung may touch, whether or not anything is left to be done about it."""
        return tuple(one for one, why in self.sifted if not why)

    @cached_property
    def sifted(self) -> tuple[tuple[Member, str], ...]:
        """The scope, each with why this rung may not touch it; "": it may."""
        return tuple((one, one.out_of_reach(self.policy, self.guards)) for one in self.scope)

    @property
    def target(self) -> Decimal:
        """What must not be passed, or begins it: the share of the limit."""
        return self.rung.at * self.standing.limit

    @cached_property
    def spent_high(self) -> Decimal:
        """The most that can have been spent by now: the ledger is a poll or more behind."""
        known = self.standing.known_until
        behind = timedelta(0) if known is None else max(self.situation.now - known, timedelta(0))
        return self.standing.high + sum((one.exposure(behind) for one in self.scope), Decimal(0))

    @property
    def is_reached(self) -> bool:
        """Is it time?

        An edit that puts a limit below what is spent stops nothing in the window it is made in.
        """
        if self.standing.known_until is None or not self.is_armed:
            return False
        if not self.standing.budget.stop_early:
            return self.standing.spent >= self.target
        return self.spent_high + self._exposed(self.scope) >= self.target

    @property
    def is_armed(self) -> bool:
        """Was it not passed already when somebody wrote it, or raised how far it may go?"""
        before = self.standing.spent_at_edit
        return before is None or before < self.target

    def taken(self) -> tuple[Member, ...]:
        """Choose whom to take: in order, until what is left fits the limit.

        Where the provider's bill contradicts the ledger, it is no more than half of the scope.
        """
        wanted = [one for one in self.takeable if one.would_change(self.policy)]
        if self.rung.verb is Verb.HOLD_GROWTH:
            return tuple(wanted)
        taken: list[Member] = []
        for one in sorted(wanted, key=_ORDERS[self.rung.first]):
            if self._fits(taken) or not self._is_believed([*taken, one]):
                break
            taken.append(one)
        return tuple(taken)

    def _is_believed(self, taken: Sequence[Member]) -> bool:
        """Is what is spent sure enough for *taken*: not contradicted, or no more than half?"""
        if self.standing.disputed is None:
            return True
        return 2 * _burn(taken) <= _burn(one for one in self.scope if not one.is_leaving)

    def _fits(self, taken: Sequence[Member]) -> bool:
        """Does the limit hold without *taken*: to the window's end, and while they are stopped?"""
        gone = {one.deployment.uid for one in taken}
        left = [one for one in self.scope if one.deployment.uid not in gone and not one.is_leaving]
        burn = _burn(left)
        standing = self.standing
        if standing.budget.rolling is not None:
            return burn * hours_in(standing.budget.rolling) <= standing.limit
        to_come = burn * hours_in(max(standing.window.until - standing.now, timedelta(0)))
        if standing.spent + to_come > standing.limit:
            return False
        if not standing.budget.stop_early:
            return True
        most = max(self.target, standing.limit)
        leaving = [one for one in self.scope if one.is_leaving]
        going = sum((one.most * hours_in(self._t_act) for one in taken), Decimal(0))
        return self.spent_high + going + self._exposed([*left, *leaving]) < most

    def _exposed(self, scope: Sequence[Member]) -> Decimal:
        return sum((one.exposure(self.t_stop) for one in scope), Decimal(0))

    @cached_property
    def t_stop(self) -> timedelta:
        """How long the scope may go on after a look that did not call for a stop."""
        return time_to_stop(
            poll=self._poll,
            latency=_latency(self.situation.deeds),
            drain=DRAIN,
            limits=self._limits,
            approval=self.rung.expires if self.asks else timedelta(0),
        )

    @property
    def _t_act(self) -> timedelta:
        return self.t_stop - 2 * self._poll

    @property
    def _poll(self) -> timedelta:
        every = self.situation.poll_every
        return timedelta(seconds=float(JITTER) * every.total_seconds()) + ANSWERED_WITHIN

    @cached_property
    def _limits(self) -> timedelta:
        since = self.situation.now - _HOUR
        lately = sum(
            name == self.policy.name and at > since
            for name, at, _ in self.situation.deeds.attempts()
        )
        return time_to_reach(
            len(self.takeable) + lately,
            per_cycle=self.policy.limits.per_cycle,
            per_hour=self.policy.limits.per_hour,
            cycle=self._poll,
        )

    @property
    def asks(self) -> bool:
        """A person is asked before it acts."""
        return self.mode is Mode.APPROVE

    @property
    def mode(self) -> Mode:
        """How far it goes, under the ceiling of all."""
        return min(self.policy.mode, self.situation.ceiling)

    @property
    def call(self) -> Call:
        """What is said of each deployment that it takes."""
        standing = self.standing
        used = f"{standing.subject} used {standing.share:.0%} of {standing.limit:,.2f}"
        reason = f"{used} {standing.unit} in {standing.window.label}"
        if standing.budget.stop_early and standing.spent < self.target:
            reason = f"{reason} and would pass its limit while it is stopped"
        rolls = standing.budget.rolling is not None
        until = None if rolls else standing.window.until
        return Call(reason=reason, since=standing.window.since, until=until)


def _burn(scope: Iterable[Member]) -> Decimal:
    return sum((one.now for one in scope), Decimal(0))


def _longest_idle(one: Member) -> tuple[object, ...]:
    since = one.idle_since()
    return since is None, since or one.deployment.created_at, -one.now, one.deployment.uid


def _most_expensive(one: Member) -> tuple[object, ...]:
    return -one.now, -one.most, one.deployment.uid


def _newest(one: Member) -> tuple[object, ...]:
    return -one.deployment.created_at.timestamp(), one.deployment.uid


_ORDERS: Mapping[First, Callable[[Member], tuple[object, ...]]] = {
    First.LONGEST_IDLE: _longest_idle,
    First.MOST_EXPENSIVE: _most_expensive,
    First.NEWEST: _newest,
}


def _latency(deeds: Deeds) -> timedelta:
    """Tell how long the slowest action took that is remembered, from its intent to its answer."""
    took = (
        each.finished_at - each.planned_at
        for each in deeds.intents.values()
        if each.outcome is Outcome.APPLIED and each.finished_at is not None
    )
    return max((LATENCY_AT_LEAST, *took))
