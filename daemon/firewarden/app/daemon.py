"""The daemon: every account's roles, supervised, until somebody asks it to stop."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta

import structlog

from firewarden.app.compose import Account, Seams, open_accounts, open_database
from firewarden.app.crew import Crew
from firewarden.app.lock import acting_lock
from firewarden.app.memory import Tools
from firewarden.app.settings import Settings
from firewarden.app.share import Share
from firewarden.app.signals import stop_signals, unless_stopped
from firewarden.app.watchdog import Systemd, Watchdog
from firewarden.clock.real import within
from firewarden.errors import (
    KeyRefused,
    NotFound,
    ProviderError,
    ProviderUnavailable,
    StoreError,
    UnknownAccount,
)
from firewarden.notify.log import LogNotifier
from firewarden.ports import Notifier, RunDb
from firewarden.store.runner import DbThread, Inline
from firewarden.web.application import make_application
from firewarden.web.metrics import Exposition, Snapshot
from firewarden.web.server import listen, serve

log = structlog.get_logger()

TRY_AGAIN_AFTER = timedelta(seconds=15)
"""Wall time before a provider that did not answer at start is asked again."""

Ready = Callable[[str], None]
"""Called once, with the address that is served."""


async def run(
    settings: Settings, seams: Seams, *, once: bool = False, notifier: Notifier | None = None
) -> bool:
    """Look after every account until SIGTERM or Ctrl-C, or *once*; tells whether that was done.

    Raises:
        FirewardenError: it cannot start: settings, policies, key, database or address.
    """
    async with stop_signals() as stop:
        if once:
            return await unless_stopped(stop, run_once(settings, seams, notifier=notifier))
        await look_after(settings, seams, stop=stop, notifier=notifier)
    return False


async def run_once(settings: Settings, seams: Seams, *, notifier: Notifier | None = None) -> None:
    """Poll, meter, judge and store once for every account; waits for nothing.

    Raises:
        FirewardenError: as `run`, or the world does not answer.
    """
    async with _assembled(settings, seams, notifier or LogNotifier()) as daemon:
        for crew in daemon.crews:
            try:
                await crew.once()
            finally:
                await crew.let_go()
            log.info("once.finished", account=crew.name)


async def look_after(
    settings: Settings,
    seams: Seams,
    *,
    stop: asyncio.Event,
    notifier: Notifier | None = None,
    on_ready: Ready | None = None,
    serves: bool = True,
) -> None:
    """Run every role until *stop* is set; then a listing under way is abandoned.

    *serves*: make figures, and answer on the address of the settings. Raises as `run`
    does; an error that is a bug of ours ends all of it.
    """
    async with AsyncExitStack() as stack:
        address = settings.listen
        on = listen(address.host, address.port) if serves else None
        if on is not None:
            stack.callback(on.close)
        daemon = await stack.enter_async_context(
            _assembled(settings, seams, notifier or LogNotifier(), stop=stop, serves=serves)
        )
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(role.run(), name=role.name)
                for crew in daemon.crews
                for role in crew.roles
            ]
            tasks.append(
                group.create_task(daemon.watchdog.run(daemon.notifier.notify), name="watchdog")
            )
            if on is not None:
                group.create_task(daemon.serve(on, stop=stop), name="web")
            for crew in daemon.crews:
                crew.join(seams.ticker)
            seams.ticker.start()
            daemon.systemd.tell("READY=1")
            log.info("daemon.started", accounts=[crew.name for crew in daemon.crews])
            if on_ready is not None:
                on_ready(str(address) if on is None else "{}:{}".format(*on.getsockname()[:2]))
            await stop.wait()
            daemon.systemd.tell("STOPPING=1")
            seams.ticker.stop()
            for task in tasks:
                task.cancel()
        await daemon.let_go()
        log.info("daemon.stopped")


class _Daemon:
    """The parts, put together and not yet running."""

    def __init__(self, settings: Settings, tools: Tools, seams: Seams, notifier: Notifier) -> None:
        self.settings = settings
        self.notifier = notifier
        self.systemd = Systemd(os.environ.get("NOTIFY_SOCKET", ""))
        self.watchdog = Watchdog(
            clock=seams.clock, wall=seams.wall, speed=settings.time_speed, systemd=self.systemd
        )
        self.share = Share(
            database=tools.database,
            run_db=tools.run_db,
            wall=tools.wall,
            rng=tools.rng,
            terms=tools.lease,
        )
        self.crews: list[Crew] = []
        self._exposition = Exposition()
        self._tools = tools

    def add(self, account: Account, *, serves: bool) -> None:
        self.crews.append(
            Crew(
                account,
                self._tools,
                notifier=self.notifier,
                watchdog=self.watchdog,
                share=self.share,
                publish=self._publish if serves else None,
            )
        )

    async def let_go(self) -> None:
        """Leave every account to whoever is there to take it."""
        for crew in self.crews:
            await crew.let_go()
        with suppress(StoreError):
            await self.share.leave()

    async def serve(self, on: socket.socket, *, stop: asyncio.Event) -> None:
        token = self.settings.http_token
        application = make_application(
            exposition=self._exposition,
            readiness=self._readiness,
            token=token.reveal if token else None,
            hosts=(*self.settings.allowed_hosts, self.settings.listen.host),
        )
        await serve(application, on, stop=stop)

    def _readiness(self) -> dict[str, bool]:
        stalled = self.watchdog.stalled()
        return {
            "database": all(crew.is_writing for crew in self.crews),
            "polls": not any(role.startswith("poll:") for role in stalled)
            and all(crew.has_polled or crew.stands_by for crew in self.crews),
        }

    def _publish(self) -> None:
        figures = [crew.figures for crew in self.crews if crew.figures is not None]
        self._exposition.publish(
            Snapshot(
                accounts=tuple(each.account for each in figures),
                deployments=tuple(one for each in figures for one in each.deployments),
            )
        )


@asynccontextmanager
async def _assembled(
    settings: Settings,
    seams: Seams,
    notifier: Notifier,
    *,
    stop: asyncio.Event | None = None,
    serves: bool = False,
) -> AsyncIterator[_Daemon]:
    """Open the ledger and the way to every account, and make a crew for each.

    A provider that does not answer is waited for until *stop*; without one, it is an error.
    """
    async with AsyncExitStack() as stack:
        database = open_database(settings, upgrade=True)
        stack.callback(database.close)
        stack.enter_context(acting_lock(database, now=seams.wall.now()))
        run_db = seams.run_db(database)
        aside: RunDb = Inline()
        if isinstance(run_db, DbThread):
            stack.callback(run_db.close)
            aside = thread = DbThread()
            stack.callback(thread.close)
        tools = Tools(
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
        daemon = _Daemon(settings, tools, seams, notifier)
        if stop is None:
            accounts = await stack.enter_async_context(open_accounts(settings, seams))
        else:
            accounts = await _open_patiently(settings, seams, stack, stop)
        for account in accounts:
            await _greet(account, is_patient=stop is not None)
            daemon.add(account, serves=serves)
        yield daemon


async def _open_patiently(
    settings: Settings, seams: Seams, stack: AsyncExitStack, stop: asyncio.Event
) -> tuple[Account, ...]:
    """Open the accounts; a provider that does not answer is asked again until it does."""
    while not stop.is_set():
        try:
            return await stack.enter_async_context(open_accounts(settings, seams))
        except ProviderUnavailable as error:
            log.warning(
                "provider.unavailable", error=str(error), retry_seconds=TRY_AGAIN_AFTER.seconds
            )
            try:
                async with within(TRY_AGAIN_AFTER):
                    await stop.wait()
            except TimeoutError:
                continue
    return ()


async def _greet(account: Account, *, is_patient: bool) -> None:
    """Make sure that the key is taken and the account is there; other trouble can wait.

    Raises:
        KeyRefused: the key is refused.
        UnknownAccount: there is no such account, or the key does not see it.
        ProviderError: other trouble, where nobody is patient.
    """
    try:
        await account.provider.facts()
    except NotFound as error:
        raise UnknownAccount(
            f"the key sees no account {account.account}",
            where="FIREWORKS_ACCOUNT_ID",
            mend="check its spelling, or leave it out to have it found",
        ) from error
    except KeyRefused:
        raise
    except ProviderError as error:
        if not is_patient:
            raise
        log.warning("provider.trouble", account=account.account, error=str(error))
