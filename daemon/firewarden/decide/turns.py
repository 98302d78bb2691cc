"""Whose turn it is: of what is due, one a deployment, and as many as the limits let through."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from firewarden.decide import notices
from firewarden.decide.docket import Pair
from firewarden.decide.effects import saved_micro_usd, without
from firewarden.decide.limits import is_real, let_through
from firewarden.decide.proceedings import Proceedings
from firewarden.decide.seen import Seen
from firewarden.decide.situation import Situation
from firewarden.decide.stories import began_again
from firewarden.model.ids import PolicyName, Uid
from firewarden.model.verdict import Incident, IncidentState
from firewarden.model.vocabulary import Blocker, Verb
from firewarden.policy.rules import EFFECTS

GENTLEST_FIRST = (
    Verb.HOLD_GROWTH,
    Verb.SET_AUTOSCALING,
    Verb.SCALE_TO_ZERO,
    Verb.PARK,
    Verb.DELETE,
)


def one_each(due: Iterable[Incident]) -> tuple[list[Incident], list[Incident]]:
    """Part *due*: one a deployment, the gentlest and of those the one due for longest; the rest.

    What is only rehearsed keeps nothing that is real from its turn.
    """
    first: dict[tuple[Uid, bool], Incident] = {}
    others: list[Incident] = []
    for incident in sorted(due, key=_turn):
        key = (incident.uid, is_real(incident))
        if key in first:
            others.append(incident)
        else:
            first[key] = incident
    return list(first.values()), others


def _turn(incident: Incident) -> tuple[object, ...]:
    at = incident.acts_at or incident.opened_at
    return GENTLEST_FIRST.index(incident.verb), at, incident.policy


@dataclass(slots=True, kw_only=True)
class Turns:
    """Lets through what is due.

    Attributes:
        reasons: why each is due, as of this cycle.
        calls: what is to be carried out. rehearsed: what would have been.
        limited: what has to wait, each with the limit that says so.
        before: the situation once all is done that has been let through; None: nothing yet.
    """

    book: Proceedings
    reasons: Mapping[Pair, str]
    calls: list[Incident] = field(default_factory=list)
    rehearsed: list[Incident] = field(default_factory=list)
    limited: tuple[tuple[Incident, str], ...] = ()
    before: Situation | None = None

    def take(self, due: Iterable[Incident]) -> None:
        """Let through what of *due* the limits allow, and hold the rest."""
        book = self.book
        left = self._not_done(due)
        first, others = one_each(one for one in left if not self._had_its_turn(one))
        passed = let_through(first, book.policies, book.docket, book.situation)
        for incident in passed.go:
            self._go(incident)
        gone = {(one.uid, one.verb, is_real(one)): one.policy for one in passed.go}
        for incident in (*others, *filter(self._had_its_turn, left)):
            other = gone.get((incident.uid, incident.verb, is_real(incident)))
            if other is None:
                book.record(incident)
            else:
                self._supersede(incident, other)
        self.limited = passed.wait
        self._hold()

    def _go(self, incident: Incident) -> None:
        book = self.book
        latest = self._valued(incident)
        if is_real(incident):
            called = replace(latest, held_by=None)
            self.calls.append(called)
            book.record(called)
        else:
            done = book.close(latest, IncidentState.DONE, "it would have been done")
            self.rehearsed.append(done)
            book.tell(notices.acted(done, book.situation), done.policy)

    def _valued(self, incident: Incident) -> Incident:
        """Say why it is done now, and what that saves once all before it is done."""
        latest = replace(incident, reason=self.reasons[incident.uid, incident.policy])
        before = self.before or self.book.situation
        if before.margin is None:
            return latest
        deployment = before.fleet.deployments[incident.uid]
        step = self.book.policies[incident.policy].effect
        self.before = without(before, deployment, step)
        saves = saved_micro_usd(Seen(deployment, before), step)
        return replace(latest, saves_micro_usd_per_hour=saves)

    def _hold(self) -> None:
        """Hold what has to wait for the limits; say so once a policy, and once when it is over."""
        book = self.book
        told = _limited(book.docket.opened)
        for incident, limit in self.limited:
            book.record(replace(incident, held_by=Blocker.LIMITS))
            if incident.policy not in told:
                book.tell(notices.limited(incident, limit, book.situation))
                told.add(incident.policy)
        for policy in sorted(_limited(book.docket.opened) - _limited(book.opened)):
            found = book.policies.get(policy)
            book.tell(notices.limit_over(policy, found, book.situation))

    def _not_done(self, due: Iterable[Incident]) -> list[Incident]:
        """Leave out what another policy has done to this very stretch; that is over."""
        left: list[Incident] = []
        for incident in due:
            if (other := self._is_done(incident)) is None:
                left.append(incident)
            else:
                self._supersede(incident, other.policy)
        return left

    def _had_its_turn(self, incident: Incident) -> bool:
        """Was something rehearsed for its deployment at this very instant?"""
        if is_real(incident):
            return False
        done = self.book.docket.done_for(incident.uid, self._effective())
        return any(one.closed_at == self.book.now and not is_real(one) for one in done)

    def _effective(self) -> list[PolicyName]:
        return [name for name, policy in self.book.policies.items() if policy.verb in EFFECTS]

    def _is_done(self, incident: Incident) -> Incident | None:
        """Find another policy whose effect on this very stretch is over."""
        book = self.book
        seen = Seen(book.situation.fleet.deployments[incident.uid], book.situation)
        for done in book.docket.done_for(incident.uid, self._effective()):
            alike = done.mode is incident.mode or (is_real(done) and is_real(incident))
            same = alike and done.verb is incident.verb and done.policy != incident.policy
            if same and not began_again(seen, done):
                return done
        return None

    def _supersede(self, incident: Incident, policy: PolicyName) -> None:
        self.book.close(incident, IncidentState.CANCELLED, f"{policy} did the same")


def _limited(opened: Mapping[Pair, Incident]) -> set[PolicyName]:
    return {one.policy for one in opened.values() if one.held_by is Blocker.LIMITS}
