"""The client against the simulated control plane over real sockets."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from firewarden.clock.real import CompressedClock
from firewarden.errors import (
    ProviderUnavailable,
)
from firewarden.model.ids import AccountId, DeploymentId
from firewarden.providers.fireworks import FireworksAccount, FireworksDoor, Limits
from firewarden.providers.simulated.faults import parse_faults
from firewarden.providers.simulated.fleets import standard
from firewarden.providers.simulated.http import application
from firewarden.providers.simulated.serve import serve
from firewarden.providers.simulated.world import World
from tests.support.clock import NOW

ACME = AccountId("acme")
CHAT = DeploymentId("chat-prod")
LONG_AGO = timedelta(hours=2)


@asynccontextmanager
async def over_a_socket(
    faults: str, limits: Limits | None = None
) -> AsyncIterator[FireworksAccount]:
    """Look at a world that is served on a real port, 60 times as fast as the machine."""
    clock = CompressedClock(speed=60, origin=NOW)
    world = World(standard(1), seed=1, start=clock.now())
    app = application(world, clock=clock, faults=parse_faults(faults))
    ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(app, "127.0.0.1", 0, on_ready=ready.set_result))
    door = FireworksDoor(
        base_url=f"http://127.0.0.1:{await ready}",
        api_key=lambda: "fw_simulated",
        clock=clock,
        rng=random.Random(1),
        limits=limits,
    )
    try:
        yield door.account(ACME)
    finally:
        await door.aclose()
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def test_over_real_sockets_the_same_is_read() -> None:
    async with over_a_socket("") as account:
        fleet = await account.fetch_fleet()
        again = await account.fetch_fleet()
        scrape = await account.fetch_activity()

    assert (fleet.complete, fleet.problem) == (True, "")
    assert len(again.deployments) == len(fleet.deployments)
    assert scrape.whole


@pytest.mark.parametrize("kind", ["reset", "cut", "hang"])
async def test_a_connection_that_breaks_is_an_error_of_ours(kind: str) -> None:
    fault = f'[[fault]]\nkind = "{kind}"'
    async with over_a_socket(fault, Limits(call_s=0.3, scrape_s=0.3)) as account:
        with pytest.raises(ProviderUnavailable):
            await account.facts()
        if kind == "cut":
            scrape = await account.fetch_activity()
            assert (scrape.whole, scrape.samples) == (False, {})
            assert "broke off" in scrape.problem
        else:
            with pytest.raises(ProviderUnavailable):
                await account.fetch_activity()


async def test_nobody_listens() -> None:
    async with over_a_socket("") as account:
        pass
    lost = FireworksDoor(
        base_url="http://127.0.0.1:1",
        api_key=lambda: "fw_simulated",
        clock=CompressedClock(speed=600, origin=NOW),
        rng=random.Random(1),
    )

    with pytest.raises(ProviderUnavailable, match="ConnectError"):
        await lost.account(account.account).fetch_fleet()
    await lost.aclose()
