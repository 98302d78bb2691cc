"""The daemon: every account's roles, supervised, until somebody asks it to stop."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import structlog

from firewarden.app.compose import Seams
from firewarden.app.crew import Crew
from firewarden.app.settings import Settings
from firewarden.app.share import Share
from firewarden.app.signals import stop_signals, unless_stopped
from firewarden.app.starting import Patience, Started, start
from firewarden.app.watchdog import Systemd, Watchdog
from firewarden.errors import StoreError
from firewarden.notify.log import LogNotifier
from firewarden.ports import Notifier, Ticker
from firewarden.web.application import make_application
from firewarden.web.figures import Snapshot
from firewarden.web.metrics import Exposition
from firewarden.web.server import listen, serve

log = structlog.get_logger()

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
    async with AsyncExitStack() as stack:
        daemon = _Daemon(settings, seams, notifier or LogNotifier())
        daemon.take_over(await start(settings, seams, stack, patience=None))
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
        daemon = _Daemon(settings, seams, notifier or LogNotifier(), serves=serves)
        address, web = str(settings.listen), None
        if serves:
            on = listen(settings.listen.host, settings.listen.port)
            stack.callback(on.close)
            address = "{}:{}".format(*on.getsockname()[:2])
            web = await stack.enter_async_context(_beside(daemon.serve(on, stop=stop)))

        async def begin() -> None:
            daemon.take_over(await start(settings, seams, stack, patience=daemon.patience))

        if await unless_stopped(stop, begin()):
            async with asyncio.TaskGroup() as group:
                if web is not None:
                    group.create_task(_watch(web), name="web")
                daemon.set_to_work(group, seams.ticker)
                if on_ready is not None:
                    on_ready(address)
                await stop.wait()
                daemon.call_off(seams.ticker)
            await daemon.let_go()
        log.info("daemon.stopped")


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[asyncio.Task[None]]:
    """Have *work* done while the body runs; whoever waits for the task hears how it ended."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _watch(task: asyncio.Task[None]) -> None:
    """Fail as *task* does."""
    await task


class _Daemon:
    """The parts, put together and not yet running."""

    def __init__(
        self, settings: Settings, seams: Seams, notifier: Notifier, *, serves: bool = False
    ) -> None:
        self.settings = settings
        self.notifier = notifier
        self.systemd = Systemd(os.environ.get("NOTIFY_SOCKET", ""))
        self.watchdog = Watchdog(
            clock=seams.clock, wall=seams.wall, speed=settings.time_speed, systemd=self.systemd
        )
        self.patience = Patience(settings, seams, notifier=notifier, alive=self._wait)
        self.crews: list[Crew] = []
        self._serves = serves
        self._tasks: list[asyncio.Task[None]] = []
        self._share: Share | None = None
        self._exposition = Exposition()

    def take_over(self, started: Started) -> None:
        """Make a crew for every account."""
        tools = started.tools
        self._share = share = Share(
            database=tools.database,
            run_db=tools.run_db,
            wall=tools.wall,
            rng=tools.rng,
            terms=tools.lease,
        )
        self.crews += (
            Crew(
                account,
                tools,
                notifier=self.notifier,
                watchdog=self.watchdog,
                share=share,
                publish=self._publish if self._serves else None,
            )
            for account in started.accounts
        )

    def _wait(self) -> None:
        """Tell the service manager that we are up, and wait for the world: that is no failure."""
        self.systemd.tell("READY=1")
        self.watchdog.alive()

    def set_to_work(self, group: asyncio.TaskGroup, ticker: Ticker) -> None:
        """Begin every role, each in a task of *group*."""
        self._tasks = [
            group.create_task(role.run(), name=role.name)
            for crew in self.crews
            for role in crew.roles
        ]
        watching = self.watchdog.run(self.notifier.notify)
        self._tasks.append(group.create_task(watching, name="watchdog"))
        for crew in self.crews:
            crew.join(ticker)
        ticker.start()
        self.systemd.tell("READY=1")
        log.info("daemon.started", accounts=[crew.name for crew in self.crews])

    def call_off(self, ticker: Ticker) -> None:
        """End every role; what is being written is finished."""
        self.systemd.tell("STOPPING=1")
        ticker.stop()
        for task in self._tasks:
            task.cancel()

    async def let_go(self) -> None:
        """Leave every account to whoever is there to take it."""
        for crew in self.crews:
            await crew.let_go()
        if self._share is not None:
            with suppress(StoreError):
                await self._share.leave()

    async def serve(self, on: socket.socket, *, stop: asyncio.Event) -> None:
        token = self.settings.http_token
        application = make_application(
            exposition=self._exposition,
            readiness=self._readiness,
            token=token.reveal if token else None,
            hosts=(*self.settings.allowed_hosts, self.settings.listen.host),
        )
        await serve(application, on, stop=stop)

    def _readiness(self) -> dict[str, str]:
        """Say in a word what keeps each part from being ready; "" nothing."""
        if not self.crews:
            lacks = self.patience.lacks
            return {"database": lacks["database"], "polls": lacks["provider"]}
        stalled = self.watchdog.stalled()
        return {
            "database": next(filter(None, (crew.health.unwritten for crew in self.crews)), ""),
            "polls": next(filter(None, (crew.unseen(stalled) for crew in self.crews)), ""),
        }

    def _publish(self) -> None:
        self._exposition.publish(
            Snapshot(
                accounts=tuple(crew.account_figures for crew in self.crews),
                deployments=tuple(
                    one for crew in self.crews if crew.figures for one in crew.figures.deployments
                ),
            )
        )
