"""A daemon whose world does not answer when it starts: how it waits, and how it is stopped."""

import asyncio
import random
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from firewarden.app.compose import Seams
from firewarden.app.daemon import run_once
from firewarden.app.scaffold import scaffold
from firewarden.app.signals import unless_stopped
from firewarden.app.ticker import LoopTicker
from firewarden.clock.virtual import VirtualClock
from firewarden.errors import ProviderUnavailable
from firewarden.store.runner import Inline
from tests.simulation.stages import small_stage
from tests.support.daemon import Heard, ledger_of, running, settings_for
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


class Opening(httpx.AsyncBaseTransport):
    """Refuses every connection until an instant; from then on the simulated account answers."""

    def __init__(self, clock: VirtualClock, inner: httpx.AsyncBaseTransport, *, at: float) -> None:
        self._clock = clock
        self._inner = inner
        self._at = at

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._clock.mono() < self._at:
            raise httpx.ConnectError("connection refused")
        return await self._inner.handle_async_request(request)


@in_virtual_time
async def test_a_provider_that_comes_late_is_waited_for_and_told_of_once(
    clock: VirtualClock, tmp_path: Path
) -> None:
    stage = small_stage(clock, tmp_path)
    opening = Opening(clock, stage.transport, at=600)

    async with running(replace(stage, transport=opening)):
        await clock.sleep(timedelta(seconds=590))
        waiting = list(stage.heard.notices)
        await clock.sleep(timedelta(minutes=2))

    assert [(each.kind, each.resolved) for each in waiting] == [("meter.trouble", False)]
    assert "ConnectError" in waiting[0].text
    over = [each for each in stage.heard.notices if each.key == waiting[0].key]
    assert [each.resolved for each in over] == [False, True]
    with ledger_of(stage) as ledger:
        assert ledger.account == "acme"
