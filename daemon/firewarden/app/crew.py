"""One account's roles: who does what how often, and who hears when it goes wrong."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from datetime import timedelta

import structlog

from firewarden.app.causes import cause_of
from firewarden.app.compose import Account
from firewarden.app.figures import Figures
from firewarden.app.health import Health
from firewarden.app.housekeeping import Housekeeping
from firewarden.app.keeper import Keeper
from firewarden.app.lease import LeaseKeeper
from firewarden.app.lookout import Lookout
from firewarden.app.memory import Tools
from firewarden.app.office import open_office
from firewarden.app.retention import Retention
from firewarden.app.roles import JITTER, Role, Supervision
from firewarden.app.share import Share
from firewarden.app.showcase import Showcase
from firewarden.app.treasury import Treasury
from firewarden.app.watchdog import Watchdog
from firewarden.errors import (
    FirewardenError,
    Held,
    LeaseLost,
    ProviderError,
    StoreError,
    WorldError,
)
from firewarden.ports import Notifier, Ticker
from firewarden.web.figures import AccountFigures

log = structlog.get_logger()

RELOAD_EVERY = timedelta(seconds=30)
"""How often the policy files are read again, by content: that works on every file system."""

FOLLOW_EVERY = timedelta(seconds=10)
FASTEST_FOLLOWED = 60
"""Time compressed more than this leaves no room for reads between polls."""

REFRESH_EVERY = timedelta(hours=1)
BILL_EVERY = timedelta(hours=1)
ROLL_UP_EVERY = timedelta(minutes=5)
BUDGETS_EVERY = timedelta(minutes=1)
DELIVER_EVERY = timedelta(minutes=1)
PACED = timedelta(seconds=2)
"""Wall time that the next letter is waited for: a channel takes one a second."""


class Crew:
    """Everything that is done for one account, as roles under one supervision."""

    def __init__(
        self,
        account: Account,
        tools: Tools,
        *,
        notifier: Notifier,
        watchdog: Watchdog,
        share: Share,
        publish: Callable[[], None] | None,
    ) -> None:
        """Put the roles together; asks nobody. Without *publish* no figures are made.

        Raises:
            FileUnusable, PolicyError: the account's policies cannot be used.
        """
        self.name = account.account
        self.lease = LeaseKeeper(
            account.account,
            database=tools.database,
            run_db=tools.run_db,
            wall=tools.wall,
            rng=tools.rng,
            terms=replace(tools.lease, alone=tools.database.is_sqlite),
        )
        self._share = share
        share.add(self.lease)
        self.keeper = Keeper(account, tools, self.lease)
        self.house = Housekeeping(account, tools, lambda: self.keeper.rules)
        self._retention = Retention(account.account, tools)
        self._lookout = Lookout(account, tools, self.keeper)
        self.treasury = Treasury(account, tools, self.keeper)
        self._office = open_office(
            account, tools, lambda: self.keeper.rules.telling, notifier, door=tools.slack
        )
        self.health = Health(self.keeper, clock=tools.clock, notifier=notifier)
        self._shown = Showcase(account, tools, self.keeper, publish)
        self._tools = tools
        self._watchdog = watchdog
        self._supervision = Supervision(
            clock=tools.clock, rng=tools.rng, beat=self._beat, trouble=self._trouble
        )
        self._is_waited_for = True
        """Letters wait in the outbox, or may: one that failed is tried again after a poll too."""
        self._deliver = self._role("deliver", self._tell, every=DELIVER_EVERY, jitter=0.0)
        self._leasing = Role(
            f"lease:{self.name}",
            self._hold_and_show,
            every=tools.lease.ttl / 3 * tools.settings.time_speed,
            supervision=self._supervision,
            jitter=0.0,
        )
        self.roles = (self._leasing, *self._watching(), *self._keeping(), self._deliver)

    def join(self, ticker: Ticker) -> None:
        """Have *ticker* ring for every role, and the watchdog listen for the two that count."""
        settings = self._tools.settings
        for part, every in (("poll", settings.poll_every), ("metrics", settings.metrics_every)):
            self._watchdog.expect(f"{part}:{self.name}", every=every, account=self.name)
        for role in self.roles:
            role.join(ticker)

    async def once(self) -> None:
        """Do everything a cycle does, once, in order; the first error ends it.

        Raises:
            Held: another process looks after the account.
        """
        if not await self.lease.acquire():
            other = self.lease.other
            raise Held(
                f"another firewarden ({other.described if other else 'unknown'}) looks after it",
                where=self.name,
                mend="read what it stores: `firewarden status`",
            )
        for work in (
            self.keeper.refresh,
            self.keeper.cycle,
            self.keeper.scrape,
            self.house.read_bill,
            self.house.roll_up,
            self.treasury.watch,
            self._tell,
        ):
            await work()

    def _watching(self) -> tuple[Role, ...]:
        settings = self._tools.settings
        roles = [
            self._role("refresh", self.keeper.refresh, every=REFRESH_EVERY, jitter=0.0),
            self._role("poll", self._poll, every=settings.poll_every),
            self._role("policies", self.keeper.reload, every=RELOAD_EVERY, jitter=0.0),
            self._role("metrics", self.keeper.scrape, every=settings.metrics_every, jitter=0.0),
        ]
        if settings.time_speed <= FASTEST_FOLLOWED:
            roles.append(
                self._role(
                    "follow",
                    self.keeper.follow,
                    every=FOLLOW_EVERY,
                    is_wanted=lambda: self.keeper.has_to_follow,
                )
            )
        return tuple(roles)

    def _keeping(self) -> tuple[Role, ...]:
        roles = [
            self._role("rollup", self._roll_up, every=ROLL_UP_EVERY),
            self._role("bill", self._read_bill, every=BILL_EVERY),
            self._role("budgets", self._watch_budgets, every=BUDGETS_EVERY),
        ]
        if self._shown.every is not None:
            roles.append(self._role("figures", self._shown.make, every=self._shown.every))
        return tuple(roles)

    def _role(
        self,
        part: str,
        work: Callable[[], Awaitable[None]],
        *,
        every: timedelta,
        jitter: float = JITTER,
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> Role:
        async def work_and_relieve() -> None:
            if not self.lease.is_held:
                return  # whoever holds it does the work
            await work()
            await self.health.relieve(part)

        name = f"{part}:{self.name}"
        return Role(
            name,
            work_and_relieve,
            every=every,
            supervision=self._supervision,
            jitter=jitter,
            is_wanted=is_wanted,
        )

    async def let_go(self) -> None:
        """Let a successor take the account at once."""
        try:
            await self.lease.release()
        except StoreError as error:
            log.warning("lease.unreleased", account=self.name, error=str(error))

    @property
    def stands_by(self) -> bool:
        """Another process looks after the account; this one waits to take its place."""
        return not self.lease.is_held and self.lease.other is not None

    @property
    def figures(self) -> Figures | None:
        """What is shown of the deployments; None: nothing is known, or another holder shows it."""
        return self._shown.figures

    @property
    def account_figures(self) -> AccountFigures:
        """What the metrics show of the watching itself; the rest only while the lease is held."""
        return self._shown.of_account(held=self.lease.is_held)

    def unseen(self, stalled: Collection[str]) -> str:
        """Say in a word why there is no fresh listing; *stalled* are the roles that are late."""
        if f"poll:{self.name}" in stalled:
            return self._shown.polls.cause or "stalled"
        if self._shown.polls.last_success_at is None and not self.stands_by:
            return self._shown.polls.cause or "starting"
        return ""

    async def _hold(self) -> None:
        """Take the lease or renew it; whoever has just got it begins at once.

        What is more than our share of the accounts is let go, one at a time.
        """
        await self._share.count()
        had = self.lease.is_held
        if had and self._share.is_too_much:
            await self.lease.release()
            return
        if not had and not self._share.has_room:
            return
        if await self.lease.acquire() and not had:
            self.keeper.memory = None
            for role in self.roles[1:]:
                role.ring()

    async def _hold_and_show(self) -> None:
        """Hold the lease, and show whether it is held: another holder tells of the account."""
        try:
            await self._hold()
        finally:
            self._shown.show_held(self.lease.is_held)

    async def _poll(self) -> None:
        before, had_failed = self.keeper.last_poll, self._shown.polls.cause
        try:
            await self.keeper.cycle()
        except LeaseLost:
            raise
        except WorldError as error:
            self._shown.polls.fail(cause_of(error))
            raise
        finally:
            poll = self.keeper.last_poll
            if poll is not None and poll is not before:
                self._shown.polls.add(poll)
            if had_failed and not self._shown.polls.cause:
                self._try_others()
            self._deliver_news()

    async def _roll_up(self) -> None:
        await self.house.roll_up()
        await self._retention.run()

    async def _read_bill(self) -> None:
        """Read the bill, and look ahead whether it can be had or not."""
        try:
            await self.house.read_bill()
        except ProviderError:
            await self._look_ahead()
            raise
        await self._look_ahead()

    async def _look_ahead(self) -> None:
        await self._lookout.watch()
        self._deliver_news()

    async def _watch_budgets(self) -> None:
        await self.treasury.watch()
        self._deliver_news()

    def _deliver_news(self) -> None:
        """Have letters delivered, where some were written or wait."""
        if self.keeper.pen.has_news or self._is_waited_for:
            self.keeper.pen.has_news = False
            self._deliver.ring()

    def _try_others(self) -> None:
        """Have what has failed too tried again: what kept the polls from working is over."""
        memory = self.keeper.memory
        failing = memory.alarms.failing if memory else frozenset()
        for role in self.roles:
            if role.name.partition(":")[0] in failing:
                role.hurry()

    async def _tell(self) -> None:
        """Send what people have not heard of yet; what a channel's pace holds up follows."""
        self._is_waited_for = True
        while (pause := await self._office.pause()) is not None and pause <= PACED:
            await self._tools.wall.sleep(pause)
            await self._office.run_once()
        self._is_waited_for = pause is not None

    def _beat(self, role: str) -> None:
        self._watchdog.beat(role)

    async def _trouble(self, role: str, error: FirewardenError) -> None:
        self._watchdog.alive()
        await self.health.trouble(role.partition(":")[0], error)
        if role != self._deliver.name and not isinstance(error, StoreError):
            self._deliver.ring()
