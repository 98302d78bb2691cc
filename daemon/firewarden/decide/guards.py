"""What stands between a verdict and its effect, asked in the one order people are told."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from firewarden.decide import facts
from firewarden.decide.deeds import REVERSALS, ROUNDS_A_DAY
from firewarden.decide.effects import NOTHING, effect_of, saved_micro_usd
from firewarden.decide.protections import (
    Blocked,
    ProtectionList,
    built_in_protection,
    tag_protection,
    unknown_surroundings,
)
from firewarden.decide.seen import Seen
from firewarden.decide.situation import COMPLETE_CYCLES, Situation
from firewarden.decide.worth import usd
from firewarden.model.activity import Use
from firewarden.model.price import MICRO
from firewarden.model.vocabulary import Blocker, Verb
from firewarden.policy.durations import format_duration
from firewarden.policy.rules import STOPS, Policy

COOLDOWN = timedelta(minutes=30)
"""After a wake, nothing is judged idle for so long."""

QUIET_FOR = timedelta(minutes=10)
"""A schedule stops nothing that was used in so long."""

_STALE = 3
"""Intervals after which a listing is too old to act on."""


OF_DATA = frozenset(
    {
        Blocker.SURROUNDINGS_UNKNOWN,
        Blocker.DATA_MISSING,
        Blocker.LISTING_INCOMPLETE,
        Blocker.TOO_FEW_CYCLES,
        Blocker.EVIDENCE_BRAKE,
    }
)
"""Blockers that mean "we do not know": an incident stays where it is, its time stands still."""

PASSING = OF_DATA | {
    Blocker.PAUSED,
    Blocker.BREAKER,
    Blocker.NOT_READY,
    Blocker.COLD_START,
    Blocker.REQUESTS_IN_FLIGHT,
    Blocker.COOLDOWN,
}
"""Blockers that pass by themselves; any other ends an incident."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guards:
    """The guards of one cycle; *brake* says why the evidence is doubted ("": it is not)."""

    protections: ProtectionList
    brake: Callable[[], str]

    def first(self, seen: Seen, policy: Policy, *, unknown: str = "") -> Blocked | None:
        """Find the first blocker; *unknown* says what the verdict does not know, "" if nothing.

        A policy that only warns is held by protection and by missing data, not by what
        protects from an effect.
        """
        asked = self._all(seen, policy, unknown)
        effect = policy.verb is not Verb.WARN
        return next((found for found in asked if effect or found[0] in _HOLD_WARNINGS), None)

    def _all(self, seen: Seen, policy: Policy, unknown: str) -> Iterator[Blocked]:
        if seen.situation.paused:
            yield Blocker.PAUSED, "a person has paused all actions"
        yield from self._protected(seen, policy)
        yield from _overruled(seen, policy)
        yield from _data(seen, policy, unknown)
        yield from _listing(seen.situation)
        if policy.rests_on_use:
            yield from _in_use_by_the_clock(seen, policy) if policy.during else _used(seen)
        if why := seen.situation.deeds.breaker(now=seen.now):
            yield Blocker.BREAKER, why
        if policy.rests_on_a_look and (why := self.brake()):
            yield Blocker.EVIDENCE_BRAKE, why
        if why := _saves_nothing(seen, policy):
            yield Blocker.SAVES_NOTHING, why

    def _protected(self, seen: Seen, policy: Policy) -> Iterator[Blocked]:
        if why := self.protections.find(seen.deployment, now=seen.now):
            yield Blocker.PROTECTED, why
        if why := seen.situation.kept.get(seen.uid, ""):
            yield Blocker.PROTECTED, why
        tagged = tag_protection(seen.deployment.tags, now=seen.now)
        if tagged is not None and tagged[0] is Blocker.PROTECTED:
            yield tagged
        if policy.verb is Verb.WARN:  # none of what follows would hold it
            return
        if (found := built_in_protection(seen, policy.allow, policy.verb)) is not None:
            yield found
        if tagged is not None and policy.verb in STOPS:
            yield tagged
        if (found := unknown_surroundings(seen, policy.allow)) is not None:
            yield found


_HOLD_WARNINGS = frozenset(
    {
        Blocker.PROTECTED,
        Blocker.DATA_MISSING,
        Blocker.LISTING_INCOMPLETE,
        Blocker.TOO_FEW_CYCLES,
    }
)


