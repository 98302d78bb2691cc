"""The incidents of one account as the next cycle needs them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from firewarden.model.ids import PolicyName, Uid
from firewarden.model.verdict import Incident, IncidentState, Verb

HOUR = timedelta(hours=1)

Pair = tuple[Uid, PolicyName]


@dataclass(frozen=True, slots=True, kw_only=True)
class Docket:
    """Open incidents, and of the closed ones what later cycles ask for.

    Attributes:
        opened: the open one of each (uid, policy).
        done: the newest one of each pair that ran to its end.
        attempts: instants at which each policy's effects were due and let through, of the
            last hour at least.
        braked: the evidence was doubted in the last cycle; None: there was none yet.
    """

    opened: Mapping[Pair, Incident] = field(default_factory=dict)
    done: Mapping[Pair, Incident] = field(default_factory=dict)
    attempts: Mapping[PolicyName, tuple[datetime, ...]] = field(default_factory=dict)
    braked: bool | None = None

    @classmethod
    def of(cls, incidents: Iterable[Incident]) -> "Docket":
        """Build it from stored incidents, in any order; of closed ones only ends matter."""
        return cls().after(sorted(incidents, key=lambda each: each.closed_at or each.opened_at))

    def after(self, changed: Sequence[Incident], *, braked: bool | None = None) -> "Docket":
        """Take *changed* in, oldest first."""
        if not changed:
            return self if braked == self.braked else replace(self, braked=braked)
        opened, done = dict(self.opened), dict(self.done)
        attempts = {policy: list(at) for policy, at in self.attempts.items()}
        for incident in changed:
            pair = (incident.uid, incident.policy)
            if not incident.state.is_closed:
                opened[pair] = incident
                continue
            opened.pop(pair, None)
            if incident.state is IncidentState.DONE and incident.closed_at is not None:
                done[pair] = incident
                if incident.verb is not Verb.WARN:
                    attempts.setdefault(incident.policy, []).append(incident.closed_at)
        return Docket(opened=opened, done=done, attempts=_last_hour(attempts), braked=braked)

    def attempts_since(self, instant: datetime) -> Mapping[PolicyName, int]:
        """Count each policy's attempts later than *instant*."""
        return {
            policy: sum(at > instant for at in times) for policy, times in self.attempts.items()
        }

    def done_for(self, uid: Uid, policies: Iterable[PolicyName]) -> Iterator[Incident]:
        """Find what ran to its end for *uid* under *policies*."""
        for policy in policies:
            if (incident := self.done.get((uid, policy))) is not None:
                yield incident


def _last_hour(
    attempts: Mapping[PolicyName, list[datetime]],
) -> dict[PolicyName, tuple[datetime, ...]]:
    newest = max((at for times in attempts.values() for at in times), default=None)
    if newest is None:
        return {}
    return {
        policy: tuple(at for at in times if at > newest - HOUR)
        for policy, times in attempts.items()
    }
