"""What stands between a verdict and its effect, asked in the one order people are told."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from firewarden.decide import facts
from firewarden.decide.protections import (
    Blocked,
    ProtectionList,
    built_in_protection,
    tag_protection,
    unknown_surroundings,
)
from firewarden.decide.seen import Seen
from firewarden.decide.situation import COMPLETE_CYCLES, Situation
from firewarden.model.activity import Use
from firewarden.model.price import MICRO
from firewarden.model.verdict import Blocker, Verb
from firewarden.policy.durations import format_duration
from firewarden.policy.rules import Policy

COOLDOWN = timedelta(minutes=30)
"""After a wake, nothing is judged idle for so long."""

_STALE = 3
"""Intervals after which a listing is too old to act on."""


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
        yield from _data(seen, policy, unknown)
        yield from _listing(seen.situation)
        if seen.quiet.use is Use.ACTIVE:
            yield Blocker.REQUESTS_IN_FLIGHT, "its newest scrape shows requests"
        if why := _woken(seen):
            yield Blocker.COOLDOWN, why
        if why := self.brake():
            yield Blocker.EVIDENCE_BRAKE, why
        if why := _saves_nothing(seen, policy):
            yield Blocker.SAVES_NOTHING, why

    def _protected(self, seen: Seen, policy: Policy) -> Iterator[Blocked]:
        if why := self.protections.find(seen.deployment, now=seen.now):
            yield Blocker.PROTECTED, why
        tagged = tag_protection(seen.deployment.tags, now=seen.now)
        if tagged is not None and tagged[0] is Blocker.PROTECTED:
            yield tagged
        if policy.verb is Verb.WARN:  # none of what follows would hold it
            return
        if (found := built_in_protection(seen, policy.allow)) is not None:
            yield found
        if tagged is not None and policy.verb is Verb.SCALE_TO_ZERO:
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


def _data(seen: Seen, policy: Policy, unknown: str) -> Iterator[Blocked]:
    if unknown:
        yield Blocker.DATA_MISSING, unknown
    elif policy.verb is not Verb.WARN and seen.deployment.ready_replica_count:
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
    deployment = seen.deployment
    if not (
        deployment.ready_replica_count
        or deployment.starting_replica_count
        or deployment.desired_replica_count
        or deployment.min_replica_count
    ):
        return "it is at zero already"
    burn, least = seen.burn_micro_usd, policy.saves_at_least
    if least is None or burn is None or burn >= int(least * MICRO):
        return ""
    return f"less than {least} USD/h would be saved"
