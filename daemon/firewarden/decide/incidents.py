"""The story of each deployment under each policy, one cycle on.

In observe a story runs to its end in the ledger alone: its own instant counts as the
delivery of a warning, and its last word is "would be". Otherwise grace begins with the
receipt of the warning, and a story that is due is handed to whoever acts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from firewarden.decide import notices
from firewarden.decide.aftermath import before_and_after
from firewarden.decide.confirming import Confirmed, confirm
from firewarden.decide.docket import Docket, Pair
from firewarden.decide.limits import is_real, let_through
from firewarden.decide.seen import Seen
from firewarden.decide.situation import Situation
from firewarden.decide.stories import (
    began_again,
    end_of_wait,
    is_same_story,
    is_too_soon,
    open_story,
    released,
    routes_of,
    warned,
)
from firewarden.model.action import Intent, Outcome
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
    Blocker.BREAKER,
    Blocker.NOT_READY,
    Blocker.COLD_START,
    Blocker.REQUESTS_IN_FLIGHT,
    Blocker.COOLDOWN,
}
"""Blockers that pass by themselves; any other ends an incident."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """What one cycle changes: incidents in their new state, what to tell, the docket after.

    ``due`` are those whose effect is to be carried out now, the longest due first.
    """

    changed: tuple[Incident, ...]
    notices: tuple[Notice, ...]
    docket: Docket
    due: tuple[Incident, ...] = ()


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
        due=tuple(cycle.calls),
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
        self.calls: list[Incident] = []
        self.reasons = {(verdict.uid, verdict.policy): verdict.reason for verdict in verdicts}

    def carry_on(self, incident: Incident, verdict: Verdict | None) -> None:
        """Take an open incident one step on, or hold it, or end it.

        One whose call may have been sent, nobody knows yet, stays as it is.
        """
        call = self.situation.deeds.call_of(incident)
        if call is None:
            self._judge(incident, verdict)
        elif call.outcome is not Outcome.PLANNED:
            self._confirm(incident, call)

    def _judge(self, incident: Incident, verdict: Verdict | None) -> None:
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
            if is_real(incident):
                called = replace(latest, held_by=None)
                self.calls.append(called)
                self._record(called)
            else:
                done = self._close(latest, IncidentState.DONE, "it would have been done")
                self._tell(notices.acted(done, self.situation), self.policies[done.policy])
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
        failed = self.docket.failed.get((verdict.uid, verdict.policy))
        if failed is not None and is_too_soon(failed, self.policies[failed.policy], now=self.now):
            return True
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
                heard = self._warn(incident, policy)
                if heard is None:
                    return
                incident = heard
            elif stage.verb is Verb.WAIT:
                incident = self._waiting(incident)
                if self.now < end_of_wait(incident, policy):
                    break
            else:
                self._ask(self._acting(incident), policy)
                return
            incident = replace(incident, stage=incident.stage + 1)
        if incident.stage == len(policy.steps):
            self._close(incident, IncidentState.DONE, "people were told")
        else:
            self._record(incident)

    def _warn(self, incident: Incident, policy: Policy) -> Incident | None:
        """Warn, and give the incident once the warning counts as delivered; None: not yet."""
        if incident.state is not IncidentState.WARNED or incident.warned_at is not None:
            self._tell(notices.warned(incident, policy, self.situation), policy)
            if incident.mode <= Mode.OBSERVE or incident.verb not in EFFECTS:
                return warned(incident, policy, at=self.now)
            told = replace(incident, state=IncidentState.WARNED, entered_at=self.now, acts_at=None)
            self._record(replace(told, warned_at=None))
            return None
        delivery = self.docket.deliveries.get(notices.story_of(incident))
        if delivery is not None and delivery.delivered_at is not None:
            if incident.held_by is Blocker.UNDELIVERED:
                self._tell(notices.delivered_again(incident, self.situation))
            # A second warning of one story counts from when it was told, never from the first.
            at = max(delivery.delivered_at, incident.entered_at)
            return replace(warned(incident, policy, at=at), held_by=None)
        held = incident
        if delivery is not None and delivery.failed and incident.held_by is None:
            held = replace(incident, held_by=Blocker.UNDELIVERED)
            self._tell(notices.undelivered(held, self.situation))
        self._record(held)
        return None

    def _ask(self, incident: Incident, policy: Policy) -> None:
        """Let it be due, once a person has said yes where that is needed."""
        pair = (incident.uid, incident.policy)
        if incident.mode is not Mode.APPROVE or pair in self.docket.approved:
            self.due.append(incident)
            return
        if self.now - incident.entered_at >= policy.approval.expires:
            closed = self._close(
                incident, IncidentState.FAILED, "nobody approved it in time, which means no"
            )
            self._tell(notices.cancelled(closed, self.situation), policy)
            return
        if incident.held_by is not Blocker.APPROVAL:
            self._tell(notices.approval_needed(incident, policy, self.situation), policy)
        self._record(replace(incident, held_by=Blocker.APPROVAL))

    def _confirm(self, incident: Incident, call: Intent) -> None:
        """See whether what was called for has come about."""
        found, because = confirm(call, incident, self.situation)
        policy = self.policies.get(incident.policy)
        if found is Confirmed.YES:
            done = self._close(incident, IncidentState.DONE, because)
            told = notices.acted(done, self.situation, facts=before_and_after(call))
            self._tell(told, policy)
        elif found is Confirmed.NO:
            closed = self._close(incident, IncidentState.FAILED, because)
            self._tell(notices.failed(closed, because, self.situation), policy)

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
        if incident.held_by is Blocker.UNDELIVERED:
            self._tell(notices.delivered_again(incident, self.situation))
        if incident.warned_at is not None or incident.state is IncidentState.WARNED:
            self._tell(notices.cancelled(closed, self.situation), self.policies.get(closed.policy))

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

    def _tell(self, notice: Notice, policy: Policy | None = None) -> None:
        """Tell it by the routes of *policy*: those of its warning, which later words edit."""
        self.notices.append(replace(notice, routes=routes_of(policy)) if policy else notice)
