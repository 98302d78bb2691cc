"""The calls of one effect, each sent once; what became of them is found by reading."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from firewarden.errors import (
    AnswerLost,
    Forbidden,
    InUse,
    NotFound,
    ProviderError,
    ProviderUnavailable,
)
from firewarden.model.action import Effect, Outcome
from firewarden.model.deployment import Deployment
from firewarden.model.fleet import Examined
from firewarden.model.vocabulary import State
from firewarden.ports import Controls, Crash, CrashPoint, Permit

BOUNDS = frozenset({"minReplicaCount", "maxReplicaCount", "autoscalingPolicy.scaleToZeroWindow"})
"""What an effect sets; such a field is said to have strayed where it is not as it was asked for."""

Read = Callable[[Deployment], Awaitable[Examined]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What became of an effect.

    Attributes:
        strayed: fields that changed although nobody asked for it.
        in_use: the provider would not, because of the deployment's state or use.
    """

    outcome: Outcome
    detail: str = ""
    strayed: tuple[str, ...] = ()
    in_use: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Sends the calls of one effect in their order, and stops at the first that fails."""

    controls: Controls
    crash: Crash
    read: Read

    async def send(self, effect: Effect, deployment: Deployment, permit: Permit) -> Sent:
        """Send what *effect* asks of *deployment*.

        Nothing is sent a second time: where an answer was lost, a read tells. A call that was
        not taken ends the effect, and what came before it stands.

        Raises:
            LeaseLost: it may not go on; whoever holds the lease finds out what was done.
        """
        try:
            strayed = await self._bounds(effect, deployment, permit)
            if strayed:
                return _strayed(strayed)
            await self._rest(effect, deployment, permit)
        except AnswerLost as error:
            return await self._after_silence(effect, deployment, error)
        except (ProviderError, Forbidden) as error:
            return await self._ended(effect, deployment, error)
        return Sent(outcome=Outcome.APPLIED)

    async def _bounds(
        self, effect: Effect, deployment: Deployment, permit: Permit
    ) -> tuple[str, ...]:
        """Set them, and give the fields that strayed; a lost answer is made good by a read."""
        if not effect.sets_bounds:
            return ()
        lost: AnswerLost | None = None
        try:
            await self.controls.set_bounds(deployment, effect, permit=permit)
        except AnswerLost as error:
            lost = error
        self.crash(CrashPoint.BOUNDS_SENT)
        try:
            written = await self.controls.read_back(deployment, effect)
        except ProviderError:
            if lost is None:
                raise
            raise lost from None
        self.crash(CrashPoint.BOUNDS_READ_BACK)
        is_there = effect.is_in_force(written.deployment)
        if lost is not None and not is_there and BOUNDS.issuperset(written.strayed):
            raise lost  # it never arrived: what is not as it was asked for has not strayed
        return written.strayed

    async def _rest(self, effect: Effect, deployment: Deployment, permit: Permit) -> None:
        if effect.replica_count is not None:
            await self.controls.scale(deployment, effect.replica_count, permit=permit)
        elif effect.delete:
            await self.controls.delete(deployment, permit=permit)
        elif effect.undelete:
            await self.controls.undelete(deployment, permit=permit)
        self.crash(CrashPoint.CALL_SENT)

    async def _ended(
        self, effect: Effect, deployment: Deployment, error: ProviderError | Forbidden
    ) -> Sent:
        """Say what the effect came to that *error* ended; its PATCH may have been taken."""
        said = _said(error, effect)
        if not effect.sets_bounds or said.outcome is Outcome.FAILED:
            return said
        found = await self._found(effect, deployment)
        if found.outcome is Outcome.EXPIRED:
            return said
        return replace(found, in_use=said.in_use and found.outcome is Outcome.FAILED)

    async def _after_silence(
        self, effect: Effect, deployment: Deployment, error: AnswerLost
    ) -> Sent:
        """Read what a call did whose answer never came; an effect that is not there has failed."""
        found = await self._found(effect, deployment)
        if found.outcome is Outcome.EXPIRED:
            return Sent(outcome=Outcome.FAILED, detail=f"{error.problem}; {found.detail}")
        return found

    async def _found(self, effect: Effect, deployment: Deployment) -> Sent:
        """Read what there is of *effect*; PLANNED where nobody can tell yet."""
        try:
            return settled(effect, await self.read(deployment))
        except ProviderError as error:
            return Sent(outcome=Outcome.PLANNED, detail=error.problem)


def _said(error: ProviderError | Forbidden, effect: Effect) -> Sent:
    """Say what *error* makes of an effect of which nothing was taken."""
    match error:
        case InUse():
            return Sent(outcome=Outcome.REFUSED, detail=error.problem, in_use=True)
        case NotFound():
            gone = Outcome.APPLIED if effect.delete else Outcome.REFUSED
            return Sent(outcome=gone, detail="it is gone")
        case ProviderUnavailable():
            return Sent(outcome=Outcome.REFUSED, detail=error.problem)
        case _:
            return Sent(outcome=Outcome.FAILED, detail=error.problem)


def settled(effect: Effect, examined: Examined) -> Sent:
    """Tell by a read what became of *effect*: all of it, its bounds alone, or nothing."""
    found = examined.deployment
    if found is None or found.state in {State.DELETING, State.DELETED}:
        done = effect.delete
        return Sent(
            outcome=Outcome.APPLIED if done else Outcome.EXPIRED,
            detail="found deleted by reading",
        )
    if effect.delete:
        return Sent(outcome=Outcome.EXPIRED, detail="found not deleted by reading")
    if not effect.is_in_force(found):
        return Sent(outcome=Outcome.EXPIRED, detail="found unchanged by reading")
    if effect.replica_count is not None and found.desired_replica_count != effect.replica_count:
        if not effect.sets_bounds:
            return Sent(outcome=Outcome.EXPIRED, detail="found unchanged by reading")
        return Sent(
            outcome=Outcome.FAILED, detail="its bounds were set, its replicas were not asked for"
        )
    return Sent(outcome=Outcome.APPLIED, detail="found done by reading")


def _strayed(fields: tuple[str, ...]) -> Sent:
    return Sent(
        outcome=Outcome.FAILED,
        detail=f"the write also changed {', '.join(fields)}",
        strayed=fields,
    )
