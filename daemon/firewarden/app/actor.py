"""Carries out what is due for one account, and writes down what follows from it."""

import asyncio
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import structlog

from firewarden.act.hand import IN_FLIGHT, READ_FOR, Deed, Hand, Right
from firewarden.app.asked import Answer, Asking
from firewarden.app.compose import Account
from firewarden.app.memory import Memory, Tools
from firewarden.app.situation import read_deeds
from firewarden.app.telling import Telling
from firewarden.decide import aftermath, notices
from firewarden.decide.deeds import Release
from firewarden.decide.judge import Judge
from firewarden.decide.limits import let_through
from firewarden.decide.orders import Order, objection, order_of
from firewarden.decide.situation import Situation
from firewarden.decide.standing import DELETED_SOON
from firewarden.decide.stories import routes_of
from firewarden.model.action import POLICY, Outcome
from firewarden.model.fleet import Examined
from firewarden.model.notice import Notice
from firewarden.model.people import Override, OverrideKind, RequestOutcome
from firewarden.model.verdict import Incident, IncidentState
from firewarden.model.vocabulary import Verb
from firewarden.policy.money import is_rung
from firewarden.policy.rules import EFFECTS, PolicySet
from firewarden.store import incidents as stored_incidents
from firewarden.store import overrides, requests
from firewarden.store.notices import record as record_notice
from firewarden.store.session import Session

log = structlog.get_logger()

QUICKEST = timedelta(milliseconds=250)
"""Of wall time: however compressed the clock, calls take as long as ever."""

DRAIN = timedelta(seconds=8)
"""How long the end of the process waits for what was sent; of the event loop's time."""

T = TypeVar("T")

OURSELVES = "firewarden"
"""The actor of a pause that a write which went wrong has brought about."""

_OUTCOMES = {
    Outcome.APPLIED: RequestOutcome.DONE,
    Outcome.REFUSED: RequestOutcome.REFUSED,
    Outcome.EXPIRED: RequestOutcome.EXPIRED,
    Outcome.FAILED: RequestOutcome.FAILED,
}


