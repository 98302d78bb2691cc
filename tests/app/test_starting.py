"""A daemon whose world does not answer when it starts: how it waits, and how it is stopped."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from firewarden.app.compose import Seams
from firewarden.app.daemon import run_once
from firewarden.app.scaffold import scaffold
from firewarden.app.signals import unless_stopped
from firewarden.app.starting import Patience
from firewarden.app.ticker import LoopTicker
from firewarden.clock.virtual import VirtualClock
from firewarden.errors import ProviderUnavailable
from firewarden.store.runner import Inline
from tests.simulation.stages import small_stage
from tests.support.daemon import Heard, Stage, ledger_of, running, settings_for
from tests.support.virtual import in_virtual_time


class Silent(httpx.AsyncBaseTransport):
    """Takes every request and never answers."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError(request)


def seams_of(clock: VirtualClock, transport: httpx.AsyncBaseTransport) -> Seams:
    return Seams(
        clock=clock,
        wall=clock,
        rng=random.Random(1),
        ticker=LoopTicker(clock),
        transport=transport,
        run_db=Inline,
    )


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    scaffold(tmp_path)
    return tmp_path / "policies"


@pytest.mark.parametrize("account", ["", "acme"], ids=["account unknown", "account known"])
@in_virtual_time
async def test_one_cycle_gives_up_a_silent_provider_after_its_own_retries(
    clock: VirtualClock, tmp_path: Path, policies: Path, account: str
) -> None:
    settings = settings_for(tmp_path, policies, FIREWORKS_ACCOUNT_ID=account)

    with pytest.raises(ProviderUnavailable, match="no whole answer within 30 s"):
        await run_once(settings, seams_of(clock, Silent()), notifier=Heard())

    assert 30 <= clock.mono() < 120


@in_virtual_time
async def test_what_is_stopped_is_abandoned_at_once(clock: VirtualClock) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(5, stop.set)

    ended = await unless_stopped(stop, clock.sleep(timedelta(hours=1)))

    assert (ended, clock.mono()) == (False, 5)


@in_virtual_time
async def test_what_ends_before_it_is_stopped_has_ended(clock: VirtualClock) -> None:
    ended = await unless_stopped(asyncio.Event(), clock.sleep(timedelta(seconds=3)))

    assert (ended, clock.mono()) == (True, 3)


@in_virtual_time
async def test_an_error_of_what_may_be_stopped_is_raised(clock: VirtualClock) -> None:
    async def fail() -> None:
        await clock.sleep(timedelta(seconds=1))
        raise ProviderUnavailable("away")

    with pytest.raises(ProviderUnavailable, match="away"):
        await unless_stopped(asyncio.Event(), fail())


def no_connection() -> httpx.Response:
    raise httpx.ConnectError("connection refused")


def suspended() -> httpx.Response:
    message = "account is suspended: possibly reaching a spending limit"
    return httpx.Response(412, json={"code": 9, "message": message})


def a_login_page() -> httpx.Response:
    return httpx.Response(200, text="<html>Please sign in</html>")


class Opening(httpx.AsyncBaseTransport):
    """Gives one answer to everything until an instant; from then on it is the simulated account."""

    def __init__(
        self, stage: Stage, before: Callable[[], httpx.Response], *, opens_after: timedelta
    ) -> None:
        self._stage = stage
        self._before = before
        self._at = stage.clock.now() + opens_after

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._stage.clock.now() < self._at:
            return self._before()
        return await self._stage.transport.handle_async_request(request)


@pytest.mark.parametrize("account", ["", "acme"], ids=["account unknown", "account known"])
@pytest.mark.parametrize(
    ("before", "kind", "words"),
    [
        pytest.param(no_connection, "meter.trouble", "ConnectError", id="down"),
        pytest.param(suspended, "provider.suspended", "spending limit", id="suspended"),
        pytest.param(a_login_page, "meter.trouble", "page", id="something in between"),
    ],
)
@in_virtual_time
async def test_a_provider_that_comes_late_is_waited_for_and_told_of_once(
    clock: VirtualClock,
    tmp_path: Path,
    before: Callable[[], httpx.Response],
    kind: str,
    words: str,
    account: str,
) -> None:
    stage = small_stage(clock, tmp_path, FIREWORKS_ACCOUNT_ID=account)
    opening = Opening(stage, before, opens_after=timedelta(minutes=10))

    async with running(replace(stage, transport=opening)):
        await clock.sleep(timedelta(minutes=9))
        waiting = [each for each in stage.heard.notices if each.kind != "meter.stalled"]
        await clock.sleep(timedelta(minutes=5))

    assert [(each.kind, each.resolved) for each in waiting] == [(kind, False)]
    assert words in waiting[0].text
    over = [each for each in stage.heard.notices if each.key == waiting[0].key]
    assert [each.resolved for each in over] == [False, True]
    with ledger_of(stage) as ledger:
        assert ledger.account == "acme"


@in_virtual_time
async def test_a_start_leaves_the_provider_alone_for_as_long_as_it_asks(
    clock: VirtualClock, tmp_path: Path, policies: Path
) -> None:
    settings = settings_for(tmp_path, policies)
    seams = seams_of(clock, Silent())
    asked_s: list[float] = []
    alive_s: list[float] = []
    patience = Patience(
        settings, seams, notifier=Heard(), alive=lambda: alive_s.append(clock.mono())
    )

    async def ask() -> None:
        asked_s.append(clock.mono())
        if len(asked_s) == 1:
            raise ProviderUnavailable("throttled", retry_after=timedelta(minutes=5))

    await patience.get("provider", ask)

    assert asked_s == [0, 300]
    assert alive_s == [each * 15 for each in range(20)]
