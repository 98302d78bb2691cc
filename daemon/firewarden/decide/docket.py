"""The incidents of one account as the next cycle needs them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from firewarden.model.delivery import Delivery
from firewarden.model.ids import PolicyName, Uid
from firewarden.model.verdict import Incident, IncidentState
from firewarden.model.vocabulary import Mode, Verb

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

Pair = tuple[Uid, PolicyName]


@dataclass(frozen=True, slots=True, kw_only=True)
class Docket:
    """Open incidents, and of the closed ones what later cycles ask for.

    Attributes:
        opened: the open one of each (uid, policy).
        done: the newest one of each pair that ran to its end.
        failed: the newest one of each pair that came to nothing.
        rehearsals: instants at which the effects of policies that only observe or warn were
            due and let through, of the last day at least; real calls are deeds.
        deliveries: what became of the warnings that are waited for, by the story they tell.
        approved: who said yes to an open incident, by its pair.
        braked: the evidence was doubted in the last cycle; None: there was none yet.
    """

    opened: Mapping[Pair, Incident] = field(default_factory=dict)
    done: Mapping[Pair, Incident] = field(default_factory=dict)
    failed: Mapping[Pair, Incident] = field(default_factory=dict)
    rehearsals: Mapping[PolicyName, tuple[datetime, ...]] = field(default_factory=dict)
    deliveries: Mapping[str, Delivery] = field(default_factory=dict)
    approved: Mapping[Pair, str] = field(default_factory=dict)
    braked: bool | None = None

    @classmethod
    def of(cls, incidents: Iterable[Incident]) -> "Docket":
        """Build it from stored incidents, in any order; of closed ones only ends matter."""
        return cls().after(sorted(incidents, key=lambda each: each.closed_at or each.opened_at))

    def after(self, changed: Sequence[Incident], *, braked: bool | None = None) -> "Docket":
        """Take *changed* in, oldest first."""
        if not changed:
            return self if braked == self.braked else replace(self, braked=braked)
        opened, done, failed = dict(self.opened), dict(self.done), dict(self.failed)
        rehearsals = {policy: list(at) for policy, at in self.rehearsals.items()}
        for incident in changed:
            pair = (incident.uid, incident.policy)
            if not incident.state.is_closed:
                opened[pair] = incident
                continue
            if pair in opened and opened[pair].opened_at == incident.opened_at:
                del opened[pair]
            if incident.state is IncidentState.FAILED:
                failed[pair] = incident
            if incident.state is IncidentState.DONE and incident.closed_at is not None:
                done[pair] = incident
                if incident.verb is not Verb.WARN and incident.mode < Mode.APPROVE:
                    rehearsals.setdefault(incident.policy, []).append(incident.closed_at)
        return replace(
            self,
            opened=opened,
            done=done,
            failed=failed,
            rehearsals=_last_day(rehearsals),
            braked=braked,
        )

    def done_for(self, uid: Uid, policies: Iterable[PolicyName]) -> Iterator[Incident]:
        """Find what ran to its end for *uid* under *policies*."""
        for policy in policies:
            if (incident := self.done.get((uid, policy))) is not None:
                yield incident


def _last_day(
    rehearsals: Mapping[PolicyName, list[datetime]],
) -> dict[PolicyName, tuple[datetime, ...]]:
    newest = max((at for times in rehearsals.values() for at in times), default=None)
    if newest is None:
        return {}
    return {
        policy: tuple(at for at in times if at > newest - DAY)
        for policy, times in rehearsals.items()
    }