async def to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """Do *work*; when the process is to end, wait for it a while: a call may have been sent.

    What is not over by then is cut off, and settled by reading at the next start.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if not (await asyncio.wait({task}, timeout=DRAIN.total_seconds()))[0]:
            task.cancel()
            await asyncio.wait({task})
        raise


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Acts for one account under one tenure of its lease."""

    account: Account
    tools: Tools
    policies: PolicySet
    judge: Judge
    telling: Telling

    @property
    def fresh_for(self) -> timedelta:
        """How old evidence of use may be when something is stopped by it."""
        return max(READ_FOR, QUICKEST * self.tools.settings.time_speed)

    async def act(self, memory: Memory, right: Right) -> None:
        """Carry out what is due, one after the other; what has to wait, waits.

        Raises:
            LeaseLost: another process looks after the account.
            StoreError: what was under way is settled by reading later.
        """
        if memory.judged is None:
            return
        hand = self._hand(right)
        for intent in memory.deeds.unsettled():
            settled = await to_its_end(hand.settle(intent, self._record(memory)))
            self._take_in(memory, settled)
        for order in self._orders(memory):
            if order.needs_evidence_of_use and not self._is_fresh(order, memory):
                continue
            work = hand.carry_out(
                order,
                may_claim=partial(self._withheld, order, memory),
                objection=partial(self._objection, order, memory),
                record=self._record(memory),
            )
            self._take_in(memory, await to_its_end(work))
        if memory.has_work:
            await self._look_back(memory)

    def _orders(self, memory: Memory) -> Iterator[Order]:
        """Say what is to be carried out, by the newest that is known; one a deployment."""
        situation, begun = self._now(memory), {one.uid for one in memory.deeds.unsettled()}
        named = {policy.name: policy for policy in self.policies.policies}
        due = (order_of(one, named[one.policy], situation) for one in memory.due)
        for order in (*memory.owed, *(one for one in due if one is not None)):
            if order.uid not in begun:
                begun.add(order.uid)
                yield order

    def _hand(self, right: Right) -> Hand:
        tools = self.tools
        return Hand(
            provider=self.account.provider,
            controls=self.account.controls,
            database=tools.database,
            run_db=tools.run_db,
            clock=tools.clock,
            crash=tools.crash,
            right=right,
            read_for=self.fresh_for,
            in_flight=IN_FLIGHT * tools.settings.time_speed,
        )

    def _is_fresh(self, order: Order, memory: Memory) -> bool:
        """Was its use looked at just now? A scrape that tells nothing of it is no look at it."""
        at, now = memory.scraped_at, self.tools.clock.now()
        if at is None or now - at > self.fresh_for:
            return False
        told_at = memory.watch.book.look(order.uid, now=now).newest_at
        return told_at is not None and told_at >= at

    def _now(self, memory: Memory) -> Situation:
        """Give the situation of the last cycle with what has come to light since."""
        assert memory.judged is not None
        return replace(memory.judged, now=self.tools.clock.now(), deeds=memory.deeds)

    def _objection(self, order: Order, memory: Memory, examined: Examined) -> str:
        """Say why it is not done after all; what its target was read for may have taken long."""
        if order.needs_evidence_of_use and not self._is_fresh(order, memory):
            return "its use was looked at too long ago by then"
        return objection(order, examined, self._now(memory), self.judge)

    def _withheld(self, order: Order, memory: Memory, session: Session) -> str:
        """Say why no intent may be written; asked of the database, in its transaction."""
        account, now = self.account.account, self.tools.clock.now()
        words = overrides.standing(session, account, now=now)
        if any(each.kind is OverrideKind.PAUSE for each in words):
            return "a person has paused all actions"
        if order.verb in EFFECTS and any(_forbids(each, order) for each in words):
            return "a person has it left alone"
        if order.actor != POLICY:
            return ""
        situation = replace(self._now(memory), deeds=read_deeds(session, account, now=now))
        if why := situation.deeds.breaker(now=now):
            return why
        if order.incident is None:
            return ""
        named = {policy.name: policy for policy in self.policies.policies}
        passed = let_through([order.incident], named, memory.docket, situation)
        return passed.wait[0][1] if passed.wait else ""

    def _record(self, memory: Memory) -> "Recorder":
        return Recorder(actor=self, situation=self._now(memory))

    def _take_in(self, memory: Memory, deed: Deed | None) -> None:
        """Let the memory follow what was committed."""
        if deed is None:
            return
        memory.deeds = memory.deeds.with_one(deed.intent)
        if deed.order is not None and deed.intent.outcome is Outcome.APPLIED:
            over = [Release(action_id=one, why=deed.order.released) for one in deed.order.releases]
            memory.deeds = memory.deeds.without(over, at=self.tools.clock.now())
        if (closed := _closed(deed, self._now(memory))) is not None:
            memory.docket = memory.docket.after([closed], braked=memory.docket.braked)
        memory.due = tuple(one for one in memory.due if one.uid != deed.intent.uid)
        memory.owed = tuple(one for one in memory.owed if one.uid != deed.intent.uid)

    async def _look_back(self, memory: Memory) -> None:
        """Read what was claimed and may not have been concluded."""
        account, now = self.account.account, self.tools.clock.now()

        def read() -> None:
            with self.tools.database.reading() as session:
                memory.deeds = read_deeds(session, account, now=now)

        await self.tools.run_db(read)

    async def hear(self, memory: Memory) -> tuple[Answer, ...]:
        """Take up what people ask for: orders are owed from now on, the rest has an answer."""
        asking = Asking(
            situation=self._now(memory),
            docket=memory.docket,
            policies=self.policies,
            judge=self.judge,
            provider=self.account.provider,
        )
        answers: list[Answer] = []
        memory.owed = tuple(order for order in memory.owed if order.request_id is None)
        for request in memory.words.requests:
            said = await asking.hear(request)
            if isinstance(said, Answer):
                answers.append(said)
            else:
                memory.owed = (*memory.owed, said)
        return tuple(answers)


