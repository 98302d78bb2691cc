"""How an incident walks through the stages of its policy: warned, waiting, approved, due.

In observe a story runs to its end in the ledger alone: its own instant counts as the
delivery of a warning. Otherwise grace begins with the receipt of the warning, and what is
really done is over once listings show it.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from firewarden.decide import aftermath, notices
from firewarden.decide.confirming import Confirmed, confirm
from firewarden.decide.deeds import ROUNDS_A_DAY
from firewarden.decide.guards import OF_DATA, PASSING
from firewarden.decide.proceedings import Proceedings
from firewarden.decide.seen import Seen
from firewarden.decide.stories import (
    KEPT,
    end_of_wait,
    open_story,
    released,
    warned,
)
from firewarden.model.action import Intent, Outcome
from firewarden.model.delivery import Delivery
from firewarden.model.verdict import Incident, IncidentState, Truth, Verdict
from firewarden.model.vocabulary import Blocker, Mode, Verb
from firewarden.policy.rules import EFFECTS, STOPS, Policy

TELL_AFTER = timedelta(hours=1)
"""People are told of an incident that missing evidence has held for so long."""


@dataclass(slots=True, kw_only=True)
class Stages:
    """Walks incidents on; ``due`` collects those whose effect is next and may take place."""

    book: Proceedings
    due: list[Incident] = field(default_factory=list)

    def carry_on(self, incident: Incident, verdict: Verdict | None) -> None:
        """Take an open incident one step on, or hold it, or end it.

        One whose call may have been sent, nobody knows yet, stays as it is.
        """
        call = self.book.situation.deeds.call_of(incident)
        if call is None:
            self._judge(incident, verdict)
        elif call.outcome is not Outcome.PLANNED:
            self._confirm(incident, call)

    def open(self, verdict: Verdict) -> None:
        """Begin the story that *verdict* calls for."""
        policy = self.book.policies[verdict.policy]
        self._advance(open_story(verdict, policy, self.book.situation), policy)

    def _judge(self, incident: Incident, verdict: Verdict | None) -> None:
        book, situation = self.book, self.book.situation
        policy = book.policies.get(incident.policy)
        deployment = situation.fleet.deployments.get(incident.uid)
        if policy is None:
            book.cancel(incident, "its policy is gone")
        elif incident.uid in situation.gone or (deployment and deployment.is_gone):
            book.cancel(incident, "the deployment is gone")
        elif deployment is None:
            self._hold(incident, Blocker.LISTING_INCOMPLETE, is_unknown=True)
        elif verdict is None:
            book.cancel(incident, notices.recovery(Seen(deployment, situation), incident))
        elif verdict.blocked_by is not None and verdict.blocked_by not in PASSING:
            book.cancel(incident, verdict.blocked_because or verdict.blocked_by.value)
        elif verdict.blocked_by is not None or verdict.truth is Truth.UNKNOWN:
            blocker = verdict.blocked_by or Blocker.DATA_MISSING
            is_unknown = blocker in OF_DATA or verdict.truth is Truth.UNKNOWN
            self._hold(incident, blocker, is_unknown=is_unknown)
        elif incident.policy_hash != verdict.policy_hash or incident.mode is not verdict.mode:
            book.tell_holds_over(incident)
            self._advance(open_story(verdict, policy, situation, since=incident), policy)
        else:
            self._advance(self._released(incident), policy)

    def _advance(self, incident: Incident, policy: Policy) -> None:
        """Walk through the stages as far as time allows: that of the newest listing."""
        looked_at = self.book.situation.fleet.answered_at
        while incident.stage < len(policy.steps):
            stage = policy.steps[incident.stage]
            if stage.verb is Verb.WARN:
                heard = self._warn(incident, policy)
                if heard is None:
                    return
                incident = heard
            elif stage.verb is Verb.WAIT:
                incident = self._entering(incident, IncidentState.WAITING)
                if looked_at < end_of_wait(incident, policy):
                    break
            else:
                self._ask(self._entering(incident, IncidentState.ACTING), policy)
                return
            incident = replace(incident, stage=incident.stage + 1)
        if incident.stage == len(policy.steps):
            self.book.close(incident, IncidentState.DONE, "people were told")
        else:
            self.book.record(incident)

    def _warn(self, incident: Incident, policy: Policy) -> Incident | None:
        """Warn, and give the incident once the warning counts as delivered; None: not yet.

        A second warning of one story edits the first, whose receipt stands: its grace counts
        from when it was told.
        """
        book = self.book
        delivery = book.docket.deliveries.get(notices.story_of(incident), Delivery())
        if incident.state is not IncidentState.WARNED or incident.warned_at is not None:
            book.tell(notices.warned(incident, policy, book.situation), policy.name)
            if incident.mode <= Mode.OBSERVE or incident.verb not in EFFECTS:
                return warned(incident, policy, at=book.now)
            incident = replace(
                incident,
                state=IncidentState.WARNED,
                entered_at=book.now,
                warned_at=None,
                acts_at=None,
                held_by=None,
            )
        if delivery.delivered_at is not None:
            return self._heard(incident, policy, delivery.delivered_at)
        if delivery.failed and incident.held_by is None:
            incident = replace(incident, held_by=Blocker.UNDELIVERED)
            book.tell(notices.undelivered(incident, book.situation))
        book.record(incident)
        return None

    def _heard(self, incident: Incident, policy: Policy, at: datetime) -> Incident:
        if incident.held_by is Blocker.UNDELIVERED:
            self.book.tell(notices.delivered_again(incident, self.book.situation))
        heard = warned(incident, policy, at=max(at, incident.entered_at))
        return replace(heard, held_by=None)

    def _ask(self, incident: Incident, policy: Policy) -> None:
        """Let it be due, once a person has said yes where that is needed."""
        book = self.book
        if incident.mode is not Mode.APPROVE or (incident.uid, policy.name) in book.docket.approved:
            self.due.append(incident)
            return
        over = book.now - incident.entered_at >= policy.approval.expires
        if over and policy.approval.acts_unanswered:
            self.due.append(incident)
            return
        if over:
            because = "nobody approved it in time, which means no"
            closed = book.close(incident, IncidentState.FAILED, because)
            book.tell(notices.cancelled(closed, book.situation), policy.name)
            return
        if incident.held_by is not Blocker.APPROVAL:
            book.tell(notices.approval_needed(incident, policy, book.situation), policy.name)
        book.record(replace(incident, held_by=Blocker.APPROVAL))

    def _confirm(self, incident: Incident, call: Intent) -> None:
        """See whether what was called for has come about."""
        book = self.book
        found, because = confirm(call, incident, book.situation)
        if found is Confirmed.NOT_YET:
            return
        if found is Confirmed.NO:
            closed = book.close(incident, IncidentState.FAILED, because)
            book.tell(notices.failed(closed, because, book.situation), closed.policy)
            return
        done = book.close(incident, IncidentState.DONE, because)
        if found is Confirmed.OVERRULED:
            book.tell(notices.cancelled(done, book.situation), done.policy)
            return
        facts = aftermath.before_and_after(call) | aftermath.doomed(call, book.deletes_after)
        book.tell(notices.acted(done, book.situation, facts=facts), done.policy)
        self._tell_of_flapping(call)

    def _tell_of_flapping(self, call: Intent) -> None:
        """Tell once of what was stopped so often that it will be left running."""
        situation = self.book.situation
        deployment = situation.fleet.deployments.get(call.uid)
        rounds = situation.deeds.rounds(call.uid, now=situation.now)
        if deployment is not None and call.verb in STOPS and rounds >= ROUNDS_A_DAY:
            told = aftermath.flapping(call, rounds, deployment, situation)
            self.book.tell(told, call.policy)

    def _entering(self, incident: Incident, state: IncidentState) -> Incident:
        if incident.state is state:
            return incident
        return replace(incident, state=state, entered_at=self.book.now)

    def _released(self, incident: Incident) -> Incident:
        if incident.held_told_at is not None:
            self.book.tell(notices.known_again(incident, self.book.situation))
        return released(incident, now=self.book.now)

    def _hold(self, incident: Incident, blocker: Blocker, *, is_unknown: bool) -> None:
        """Leave it where it is; say so once its evidence has been missing for an hour.

        Its time stands still from when the evidence was missed until nothing holds it. What
        held it before, and is waited for, is still said to.
        """
        now, book = self.book.now, self.book
        since = incident.held_since or (now if is_unknown else None)
        held_by = incident.held_by if incident.held_by in KEPT else blocker
        held = replace(incident, held_by=held_by, held_since=since)
        long_enough = since is not None and now - since >= TELL_AFTER
        if is_unknown and long_enough and not held.held_told_at:
            held = replace(held, held_told_at=now)
            book.tell(notices.held(held, blocker, book.situation))
        book.record(held)
