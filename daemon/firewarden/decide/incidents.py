"""The story of each deployment under each policy, one cycle on.

In observe a story runs to its end in the ledger alone: its own instant counts as the
delivery of a warning, and its last word is "would be".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from firewarden.decide import notices
from firewarden.decide.docket import Docket, Pair
from firewarden.decide.limits import let_through
from firewarden.decide.seen import Seen
from firewarden.decide.situation import Situation
from firewarden.decide.stories import (
    began_again,
    end_of_wait,
    is_same_story,
    open_story,
    released,
    warned,
)
from firewarden.model.ids import PolicyName, Uid
from firewarden.model.notice import Notice
from firewarden.model.verdict import Blocker, Incident, IncidentState, Mode, Truth, Verb, Verdict
from firewarden.policy.rules import EFFECTS, Policy, PolicySet

TELL_AFTER = timedelta(hours=1)
"""People are told of an incident that missing evidence has held for so long."""

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
    Blocker.NOT_READY,
    Blocker.COLD_START,
    Blocker.REQUESTS_IN_FLIGHT,
    Blocker.COOLDOWN,
}
"""Blockers that pass by themselves; any other ends an incident."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """What one cycle changes: incidents in their new state, what to tell, the docket after."""

    changed: tuple[Incident, ...]
    notices: tuple[Notice, ...]
    docket: Docket


def step(
    situation: Situation, verdicts: Sequence[Verdict], docket: Docket, policy_set: PolicySet
) -> Steps:
    """Carry every incident one cycle on, and open those that a verdict calls for.

    *verdicts* are those of `judge` for the same situation: what has none is false. The
    same cycle again changes nothing.
    """
    if situation.ceiling is Mode.DISABLED:
        return Steps(changed=(), notices=(), docket=docket)
    cycle = _Cycle(situation, verdicts, docket, policy_set)
    by_pair = {(verdict.uid, verdict.policy): verdict for verdict in verdicts}
    for pair, incident in docket.opened.items():
        cycle.carry_on(incident, by_pair.pop(pair, None))
    for verdict in by_pair.values():
        cycle.consider(verdict)
    cycle.finish()
    doubt = _doubt(verdicts)
    if doubt and docket.braked is not True:
        cycle.notices.append(notices.braked(doubt, situation))
    elif not doubt and docket.braked is not False:
        cycle.notices.append(notices.brake_over(situation))
    changed = tuple(cycle.changed.values())
    return Steps(
        changed=changed,
        notices=tuple(cycle.notices),
        docket=docket.after(changed, braked=bool(doubt)),
    )


def _doubt(verdicts: Sequence[Verdict]) -> str:
    """Say why the evidence is doubted, if that held any verdict back."""
    for verdict in verdicts:
        if verdict.blocked_by is Blocker.EVIDENCE_BRAKE:
            return verdict.blocked_because
    return ""


class _Cycle:
    """One pass; collects what changes."""

    def __init__(
        self,
        situation: Situation,
        verdicts: Sequence[Verdict],
        docket: Docket,
        policy_set: PolicySet,
    ) -> None:
        self.situation = situation
        self.now = situation.now
        self.docket = docket
        self.policies: Mapping[PolicyName, Policy] = {
            policy.name: policy
            for policy in policy_set.policies
            if policy.mode is not Mode.DISABLED
        }
        self.effective = [name for name, policy in self.policies.items() if policy.verb in EFFECTS]
        self.changed: dict[Pair, Incident] = {}
        self.notices: list[Notice] = []
        self.due: list[Incident] = []
        self.reasons = {(verdict.uid, verdict.policy): verdict.reason for verdict in verdicts}

    def carry_on(self, incident: Incident, verdict: Verdict | None) -> None:
        """Take an open incident one step on, or hold it, or end it."""
        policy = self.policies.get(incident.policy)
        deployment = self.situation.fleet.deployments.get(incident.uid)
        if policy is None:
            self._cancel(incident, "its policy is gone")
        elif incident.uid in self.situation.gone or (deployment and deployment.is_gone):
            self._cancel(incident, "the deployment is gone")
        elif deployment is None:
            self._hold(incident, Blocker.LISTING_INCOMPLETE)
        elif verdict is None:
            self._cancel(incident, notices.recovery(Seen(deployment, self.situation), incident))
        elif verdict.blocked_by is not None and verdict.blocked_by not in PASSING:
            self._cancel(incident, verdict.blocked_because or verdict.blocked_by.value)
        elif verdict.blocked_by is not None or verdict.truth is Truth.UNKNOWN:
            self._hold(incident, verdict.blocked_by or Blocker.DATA_MISSING)
        elif incident.policy_hash != verdict.policy_hash or incident.mode is not verdict.mode:
            self._advance(open_story(verdict, self.situation, since=incident), policy)
        else:
            self._advance(self._released(incident), policy)

    def consider(self, verdict: Verdict) -> None:
        """Open an incident where a verdict is true, nothing blocks it, and it is a new story."""
        policy = self.policies.get(verdict.policy)
        if policy is None or verdict.truth is not Truth.TRUE or verdict.blocked_by is not None:
            return
        if not self._is_told(verdict):
            self._advance(open_story(verdict, self.situation), policy)

    def finish(self) -> None:
        """Let through what is due as far as the limits allow."""
        waited = {
            incident.policy
            for incident in self.docket.opened.values()
            if incident.held_by is Blocker.LIMITS
        }
        first, others = self._one_each()
        passed = let_through(first, self.policies, self.docket, self.situation)
        for incident in passed.go:
            latest = replace(incident, reason=self.reasons[incident.uid, incident.policy])
            done = self._close(latest, IncidentState.DONE, "it would have been done")
            self._tell(notices.acted(done, self.situation))
        gone = {incident.uid: incident.policy for incident in passed.go}
        for incident in others:
            if incident.uid in gone:
                self._supersede(incident, gone[incident.uid])
            else:
                self._record(incident)
        told = set(waited)
        for incident, limit in passed.wait:
            if incident.policy not in told:
                self._tell(notices.limited(incident, limit, self.situation))
                told.add(incident.policy)
            self._record(replace(incident, held_by=Blocker.LIMITS))
        for policy in sorted(waited - {incident.policy for incident, _ in passed.wait}):
            self._tell(notices.limit_over(policy, self.situation))

    def _one_each(self) -> tuple[list[Incident], list[Incident]]:
        """Part what is due: one a deployment, the one due for longest, and the others.

        What another policy has done to this very stretch is over.
        """
        first: dict[Uid, Incident] = {}
        others: list[Incident] = []
        for incident in sorted(self.due, key=lambda each: (each.acts_at or self.now, each.policy)):
            if (other := self._is_done(incident)) is not None:
                self._supersede(incident, other.policy)
            elif incident.uid in first:
                others.append(incident)
            else:
                first[incident.uid] = incident
        return list(first.values()), others

    def _supersede(self, incident: Incident, policy: PolicyName) -> None:
        self._close(incident, IncidentState.CANCELLED, f"{policy} did the same")

    def _is_done(self, incident: Incident) -> Incident | None:
        """Find another policy whose effect on this very stretch is over."""
        seen = Seen(self.situation.fleet.deployments[incident.uid], self.situation)
        for done in self.docket.done_for(incident.uid, self.effective):
            same = done.mode is incident.mode and done.verb is incident.verb
            if same and done.policy != incident.policy and not began_again(seen, done):
                return done
        return None

    def _is_told(self, verdict: Verdict) -> bool:
        """Has this very stretch run to its end before, under this policy or a like one?"""
        names = self.effective if verdict.verb in EFFECTS else [verdict.policy]
        seen = Seen(self.situation.fleet.deployments[verdict.uid], self.situation)
        return any(
            is_same_story(done, verdict) and not began_again(seen, done)
            for done in self.docket.done_for(verdict.uid, names)
        )

    def _advance(self, incident: Incident, policy: Policy) -> None:
        """Walk through the stages as far as time allows."""
        while incident.stage < len(policy.steps):
            stage = policy.steps[incident.stage]
            if stage.verb is Verb.WARN:
                incident = warned(incident, policy, now=self.now)
                self._tell(notices.warned(incident, policy, self.situation))
            elif stage.verb is Verb.WAIT:
                incident = self._waiting(incident)
                if self.now < end_of_wait(incident, policy):
                    break
            else:
                self.due.append(self._acting(incident))
                return
            incident = replace(incident, stage=incident.stage + 1)
        if incident.stage == len(policy.steps):
            self._close(incident, IncidentState.DONE, "people were told")
        else:
            self._record(incident)

    def _acting(self, incident: Incident) -> Incident:
        if incident.state is IncidentState.ACTING:
            return incident
        return replace(incident, state=IncidentState.ACTING, entered_at=self.now)

    def _waiting(self, incident: Incident) -> Incident:
        if incident.state is IncidentState.WAITING:
            return incident
        return replace(incident, state=IncidentState.WAITING, entered_at=self.now)

    def _released(self, incident: Incident) -> Incident:
        if incident.held_told_at is not None:
            self._tell(notices.known_again(incident, self.situation))
        return released(incident, now=self.now)

    def _hold(self, incident: Incident, blocker: Blocker) -> None:
        """Leave it where it is; say so once it has lasted an hour."""
        since = (incident.held_since or self.now) if blocker in OF_DATA else None
        held = replace(incident, held_by=blocker, held_since=since)
        if since is not None and not held.held_told_at and self.now - since >= TELL_AFTER:
            held = replace(held, held_told_at=self.now)
            self._tell(notices.held(held, self.situation))
        self._record(held)

    def _cancel(self, incident: Incident, because: str) -> None:
        closed = self._close(incident, IncidentState.CANCELLED, because)
        if closed.warned_at is not None:
            self._tell(notices.cancelled(closed, self.situation))

    def _close(self, incident: Incident, state: IncidentState, because: str) -> Incident:
        if incident.held_told_at is not None:
            self._tell(notices.known_again(incident, self.situation))
        closed = replace(
            incident,
            state=state,
            entered_at=self.now,
            closed_at=self.now,
            closed_because=because,
            held_by=None,
            held_since=None,
        )
        self._record(closed)
        return closed

    def _record(self, incident: Incident) -> None:
        pair = (incident.uid, incident.policy)
        if incident != self.docket.opened.get(pair):
            self.changed[pair] = incident

    def _tell(self, notice: Notice) -> None:
        self.notices.append(notice)
