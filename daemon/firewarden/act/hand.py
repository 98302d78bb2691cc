"""The one place from which a change is sent: an intent before it, an outcome after it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

import structlog

from firewarden.act.calls import Caller, Sent, settled
from firewarden.decide.orders import Order
from firewarden.errors import ProviderError
from firewarden.model.action import Intent, Outcome
from firewarden.model.deployment import Deployment
from firewarden.model.fleet import Examined
from firewarden.model.ids import DeploymentId
from firewarden.policy.rules import STOPS
from firewarden.ports import Clock, Controls, Crash, CrashPoint, Permit, Provider, RunDb
from firewarden.store import intents
from firewarden.store.engine import Database
from firewarden.store.session import Session

log = structlog.get_logger()

READ_FOR = timedelta(seconds=10)
"""So long the last look at a target is good for; an older one is no look."""

IN_FLIGHT = timedelta(seconds=15)
"""So long a call may still be under way after the process that sent it ended."""

Objection = Callable[[Examined], str]
"""Says why the order must not be carried out, now that its target was read; "": it may."""

MayClaim = Callable[[Session], str]
"""Says why no intent may be written now ("": one may); asked in the transaction that does."""


class Right(Protocol):
    """The right to act for one account."""

    @property
    def epoch(self) -> int:
        """The lease's; it accompanies each intent."""
        ...

    def still_held(self) -> None:
        """Raise `LeaseLost` where it is not held any more, or may not be."""
        ...

    def fence(self, session: Session) -> None:
        """Raise `LeaseLost` where the database knows a newer holder."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What became of an intent; its order is None where it was found open and settled.

    Attributes:
        strayed: fields that changed although nobody asked for it.
        in_use: the provider would not, because of the deployment's state or use.
    """

    intent: Intent
    deployment: Deployment | None
    order: Order | None = None
    strayed: tuple[str, ...] = ()
    in_use: bool = False


