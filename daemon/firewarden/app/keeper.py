"""Looks after one account: poll, fold, judge, commit in one transaction; then act."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

import structlog

from firewarden.app.actor import Actor, write_answer
from firewarden.app.capped import acting, read_caps
from firewarden.app.compose import Account
from firewarden.app.lease import LeaseKeeper, Tenure
from firewarden.app.memory import Found, Memory, Tools, all_prices, read_memory
from firewarden.app.pen import Pen
from firewarden.app.queries import Ledger
from firewarden.app.rulebook import read_rules
from firewarden.app.situation import evidence_reach
from firewarden.app.words import Words, read_words
from firewarden.decide.caps import Caps
from firewarden.decide.hello import hello
from firewarden.decide.incidents import step
from firewarden.decide.situation import Situation
from firewarden.decide.standing import tend
from firewarden.errors import FirewardenError, StoreError
from firewarden.model.notice import Notice
from firewarden.model.price import PriceSource
from firewarden.model.usage import Poll
from firewarden.observe.watch import Scraped, Seen
from firewarden.ports import CrashPoint
from firewarden.store.descriptions import write_surroundings
from firewarden.store.prices import record_prices
from firewarden.store.session import Session

log = structlog.get_logger()


class Keeper:
    """One account in the care of the daemon.

    Everything in memory follows the database: it is read at the first cycle, and again
    after any work on it that failed, when it may hold what was never committed.
    """

    def __init__(self, account: Account, tools: Tools, lease: LeaseKeeper) -> None:
        """Read the account's policies; ask nobody. Nothing is written without the *lease*.

        Raises:
            FileUnusable, PolicyError: the policies cannot be used.
        """
        self.account = account
        self.rules = read_rules(account.policies)
        self.lease = lease
        self._tools = tools
        self._follow_secrets()
        self._actor = self._new_actor()
        self.memory: Memory | None = None
        self.last_poll: Poll | None = None
        self.pen = Pen(account.account, tools)
        self._reading = asyncio.Lock()
        self._listing = asyncio.Lock()
        """Whoever folds reads of deployments: the database gets changes in the same order."""
        self._deciding = asyncio.Lock()
        """Whoever decides or acts: what is judged does not change under who carries it out."""

    async def cycle(self, *, only_asked: bool = False) -> None:
        """Poll once, judge what is known, commit all of it together, and act on what is due.

        *only_asked*: do what people ask for, and nothing that a policy calls for.
        """
        async with self._listing, self._remembering() as memory:
            tenure = self.lease.tenure()
            seen = await memory.watch.poll()
            async with self._deciding:
                memory.words = await self._read_words(memory)
                seen, found = await self._judge(memory, seen)
                self._tools.crash(CrashPoint.CYCLE_DECIDED)
                notices = (
                    *self._greeting(memory, found),
                    *_health_of_poll(memory, seen),
                    *found.notices,
                )
                await self.pen.commit(
                    tenure,
                    lambda session: self.pen.cycle(session, seen, found, notices, self.rules),
                )
                self._tools.crash(CrashPoint.CYCLE_COMMITTED)
                self.last_poll = seen.poll
                memory.watch.streak = memory.watch.streak.after(seen.poll)
                memory.take_in(found)
                await self._hear(memory, tenure)
                if only_asked:
                    memory.leave_only_what_is_asked()
                await self._act(memory, tenure)
        _log_poll(seen)
        if seen.error is not None:
            raise seen.error

    async def reload(self) -> None:
        """Take up the policy files where they have changed; what is wrong leaves the last good.

        An edited policy begins its stories anew, so nothing is due any sooner.

        Raises:
            FileUnusable, PolicyError, SettingsError: they cannot be used as they are now.
        """
        path, known = self.account.policies, self.rules
        rules = await self._tools.aside(lambda: read_rules(path, known=known))
        if rules is known:
            return
        async with self._deciding:
            self.rules = rules
            self._follow_secrets()
            self._actor = self._new_actor()
            self.memory = None  # other policies may look back further
        log.info(
            "policies.reloaded",
            account=self.account.account,
            policy_count=len(rules.policies.policies),
            policy_hash=rules.policies.hash,
        )

    def _follow_secrets(self) -> None:
        for secret in self.rules.telling.secrets:
            self._tools.follow(secret)

    def _new_actor(self) -> Actor:
        return Actor(
            account=self.account,
            tools=self._tools,
            policies=self.rules.policies,
            judge=self.rules.judge,
            telling=self.rules.telling,
        )

    @property
    def has_to_follow(self) -> bool:
        """Was a change announced lately, or following one a trouble? Told from memory alone."""
        memory = self.memory
        return memory is None or memory.watch.is_following or "follow" in memory.alarms.failing

    async def follow(self) -> None:
        """Read again, on its own, each deployment whose change was announced lately."""
        async with self._listing, self._remembering() as memory:
            tenure = self.lease.tenure()
            if changes := await memory.watch.follow():
                at = self._tools.clock.now()
                await self.pen.commit(
                    tenure, lambda session: self.pen.changes(session, changes, at)
                )

    async def scrape(self) -> None:
        """Ask the metrics once, and store what they prove."""
        async with self._remembering() as memory:
            tenure = self.lease.tenure()
            if (scraped := await memory.watch.scrape()) is None:
                return
            notices = _health_of_scrape(memory, scraped)
            await self.pen.commit(
                tenure, lambda session: self.pen.scrape(session, scraped, notices, self.rules)
            )
            self._tools.crash(CrashPoint.SCRAPE_COMMITTED)
            if scraped.record is not None and scraped.record.whole:
                memory.scraped_at = scraped.asked_at
                async with self._deciding:
                    await self._act(memory, tenure)
        if scraped.error is not None:
            raise scraped.error

    async def refresh(self) -> None:
        """Read what leans on the deployments, and the account's own prices."""
        asked_at = self._tools.clock.now()
        surroundings = await self.account.provider.fetch_surroundings()
        prices = await self.account.provider.fetch_prices()

        def write(session: Session) -> None:
            name = self.account.account
            write_surroundings(session, name, surroundings, asked_at=asked_at)
            record_prices(session, name, prices, sources=[PriceSource.PRICING_PLAN], at=asked_at)

        async with self._remembering() as memory:
            await self.pen.commit(self.lease.tenure(), write)
            memory.surroundings, memory.surroundings_at = surroundings, asked_at
            memory.watch.around.clear()
            memory.prices = all_prices(self._tools.settings, prices)
            memory.watch.book.forget(asked_at - evidence_reach(self.rules.policies))

    async def tell_trouble(self, part: str, error: FirewardenError) -> None:
        """Store that *part* failed as an alert, where the database can still be written."""
        if isinstance(error, StoreError):
            return
        async with self._remembering() as memory:
            if notices := memory.alarms.trouble(part, error):
                await self.pen.commit(
                    self.lease.tenure(),
                    lambda session: self.pen.record(session, notices, self.rules),
                )

    async def tell_relief(self, part: str) -> None:
        """Store that *part* works again, where an alert says that it does not."""
        if self.memory is None or part not in self.memory.alarms.failing:
            return
        async with self._remembering() as memory:
            notices = memory.alarms.relief(part)
            await self.pen.commit(
                self.lease.tenure(), lambda session: self.pen.record(session, notices, self.rules)
            )

    def _greeting(self, memory: Memory, found: Found) -> tuple[Notice, ...]:
        """Say hello with the first complete listing; the ledger knows whether that was done."""
        situation = found.situation
        if memory.judged is not None or situation is None or not situation.fleet.complete:
            return ()
        return (hello(situation, self.rules.policies),)

    async def _read_words(self, memory: Memory) -> Words:
        """Read what people have said, and what they have heard; the docket follows."""
        name, now = self.account.account, self._tools.clock.now()

        def read() -> Words:
            with self._tools.database.reading() as session:
                return read_words(session, name, memory.docket, now=now)

        words = await self._tools.run_db(read)
        memory.docket = words.heard_by(memory.docket)
        return words

    async def _judge(self, memory: Memory, seen: Seen) -> tuple[Seen, Found]:
        """Judge what is known; what follows from the listing alone is read first, and judged again.

        That is what would be done now, and what somebody seems to have changed since a call of
        ours. What is really done is read again by whoever does it.
        """
        situation = memory.situation(seen, self._tools)
        if situation is None:
            return seen, Found()
        caps = await self._tools.run_db(partial(self._caps, situation))
        found = self._found(memory, replace(situation, caps=caps))
        if claimed := {*found.rehearsed, *found.said_to_be_changed}:
            seen = await memory.watch.confirm(seen, sorted(claimed))
            situation = memory.situation(seen, self._tools) or situation
            found = self._found(memory, replace(situation, caps=caps))
        return seen, replace(found, owned=memory.ownership.news(seen))

    def _caps(self, situation: Situation) -> Caps:
        """Find out what budgets call for; who has none that acts asks the database nothing."""
        if not acting(self.rules.policies):
            return Caps()
        with self._tools.database.reading() as session:
            ledger = Ledger(
                settings=self._tools.settings,
                session=session,
                account=self.account.account,
                timezone=self.account.timezone,
                now=situation.now,
            )
            return read_caps(ledger, self.rules.judge, situation)

    def _found(self, memory: Memory, situation: Situation) -> Found:
        verdicts = self.rules.judge.judge(situation)
        steps = step(situation, verdicts, memory.docket, self.rules.policies)
        tended = tend(situation, steps.docket, self.rules.policies)
        return Found(situation=situation, steps=steps, tended=tended)

    async def _hear(self, memory: Memory, tenure: Tenure) -> None:
        """Answer what people ask for; what has to be done for it is done with what is due."""
        if not memory.words.requests or memory.judged is None:
            return
        answers = await self._actor.hear(memory)
        now = self._tools.clock.now()

        def write(session: Session) -> None:
            for each in answers:
                write_answer(session, each, at=now)

        await self.pen.commit(tenure, write)

    async def _act(self, memory: Memory, tenure: Tenure) -> None:
        if memory.has_work:
            self.pen.has_news = True  # what comes of it is told
        await self._actor.act(memory, tenure)

    @asynccontextmanager
    async def _remembering(self) -> AsyncIterator[Memory]:
        """Give the memory of the account; what fails in the body makes it not believed.

        Nor is one believed that was read while this body was still at work on another.
        """
        async with self._reading:
            if self.memory is None:
                tools, account, policies = self._tools, self.account, self.rules.policies
                self.memory = await tools.run_db(lambda: read_memory(account, policies, tools))
        memory = self.memory
        try:
            yield memory
        except BaseException:
            self.memory = None
            raise
        if self.memory is not memory:
            self.memory = None


def _health_of_poll(memory: Memory, seen: Seen) -> tuple[Notice, ...]:
    gaps = memory.alarms.gap([gap for change in seen.changes for gap in change.gaps])
    if seen.error is not None:
        return (*gaps, *memory.alarms.trouble("poll", seen.error))
    return (*gaps, *memory.alarms.relief("poll"))


def _health_of_scrape(memory: Memory, scraped: Scraped) -> tuple[Notice, ...]:
    if scraped.error is not None:
        return memory.alarms.trouble("metrics", scraped.error)
    return memory.alarms.relief("metrics")


def _log_poll(seen: Seen) -> None:
    poll = seen.poll
    log.debug(
        "poll.finished",
        account=poll.account,
        complete=poll.complete,
        deployment_count=poll.count,
        changed_count=len(seen.described),
        duration_seconds=round((poll.answered_at - poll.asked_at).total_seconds(), 3),
        problem=poll.problem or None,
    )
