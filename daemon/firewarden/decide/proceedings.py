"""What one cycle writes down: incidents in their new state, and what people are told."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from firewarden.decide import notices
from firewarden.decide.docket import Docket, Pair
from firewarden.decide.situation import Situation
from firewarden.decide.stories import routes_of
from firewarden.model.ids import PolicyName
from firewarden.model.notice import Notice
from firewarden.model.verdict import Incident, IncidentState
from firewarden.model.vocabulary import Blocker
from firewarden.policy.rules import Policy


@dataclass(slots=True, kw_only=True)
class Proceedings:
    """One cycle as it goes on.

    Attributes:
        policies: those that are not disabled.
        deletes_after: the provider's clock for what has min 0; None: it deletes nothing.
    """

    situation: Situation
    docket: Docket
    policies: Mapping[PolicyName, Policy]
    deletes_after: timedelta | None = None
    changed: dict[Pair, Incident] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)

    @property
    def now(self) -> datetime:
        """The instant of the cycle."""
        return self.situation.now

    @property
    def opened(self) -> Mapping[Pair, Incident]:
        """The incidents that are open, as far as this cycle has come."""
        both = {**self.docket.opened, **self.changed}
        return {pair: incident for pair, incident in both.items() if incident.closed_at is None}

    def record(self, incident: Incident) -> None:
        """Note *incident* as it is now, if that is any news."""
        pair = (incident.uid, incident.policy)
        if incident != self.docket.opened.get(pair):
            self.changed[pair] = incident

    def close(self, incident: Incident, state: IncidentState, because: str) -> Incident:
        """End *incident*, and with it what people were told to hold it."""
        self.tell_holds_over(incident)
        closed = replace(
            incident,
            state=state,
            entered_at=self.now,
            closed_at=self.now,
            closed_because=because,
            held_by=None,
            held_since=None,
        )
        self.record(closed)
        return closed

    def cancel(self, incident: Incident, because: str) -> None:
        """End *incident* without its effect; whoever was warned of it hears of that."""
        closed = self.close(incident, IncidentState.CANCELLED, because)
        if incident.warned_at is not None or incident.state is IncidentState.WARNED:
            self.tell(notices.cancelled(closed, self.situation), closed.policy)

    def tell(self, notice: Notice, policy: PolicyName | None = None) -> None:
        """Tell it by the routes of *policy*: those of its warnings, which later words edit."""
        found = None if policy is None else self.policies.get(policy)
        self.notices.append(replace(notice, routes=routes_of(found)) if found else notice)

    def tell_holds_over(self, incident: Incident) -> None:
        """Take back what people were told to hold *incident*."""
        if incident.held_told_at is not None:
            self.tell(notices.known_again(incident, self.situation))
        if incident.held_by is Blocker.UNDELIVERED:
            self.tell(notices.delivered_again(incident, self.situation))
