"""What people have said since the last cycle, and what they have heard."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from firewarden.decide.docket import Docket, Pair
from firewarden.decide.notices import story_of
from firewarden.decide.situation import Situation
from firewarden.model.delivery import Delivery
from firewarden.model.ids import AccountId, PolicyName, Uid
from firewarden.model.people import (
    Override,
    Overrides,
    Request,
    RequestOutcome,
    RequestVerb,
)
from firewarden.model.verdict import Incident, IncidentState
from firewarden.model.vocabulary import Mode
from firewarden.store import overrides, requests
from firewarden.store.deliveries import deliveries
from firewarden.store.session import Session

ASKED_WITHIN = timedelta(days=7)
"""How long a yes is remembered; the incidents it is about do not wait as long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """People's word, as of one instant.

    Attributes:
        overrides: what stands over the policies.
        requests: what is asked for and open, the oldest first.
        deliveries: what became of the warnings that are waited for.
        approved: who said yes to an open incident, by its pair.
    """

    overrides: Overrides = field(default_factory=Overrides)
    requests: tuple[Request, ...] = ()
    deliveries: Mapping[str, Delivery] = field(default_factory=dict)
    approved: Mapping[Pair, str] = field(default_factory=dict)

    def over(self, situation: Situation) -> Situation:
        """Put people's word over *situation*."""
        return replace(
            situation,
            paused=bool(self.overrides.paused),
            brake_released_at=self.overrides.released_at,
            snoozed=_said(self.overrides.snoozed, "snoozed"),
            kept=_said(self.overrides.protected, "protected"),
        )

    def heard_by(self, docket: Docket) -> Docket:
        """Tell *docket* what people have heard, and what they have said yes to."""
        return replace(docket, deliveries=self.deliveries, approved=self.approved)


def read_words(session: Session, account: AccountId, docket: Docket, *, now: datetime) -> Words:
    """Read what a cycle at *now* has to know of people's word."""
    opened = docket.opened.values()
    stories = [story_of(each) for each in opened if _is_unheard(each)]
    waiting = any(each.mode is Mode.APPROVE for each in opened)
    return Words(
        overrides=Overrides.of(overrides.standing(session, account, now=now), now=now),
        requests=requests.pending(session, account, now=now),
        deliveries=deliveries(session, account, stories) if stories else {},
        approved=_approved(session, account, opened, now=now) if waiting else {},
    )


def _is_unheard(incident: Incident) -> bool:
    return incident.state is IncidentState.WARNED and incident.warned_at is None


def _approved(
    session: Session, account: AccountId, opened: Collection[Incident], *, now: datetime
) -> dict[Pair, str]:
    """Find a yes that was said to an incident since it began to ask."""
    asked = requests.read_asked(session, account, since=now - ASKED_WITHIN)
    found: dict[Pair, str] = {}
    for incident in opened:
        for each in asked:
            if (
                each.verb is RequestVerb.APPROVE
                and each.outcome is RequestOutcome.DONE
                and each.uid == incident.uid
                and each.arguments.get("policy") in {None, incident.policy}
                and each.asked_at >= incident.entered_at
            ):
                found[incident.uid, PolicyName(incident.policy)] = each.actor
    return found


def _said(overrides: Mapping[Uid, Override], how: str) -> Mapping[Uid, str]:
    """Say of each override what it does, by whom and until when."""
    return {
        uid: f"{how} by {each.actor}"
        + (f" until {each.until:%Y-%m-%d %H:%M} UTC" if each.until else "")
        + (f": {each.reason}" if each.reason else "")
        for uid, each in overrides.items()
    }
