"""What has to be there before anything runs: the ledger, and the way to every account."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TypeVar

import structlog

from firewarden.app.alarms import kind_of, severity_of
from firewarden.app.causes import UNAVAILABLE, cause_of
from firewarden.app.compose import Account, Seams, load_policies, open_accounts, open_database
from firewarden.app.lock import acting_lock
from firewarden.app.memory import Tools
from firewarden.app.settings import Settings
from firewarden.clock.real import within
from firewarden.errors import (
    FirewardenError,
    KeyRefused,
    NotFound,
    ProviderError,
    ProviderUnavailable,
    StoreUnavailable,
    UnknownAccount,
    WorldError,
)
from firewarden.model.ids import AccountId
from firewarden.model.notice import Notice
from firewarden.model.vocabulary import Severity
from firewarden.ports import Notifier
from firewarden.store.engine import Database
from firewarden.store.runner import DbThread

log = structlog.get_logger()

TRY_AGAIN_AFTER = timedelta(seconds=15)
"""Wall time before what did not answer at the start is asked again, at the soonest."""

ANSWERS_WITHIN = timedelta(seconds=45)
"""Wall time of one attempt: with the pause after it, less than a service manager's patience."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """What a start has come to."""

    tools: Tools
    accounts: tuple[Account, ...]


class Patience:
    """Does the parts of a start, each as often as the world asks for; people hear of it once.

    Attributes:
        lacks: what the database and the provider still lack, in a word; "" nothing.
    """

    def __init__(
        self, settings: Settings, seams: Seams, *, notifier: Notifier, alive: Callable[[], None]
    ) -> None:
        """Have done nothing yet; *alive* is called whenever something has to be waited for."""
        named = [each.account_id for each in settings.watched if each.account_id]
        self._account = AccountId(", ".join(named) or "the key's account")
        self._seams = seams
        self._notifier = notifier
        self._alive = alive
        self.lacks = dict.fromkeys(("database", "provider"), "starting")

    async def get(self, part: str, work: Callable[[], Awaitable[T]]) -> T:
        """Give what *work* comes to in the end.

        Raises:
            FirewardenError: it can come to nothing, however often it is tried.
        """
        told: Notice | None = None
        while True:
            try:
                async with within(ANSWERS_WITHIN):
                    found = await work()
            except KeyRefused:
                raise
            except (ProviderError, StoreUnavailable) as error:
                trouble: WorldError = error
            except TimeoutError:
                trouble = WorldError(f"the {part} does not answer")
            else:
                self.lacks[part] = ""
                await self._replace(told, None)
                return found
            self.lacks[part] = UNAVAILABLE if part == "database" else cause_of(trouble)
            log.warning(
                "start.delayed",
                part=part,
                error=str(trouble),
                retry_seconds=TRY_AGAIN_AFTER.seconds,
            )
            told = await self._replace(told, self._notice(part, trouble))
            await self._rest(trouble)

    async def _rest(self, trouble: WorldError) -> None:
        """Wait, never less than the provider asked for; whoever waits for us hears we live."""
        asked_for = trouble.retry_after if isinstance(trouble, ProviderUnavailable) else None
        until = self._seams.clock.mono() + (asked_for or timedelta(0)).total_seconds()
        while True:
            self._alive()
            await self._seams.wall.sleep(TRY_AGAIN_AFTER)
            if self._seams.clock.mono() >= until:
                return

    async def _replace(self, told: Notice | None, now: Notice | None) -> Notice | None:
        """Tell what is *now* the trouble, and that the one *told* is over; the same is no news."""
        if told is not None and (now is None or now.key != told.key):
            text = f"{self._account}: the start goes on"
            at = self._seams.clock.now()
            over = replace(told, severity=Severity.INFO, at=at, text=text, resolved=True)
            await self._tell(over)
        if now is not None and (told is None or now.key != told.key):
            await self._tell(now)
        return now

    def _notice(self, part: str, error: WorldError) -> Notice:
        kind = kind_of(error)
        return Notice(
            account=self._account,
            kind=kind,
            key=f"start:{part}:{kind}",
            severity=severity_of(kind),
            at=self._seams.clock.now(),
            text=f"{self._account}: not looked after yet: {error}",
        )

    async def _tell(self, notice: Notice) -> None:
        try:
            await self._notifier.notify(notice)
        except FirewardenError as error:
            log.warning("notice.undelivered", kind=notice.kind, error=str(error))


async def start(
    settings: Settings, seams: Seams, stack: AsyncExitStack, *, patience: Patience | None
) -> Started:
    """Open the ledger and the way to every account, which *stack* closes.

    Without *patience* a world that does not answer is an error.

    Raises:
        FirewardenError: settings, policies, key, account or ledger cannot be used.
    """
    for folder in sorted({watched.policies for watched in settings.watched}):
        load_policies(folder)  # what is wrong in them is said before anything is waited for
    tools = await _open_ledger(settings, seams, stack, patience=patience)

    async def open_ways() -> tuple[Account, ...]:
        return await stack.enter_async_context(open_accounts(settings, seams))

    accounts = await (open_ways() if patience is None else patience.get("provider", open_ways))
    await _greet(accounts, is_patient=patience is not None)
    return Started(tools=tools, accounts=accounts)


async def _open_ledger(
    settings: Settings, seams: Seams, stack: AsyncExitStack, *, patience: Patience | None
) -> Tools:
    """Open the ledger where it will be used, and begin to be the one process that acts on it."""
    held = stack.enter_context(ExitStack())
    run_db, aside = seams.run_db(), seams.run_db()
    for runner in (run_db, aside):
        if isinstance(runner, DbThread):
            stack.callback(runner.close)  # before `held` is: what is being written is finished
    opened: list[Database] = []

    def open_once() -> Database:
        if not opened:  # an attempt that nobody waited for may have come to its end
            database = open_database(settings, upgrade=True)
            held.callback(database.close)
            held.enter_context(acting_lock(database, now=seams.wall.now()))
            opened.append(database)
        return opened[0]

    async def open_ledger() -> Database:
        return await run_db(open_once)

    database = await (open_ledger() if patience is None else patience.get("database", open_ledger))
    return Tools(
        settings=settings,
        clock=seams.clock,
        wall=seams.wall,
        rng=seams.rng,
        database=database,
        run_db=run_db,
        crash=seams.crash,
        lease=seams.lease,
        aside=aside,
        slack=seams.slack,
        follow=seams.follow,
    )


async def _greet(accounts: Sequence[Account], *, is_patient: bool) -> None:
    """Make sure that the keys are taken and the accounts are there; other trouble can wait.

    Raises:
        KeyRefused: a key is refused.
        UnknownAccount: there is no such account, or its key does not see it.
        ProviderError: other trouble, where nobody is patient.
    """
    answers = await asyncio.gather(*map(_ask, accounts), return_exceptions=True)
    for account, answer in zip(accounts, answers, strict=True):
        match answer:
            case KeyRefused():
                raise answer
            case ProviderError() if is_patient:
                log.warning("provider.trouble", account=account.account, error=str(answer))
            case BaseException():
                raise answer
            case _:
                pass


async def _ask(account: Account) -> None:
    try:
        await account.provider.facts()
    except NotFound as error:
        raise UnknownAccount(
            f"the key sees no account {account.account}",
            where="FIREWORKS_ACCOUNT_ID",
            mend="check its spelling, or leave it out to have it found",
        ) from error