_TOLD = {Outcome.APPLIED: aftermath.put_back, Outcome.FAILED: aftermath.not_put_back}
"""What is said of an order to put bounds back, by its outcome; of others nothing is news."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """Writes what follows from a deed, in the transaction of its outcome."""

    actor: Actor
    situation: Situation

    def __call__(self, session: Session, deed: Deed) -> None:
        """Write it."""
        intent, at = deed.intent, self.situation.now
        if (closed := _closed(deed, self.situation)) is not None:
            stored_incidents.write(session, closed)
        if deed.strayed:
            overrides.put(
                session,
                Override(
                    account=intent.account,
                    kind=OverrideKind.PAUSE,
                    since=at,
                    actor=OURSELVES,
                    reason=f"action {intent.action_id} changed {', '.join(deed.strayed)} as well",
                ),
            )
        if intent.request_id is not None:
            outcome = _OUTCOMES[intent.outcome]
            detail = intent.detail or f"action {intent.action_id}"
            requests.finish(session, intent.request_id, outcome, detail=detail, at=at)
        for notice in self._notices(deed, closed):
            record_notice(session, notice, self.actor.telling.destinations(notice))

    def _notices(self, deed: Deed, closed: Incident | None) -> Iterator[Notice]:
        intent, deployment, situation = deed.intent, deed.deployment, self.situation
        routes = self._routes(deed)
        if closed is not None:
            tell = notices.refused if deed.in_use else notices.failed
            yield replace(tell(closed, intent.detail, situation), routes=routes)
        if deployment is None:
            return
        if deed.strayed:
            fields = ", ".join(deed.strayed)
            yield aftermath.strayed(intent, deployment, fields, situation)
        if intent.verb is Verb.RESTORE and intent.outcome in _TOLD:
            tell_of = _TOLD[intent.outcome]
            if intent.outcome is Outcome.APPLIED and intent.reason == DELETED_SOON:
                tell_of = aftermath.needs_owner
            told = tell_of(intent, deployment, situation)
            yield replace(told, routes=routes, story=self._story(deed) or told.story)

    def _story(self, deed: Deed) -> str:
        """Name the story of the newest change that a deed undoes; "" where it undoes none."""
        numbers = deed.order.releases if deed.order else ()
        undone = self.situation.deeds.intents.get(max(numbers, default=0))
        return aftermath.story_of_change(undone) if undone else ""

    def _routes(self, deed: Deed) -> tuple[str, ...]:
        for policy in self.actor.policies.policies:
            if policy.name == deed.intent.policy:
                return routes_of(policy)
        return ()


def _closed(deed: Deed, situation: Situation) -> Incident | None:
    """Give the incident that a deed has ended; None where it goes on, or there is none."""
    incident = deed.order.incident if deed.order else None
    over = deed.intent.outcome is Outcome.FAILED or deed.in_use
    if incident is None or not over:
        return None
    return replace(
        incident,
        state=IncidentState.FAILED,
        entered_at=situation.now,
        closed_at=situation.now,
        closed_because=deed.intent.detail,
        held_by=None,
        held_since=None,
    )


def _forbids(word: Override, order: Order) -> bool:
    """Does *word* keep *order* from being carried out? A snooze keeps no budget from its limit."""
    snoozed = word.kind is OverrideKind.SNOOZE and is_rung(order.policy)
    return word.uid == order.uid and not snoozed


def write_answer(session: Session, answer: Answer, *, at: datetime) -> None:
    """Write what is said to a request, with the override that comes of it."""
    request = answer.request
    if not requests.finish(
        session, request.request_id, answer.outcome, detail=answer.detail, at=at
    ):
        return
    if answer.override is not None:
        overrides.put(session, answer.override)
