"""What people ask for, as orders; or as an answer that says why not."""

from dataclasses import dataclass, replace

from firewarden.decide.docket import Docket
from firewarden.decide.judge import Judge
from firewarden.decide.orders import Order, evidence_for, ordered_by_hand
from firewarden.decide.plan import plan
from firewarden.decide.seen import Seen
from firewarden.decide.situation import Situation
from firewarden.decide.standing import put_back
from firewarden.errors import ProviderError
from firewarden.model.action import Bounds, Effect
from firewarden.model.ids import DeploymentId, PolicyName, Uid
from firewarden.model.people import Override, OverrideKind, Request, RequestOutcome, RequestVerb
from firewarden.model.verdict import Incident
from firewarden.model.vocabulary import Blocker, Mode, Verb
from firewarden.policy.rules import Policy, PolicySet
from firewarden.ports import Provider


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is said to a request that no order comes of; an override may come of it."""

    request: Request
    outcome: RequestOutcome
    detail: str
    override: Override | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Turns requests into orders, by what is known now."""

    situation: Situation
    docket: Docket
    policies: PolicySet
    judge: Judge
    provider: Provider

    async def hear(self, request: Request) -> Order | Answer:
        """Say what comes of *request*."""
        match request.verb:
            case RequestVerb.APPROVE:
                return self._approve(request)
            case RequestVerb.REJECT:
                return self._reject(request)
            case _ if self.situation.ceiling < Mode.APPROVE:
                word = self.situation.ceiling.label
                return _no(request, f"FIREWARDEN_MODE is {word}: set it to approve or enforce")
            case RequestVerb.RESTORE:
                return self._restore(request)
            case RequestVerb.UNDELETE:
                return await self._undelete(request)
            case RequestVerb.APPLY:
                return self._apply(request)

    def _approve(self, request: Request) -> Answer:
        incident, policy = self._waiting(request)
        if incident is None or policy is None:
            return _no(request, "nothing waits for an approval there")
        by = policy.approval.by
        if by and "cli" not in by and request.actor.startswith("cli:"):
            return _no(request, f"{policy.name} may be approved by {', '.join(by)} only")
        return Answer(
            request=_about(request, policy),
            outcome=RequestOutcome.DONE,
            detail=f"approved: {policy.name} acts after one more look",
        )

    def _reject(self, request: Request) -> Answer:
        incident, policy = self._waiting(request)
        if incident is None or policy is None:
            return _no(request, "nothing waits for an approval there")
        until = self.situation.now + policy.approval.expires
        return Answer(
            request=_about(request, policy),
            outcome=RequestOutcome.DONE,
            detail=f"rejected: left alone until {until:%Y-%m-%d %H:%M} UTC",
            override=Override(
                account=request.account,
                kind=OverrideKind.SNOOZE,
                uid=incident.uid,
                since=self.situation.now,
                until=until,
                actor=request.actor,
                reason=request.reason or "rejected",
            ),
        )

    def _waiting(self, request: Request) -> tuple[Incident | None, Policy | None]:
        """Find the incident that waits for a yes, and its policy; the only one, or the named."""
        wanted = request.arguments.get("policy")
        found = [
            incident
            for incident in self.docket.opened.values()
            if incident.uid == request.uid
            and incident.held_by is Blocker.APPROVAL
            and wanted in {None, incident.policy}
        ]
        if len(found) != 1:
            return None, None
        return found[0], self._policy(found[0].policy)

    def _restore(self, request: Request) -> Order | Answer:
        deployment = self.situation.fleet.deployments.get(request.uid or Uid(""))
        standing = [one for one in self.situation.deeds.standing() if one.uid == request.uid]
        if deployment is None or not standing:
            return _no(request, "no change of ours stands there")
        order = put_back(standing, deployment, self.situation, reason=request.reason or "asked for")
        if order is None:
            return _no(request, "its old bounds are in force already")
        return _by(order, request)

    async def _undelete(self, request: Request) -> Order | Answer:
        name = (request.uid or "").rpartition("@")[0]
        try:
            examined = await self.provider.fetch_deployment(
                DeploymentId(name.rpartition("/")[2]), alone=True
            )
        except ProviderError as error:
            return _no(request, f"it could not be read: {error.problem}")
        found = examined.deployment
        if found is None or found.uid != request.uid:
            return _no(request, "the provider knows it no more: it cannot be brought back")
        if not found.is_gone:
            return _no(request, f"it is {found.state}, not deleted")
        order = Order(
            uid=found.uid,
            deployment=found,
            verb=Verb.UNDELETE,
            effect=Effect(undelete=True),
            before=Bounds.of(found),
            reason=request.reason or "asked for",
            evidence=evidence_for(Seen(found, self.situation)),
        )
        return _by(order, request)

    def _apply(self, request: Request) -> Order | Answer:
        """Take one item of a saved plan, if its evidence holds still."""
        wanted = request.arguments
        made = plan(self.situation, self.judge.judge(self.situation), self.docket, self.policies)
        for item in made.actions:
            same = item.uid == request.uid and item.policy == wanted.get("policy")
            if same and item.fingerprint == wanted.get("fingerprint"):
                policy = self._policy(item.policy)
                order = policy and ordered_by_hand(item.uid, item.reason, policy, self.situation)
                if order:
                    return _by(order, request)
        held = next((one for one in made.held if one.planned.uid == request.uid), None)
        why = f": {held.blocked_because}" if held else ""
        return _no(request, f"what the plan rested on has moved{why}")

    def _policy(self, name: PolicyName) -> Policy | None:
        return next((one for one in self.policies.policies if one.name == name), None)


def _by(order: Order, request: Request) -> Order:
    return replace(order, actor=request.actor, request_id=request.request_id)


def _about(request: Request, policy: Policy) -> Request:
    return replace(request, arguments={**request.arguments, "policy": policy.name})


def _no(request: Request, why: str) -> Answer:
    return Answer(request=request, outcome=RequestOutcome.REFUSED, detail=why)