Record = Callable[[Session, Deed], None]
"""Writes what follows from a deed, in the transaction that writes its outcome."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """Carries out orders for one account, one at a time.

    Attributes:
        read_for: how long a look at a target is good for, by *clock*.
        in_flight: how long a call of a process that ended may still be under way.
    """

    provider: Provider
    controls: Controls
    database: Database
    run_db: RunDb
    clock: Clock
    crash: Crash
    right: Right
    read_for: timedelta = READ_FOR
    in_flight: timedelta = IN_FLIGHT

    async def carry_out(
        self, order: Order, *, may_claim: MayClaim, objection: Objection, record: Record
    ) -> Deed | None:
        """Do what *order* says, at most once; None where it was not claimed.

        After the intent is committed the target is read, *objection* asked, and only then is
        the change sent; its outcome is committed together with what *record* writes. An
        order that was refused is no attempt.

        Raises:
            LeaseLost: another process looks after the account, or may: what was begun stays
                open, and whoever holds the lease settles it by reading.
            StoreUnavailable: the intent stays open, and is settled by reading.
        """
        self.right.still_held()
        intent = order.intent(at=self.clock.now(), epoch=self.right.epoch)
        number = await self.run_db(lambda: self._claim(intent, may_claim))
        if number is None:
            return None
        intent = replace(intent, action_id=number)
        self.crash(CrashPoint.INTENT_COMMITTED)
        log.info("action.planned", **_told(intent))
        sent, found = await self._do(order, intent, objection)
        return await self._conclude(intent, sent, record, deployment=found, order=order)

    async def settle(self, intent: Intent, record: Record) -> Deed | None:
        """Find out by reading what became of an open intent; None: it cannot be told yet."""
        self.right.still_held()
        if self.clock.now() - intent.planned_at < self.in_flight:
            return None
        try:
            examined = await self._read_name(intent.uid.rpartition("@")[0])
        except ProviderError:
            return None
        found = examined.deployment
        if found is not None and found.uid != intent.uid:  # a namesake, made since
            found, examined = None, replace(examined, deployment=None)
        sent = settled(intent.effect, examined)
        return await self._conclude(intent, sent, record, deployment=found, order=None)

    def _claim(self, intent: Intent, may_claim: MayClaim) -> int | None:
        with self.database.writing() as session:
            self.right.fence(session)
            if why := may_claim(session):
                log.info("action.withheld", because=why, **_told(intent))
                return None
            number = intents.claim(session, intent)
            self.crash(CrashPoint.INTENT_WRITTEN)
            return number

    async def _do(
        self, order: Order, intent: Intent, objection: Objection
    ) -> tuple[Sent, Deployment | None]:
        """Read, judge, call; whatever of the world goes wrong becomes an outcome."""
        try:
            if order.verb in STOPS:
                await self._keep_whole(order, intent)
            examined = await self.provider.fetch_deployment(order.deployment.deployment_id)
        except ProviderError as error:
            why = f"its target could not be read: {error.problem}"
            return Sent(outcome=Outcome.REFUSED, detail=why), None
        self.crash(CrashPoint.TARGET_EXAMINED)
        found = examined.deployment
        why = objection(examined)
        if found is None or why:
            return Sent(outcome=Outcome.REFUSED, detail=why or "it is gone"), found
        if self.clock.now() - examined.asked_at > self.read_for:
            return Sent(outcome=Outcome.REFUSED, detail="reading its target took too long"), found
        permit = Permit(action_id=intent.action_id, still_held=self.right.still_held)
        caller = Caller(controls=self.controls, crash=self.crash, read=self._read)
        return await caller.send(order.effect, found, permit), found

    async def _keep_whole(self, order: Order, intent: Intent) -> None:
        whole = await self.controls.fetch_whole(order.deployment.deployment_id)

        def keep() -> None:
            with self.database.writing() as session:
                intents.keep_whole(session, intent.action_id, whole)

        await self.run_db(keep)

    async def _read(self, deployment: Deployment) -> Examined:
        return await self._read_name(deployment.name)

    async def _read_name(self, name: str) -> Examined:
        deployment_id = DeploymentId(name.rpartition("/")[2])
        return await self.provider.fetch_deployment(deployment_id, alone=True)

    async def _conclude(
        self,
        intent: Intent,
        sent: Sent,
        record: Record,
        *,
        deployment: Deployment | None,
        order: Order | None,
    ) -> Deed | None:
        if sent.outcome is Outcome.PLANNED:  # nobody knows yet: it stays open
            log.warning("action.unsettled", detail=sent.detail, **_told(intent))
            return None
        at = self.clock.now()
        done = replace(intent, outcome=sent.outcome, detail=sent.detail, finished_at=at)
        deed = Deed(
            intent=done,
            deployment=deployment,
            order=order,
            strayed=sent.strayed,
            in_use=sent.in_use,
        )
        await self.run_db(lambda: self._write(deed, record))
        self.crash(CrashPoint.OUTCOME_COMMITTED)
        level = log.warning if sent.outcome is Outcome.FAILED else log.info
        level(f"action.{sent.outcome.value}", detail=sent.detail, **_told(intent))
        return deed

    def _write(self, deed: Deed, record: Record) -> None:
        intent, order, at = deed.intent, deed.order, self.clock.now()
        with self.database.writing() as session:
            intents.finish(session, intent.action_id, intent.outcome, detail=intent.detail, at=at)
            if order is not None and intent.outcome is Outcome.APPLIED:
                for number in order.releases:
                    intents.release(session, number, order.released, at=at)
            record(session, deed)
            self.crash(CrashPoint.OUTCOME_WRITTEN)


def _told(intent: Intent) -> dict[str, object]:
    return {
        "account": intent.account,
        "action_id": intent.action_id,
        "uid": intent.uid,
        "verb": intent.verb.value,
        "policy": intent.policy,
        "actor": intent.actor,
        "reason": intent.reason,
    }
