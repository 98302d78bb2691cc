"""What has been done to an account's deployments, as far as later decisions depend on it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property

from firewarden.decide.docket import Pair
from firewarden.model.action import POLICY, Intent, Outcome, Released
from firewarden.model.ids import PolicyName, Uid
from firewarden.model.verdict import Incident
from firewarden.model.vocabulary import Verb
from firewarden.policy.rules import STOPS

REMEMBERED = timedelta(days=30)
"""How far back deeds are read; what still stands or is open is read however old it is."""

DAY = timedelta(days=1)
ROUNDS_A_DAY = 3
"""Stops of one deployment in a day; after so many it is told about, and left running."""

REVERSALS = 2
"""So often a person undoes a policy's change before the policy stands down."""

FAILURES, FAILED_WITHIN, OPEN_FOR = 3, timedelta(minutes=10), timedelta(minutes=30)
"""So many failures within so long open an account's breaker for so long."""


_MAY_HAVE_CHANGED = frozenset({Outcome.APPLIED, Outcome.FAILED, Outcome.EXPIRED})
"""Outcomes of a call that was sent, or may have been."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A change of ours that stands no longer, without a call of ours."""

    action_id: int
    why: Released


@dataclass(frozen=True, kw_only=True)
class Deeds:
    """Intents by their number, and the questions that are asked of them.

    Every verdict asks, and hardly any deployment has a past: the questions look at what
    they are about alone.
    """

    intents: Mapping[int, Intent] = field(default_factory=dict)

    @classmethod
    def of(cls, intents: Iterable[Intent]) -> "Deeds":
        """Take stored intents, in any order."""
        return cls(intents={each.action_id: each for each in intents})

    def with_one(self, intent: Intent) -> "Deeds":
        """Take in *intent* as it is now."""
        return Deeds(intents={**self.intents, intent.action_id: intent})

    def without(self, releases: Iterable[Release], *, at: datetime) -> "Deeds":
        """Let go of changes that stand no longer since *at*."""
        found = dict(self.intents)
        for each in releases:
            if (intent := found.get(each.action_id)) is not None:
                found[each.action_id] = replace(intent, released=each.why, released_at=at)
        return Deeds(intents=found)

    def unsettled(self) -> tuple[Intent, ...]:
        """Find those whose outcome nobody knows, the oldest first."""
        return tuple(each for each in self._in_order if each.outcome is Outcome.PLANNED)

    def standing(self) -> tuple[Intent, ...]:
        """Find the changes of bounds that are in force, as far as is known, the oldest first."""
        return self._standing

    def standing_at(self, uid: Uid) -> tuple[Intent, ...]:
        """Find the changes that stand at *uid*, the oldest first."""
        return tuple(each for each in self._of(uid) if each.is_standing)

    def call_of(self, incident: Incident) -> Intent | None:
        """Find the newest intent of *incident* that the provider took, or may have taken."""
        own = (
            each
            for each in self._of(incident.uid)
            if each.outcome in {Outcome.PLANNED, Outcome.APPLIED}
            and (each.policy, each.opened_at) == (incident.policy, incident.opened_at)
        )
        return max(own, key=lambda each: each.action_id, default=None)

    def put_back_since(self, intent: Intent) -> Intent | None:
        """Find the newest order to put back what *intent* and others before it had set.

        One that was found open and unchanged may have been carried out all the same: the read
        may be older than the change.
        """
        newer = (
            each
            for each in self._of(intent.uid)
            if each.verb is Verb.RESTORE
            and each.outcome in _MAY_HAVE_CHANGED
            and each.action_id > intent.action_id
        )
        return max(newer, key=lambda each: each.action_id, default=None)

    def attempts(self) -> Iterator[tuple[PolicyName, datetime, Verb]]:
        """Tell every call that a policy sent or may have sent; put back is no attempt.

        The instant is the latest at which it can have been sent.
        """
        for each in self.intents.values():
            if each.outcome.is_attempt and each.actor == POLICY and each.verb is not Verb.RESTORE:
                yield each.policy, each.finished_at or each.planned_at, each.verb

    def rounds(self, uid: Uid, *, now: datetime) -> int:
        """Count the stops of *uid* in the last day."""
        return sum(
            each.verb in STOPS and each.outcome is Outcome.APPLIED and now - each.planned_at < DAY
            for each in self._of(uid)
        )

    def stopped_at(self, uid: Uid) -> datetime | None:
        """Tell when *uid* was last stopped; None: not lately."""
        stops = (each for each in self._of(uid) if each.verb in STOPS and each.outcome.is_attempt)
        return max((each.planned_at for each in stops), default=None)

    def put_back_for(self, reason: str, *, since: datetime) -> Iterator[Intent]:
        """Give what was put back for *reason* since then, and is so as far as is known."""
        for each in self._in_order:
            done = each.verb is Verb.RESTORE and each.outcome is Outcome.APPLIED
            if done and each.reason == reason and each.planned_at >= since:
                yield each

    def reversals(self, pair: Pair) -> int:
        """Count how often a person undid this policy's changes of this deployment.

        Changes that were undone at one instant were undone once.
        """
        undone = {
            each.released_at
            for each in self._of(pair[0])
            if each.policy == pair[1] and each.released is Released.HUMAN
        }
        return len(undone)

    def owed_since(self, pair: Pair) -> datetime | None:
        """Tell since when this policy's change waits for an owner; None: it does not."""
        times = [
            each.released_at
            for each in self._of(pair[0])
            if each.policy == pair[1]
            and each.released is Released.NEEDS_OWNER
            and each.released_at is not None
        ]
        return max(times, default=None)

    def breaker(self, *, now: datetime) -> str:
        """Say why nothing may be done for a while: calls have failed; "" where they have not."""
        failed = self._failures
        for first, last in zip(failed, failed[FAILURES - 1 :], strict=False):
            if last - first <= FAILED_WITHIN and timedelta(0) <= now - last < OPEN_FOR:
                return f"{FAILURES} calls failed within {FAILED_WITHIN.seconds // 60} min"
        return ""

    def _of(self, uid: Uid) -> Sequence[Intent]:
        return self._by_uid.get(uid, ())

    @cached_property
    def _in_order(self) -> tuple[Intent, ...]:
        return tuple(self.intents[number] for number in sorted(self.intents))

    @cached_property
    def _by_uid(self) -> Mapping[Uid, Sequence[Intent]]:
        found: dict[Uid, list[Intent]] = {}
        for each in self._in_order:
            found.setdefault(each.uid, []).append(each)
        return found

    @cached_property
    def _standing(self) -> tuple[Intent, ...]:
        return tuple(each for each in self._in_order if each.is_standing)

    @cached_property
    def _failures(self) -> tuple[datetime, ...]:
        return tuple(
            sorted(
                each.finished_at
                for each in self.intents.values()
                if each.outcome is Outcome.FAILED and each.finished_at is not None
            )
        )