def _overruled(seen: Seen, policy: Policy) -> Iterator[Blocked]:
    """Tell what people said of it, by words or by undoing what was done."""
    deeds, pair = seen.situation.deeds, (seen.uid, policy.name)
    if deeds.intents:
        if deeds.reversals(pair) >= REVERSALS:
            yield Blocker.CONTESTED, f"people have undone this policy's change {REVERSALS} times"
        owed = deeds.owed_since(pair)
        used = seen.quiet.active_at
        if owed is not None and (used is None or used <= owed):
            yield Blocker.NEEDS_OWNER, "it was put back for want of an owner, and not used since"
    why = seen.situation.snoozed.get(seen.uid, "")
    if why and not policy.budget:  # a budget's limit is raised, or its target protected
        yield Blocker.SNOOZED, why
    for schedule in policy.except_during:
        if (not schedule.verbs or policy.verb in schedule.verbs) and schedule.holds(seen.now):
            yield Blocker.FREEZE, f"nothing of it is done during {schedule.name}"


def _used(seen: Seen) -> Iterator[Blocked]:
    """Tell of use now, of a wake not long ago, and of too many of them."""
    if seen.quiet.use is Use.ACTIVE:
        yield Blocker.REQUESTS_IN_FLIGHT, "its newest scrape shows requests"
    if why := _woken(seen):
        yield Blocker.COOLDOWN, why
    yield from _flapping(seen)


def _flapping(seen: Seen) -> Iterator[Blocked]:
    rounds = seen.situation.deeds.rounds(seen.uid, now=seen.now)
    if rounds >= ROUNDS_A_DAY and seen.deployment.ready_replica_count:
        yield Blocker.FLAPPING, f"it was stopped {rounds} times within a day, and woken again"


def _in_use_by_the_clock(seen: Seen, policy: Policy) -> Iterator[Blocked]:
    """Tell of use in the hours of *policy*: it waits for quiet, and again after each wake."""
    stretch, _, _ = seen.stretch(policy.require_data.fresh_within)
    if stretch is not None and stretch < QUIET_FOR and seen.deployment.ready_replica_count:
        quiet = format_duration(QUIET_FOR)
        yield Blocker.REQUESTS_IN_FLIGHT, f"it has not been quiet for {quiet}"
    since, stopped_at = facts.ready_since(seen), seen.situation.deeds.stopped_at(seen.uid)
    woken = since is not None and stopped_at is not None and since > stopped_at
    if woken and since is not None and seen.now - since < policy.awake_for:
        yield Blocker.COOLDOWN, f"woken {format_duration(seen.now - since)} ago, left running"
    yield from _flapping(seen)


def _data(seen: Seen, policy: Policy, unknown: str) -> Iterator[Blocked]:
    if unknown:
        yield Blocker.DATA_MISSING, unknown
    elif policy.rests_on_use and seen.deployment.ready_replica_count:
        stretch, because, _ = seen.stretch(policy.require_data.fresh_within)
        if stretch is None:
            yield Blocker.DATA_MISSING, because


def _listing(situation: Situation) -> Iterator[Blocked]:
    fleet, age = situation.fleet, situation.now - situation.fleet.answered_at
    if not fleet.complete:
        yield Blocker.LISTING_INCOMPLETE, fleet.problem or "the newest listing is not whole"
    elif age > _STALE * situation.poll_every:
        yield Blocker.LISTING_INCOMPLETE, f"the newest listing is {format_duration(age)} old"
    elif situation.listing_problem:
        yield Blocker.LISTING_INCOMPLETE, situation.listing_problem
    elif situation.absent:
        missing = len(situation.absent)
        yield Blocker.LISTING_INCOMPLETE, f"{missing} known to us are missing from the listing"
    if situation.complete_cycles < COMPLETE_CYCLES:
        seen = situation.complete_cycles
        yield Blocker.TOO_FEW_CYCLES, f"{seen} of {COMPLETE_CYCLES} complete listings seen"


def _woken(seen: Seen) -> str:
    """Say so where it was woken not long ago, or may have been: nobody saw it before."""
    since = facts.ready_since(seen)
    if since is None or seen.deployment.ready_replica_count == 0:
        return ""
    age = seen.now - since
    return f"known to be ready for {format_duration(age)} only" if age < COOLDOWN else ""


def _saves_nothing(seen: Seen, policy: Policy) -> str:
    step = policy.effect
    if step is None:
        return ""
    if effect_of(step, seen.deployment) == NOTHING:
        at_zero = policy.verb is Verb.SCALE_TO_ZERO
        return "it is at zero already" if at_zero else "its bounds are so already"
    if policy.verb not in _SAVES_NOW:
        return ""
    saved, least = saved_micro_usd(seen, step), policy.saves_at_least
    if least is None or saved is None or saved >= int(least * MICRO):
        return ""
    if seen.situation.margin is not None and saved < (seen.burn_micro_usd or 0):
        return f"what is bought ahead pays for it: {usd(saved):.2f} USD/h would be saved"
    return f"less than {least} USD/h would be saved"


_SAVES_NOW = frozenset({Verb.SCALE_TO_ZERO, Verb.PARK})
"""Verbs worth nothing unless they end a cost of this hour; a delete is about what stays."""
