"""Writes verdicts; what several policies say alike of one deployment is worked out once."""

from collections.abc import Mapping
from decimal import Decimal

from firewarden.decide.guards import Guards
from firewarden.decide.protections import Blocked
from firewarden.decide.reasons import evidence_of, reason_of
from firewarden.decide.seen import Seen
from firewarden.model.verdict import Truth, Verdict
from firewarden.model.vocabulary import Blocker, Verb
from firewarden.policy.rules import Policy, RequireData

_NOTHING: Mapping[str, str] = {}
_Asked = tuple[frozenset[Blocker], RequireData, Decimal | None, Verb, str, str]


class Clerk:
    """Writes the verdicts of one cycle, one deployment after the other."""

    def __init__(self, guards: Guards) -> None:
        """Write with *guards*."""
        self._guards = guards
        self._seen: Seen | None = None
        self._evidence: Mapping[str, str] | None = None
        self._blocked: dict[_Asked, Blocked | None] = {}

    def verdict(self, seen: Seen, policy: Policy, truth: Truth, *, unknown: str) -> Verdict:
        """Say what *policy* makes of *seen*; *unknown*: what is not known, "" if nothing."""
        if seen is not self._seen:
            self._seen, self._evidence, self._blocked = seen, None, {}
        blocked = self._blocker(seen, policy, unknown)
        due = truth is Truth.TRUE and blocked is None
        return Verdict(
            uid=seen.uid,
            policy=policy.name,
            policy_hash=policy.hash,
            mode=min(policy.mode, seen.situation.ceiling),
            truth=truth,
            conditions=(),
            blocked_by=blocked[0] if blocked else None,
            blocked_because=blocked[1] if blocked else "",
            verb=policy.verb,
            acts_at=seen.now + policy.grace if due else None,
            reason=reason_of(seen, policy, truth, unknown),
            evidence=_NOTHING if policy.verb is Verb.WARN else self._evidence_of(seen),
        )

    def _evidence_of(self, seen: Seen) -> Mapping[str, str]:
        if self._evidence is None:
            self._evidence = evidence_of(seen)
        return self._evidence

    def _blocker(self, seen: Seen, policy: Policy, unknown: str) -> Blocked | None:
        asked = (
            policy.allow,
            policy.require_data,
            policy.saves_at_least,
            policy.verb,
            unknown,
            _own(seen, policy),
        )
        if asked not in self._blocked:
            self._blocked[asked] = self._guards.first(seen, policy, unknown=unknown)
        return self._blocked[asked]


def _own(seen: Seen, policy: Policy) -> str:
    """Name *policy* where its name alone can decide: its own past or budget, bounds to set."""
    own = policy.verb is Verb.SET_AUTOSCALING or not policy.rests_on_a_look
    own = own or bool(policy.except_during)
    depends = own or bool(seen.situation.deeds.intents)
    return policy.name if depends else ""
