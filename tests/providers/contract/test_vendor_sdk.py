"""The vendor's own SDK, over a real connection, finds in the simulator what it expects."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import fireworks
import pytest
from fireworks import AsyncFireworks

from firewarden.providers.simulated.fleets import standard
from firewarden.providers.simulated.http import application
from firewarden.providers.simulated.serve import serve
from firewarden.providers.simulated.world import World
from tests.support.clock import NOW, FakeClock

METHODS = {"create", "delete", "get", "list", "scale", "undelete", "update"}


@asynccontextmanager
async def sdk(clock: FakeClock, *, key: str = "fw_simulated") -> AsyncIterator[AsyncFireworks]:
    """Serve the standard fleet on loopback, and give a client of the vendor's for it."""
    app = application(World(standard(seed=1), seed=1, start=NOW), clock=clock)
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(app, "127.0.0.1", 0, on_ready=port.set_result))
    try:
        async with AsyncFireworks(
            api_key=key,
            account_id="acme",
            base_url=f"http://127.0.0.1:{await port}",
            max_retries=0,
        ) as client:
            yield client
    finally:
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving


async def test_the_resource_has_no_method_that_is_not_tried_here() -> None:
    async with AsyncFireworks(api_key="unused", account_id="acme") as client:
        public = {name for name in dir(client.deployments) if not name.startswith("_")}

    assert public - {"with_raw_response", "with_streaming_response"} == METHODS


async def test_it_lists_every_deployment_through_all_pages() -> None:
    async with sdk(FakeClock()) as client:
        listed = [one.name async for one in client.deployments.list(page_size=5)]

    assert len(listed) == len(set(listed)) == 24


async def test_it_creates_waits_scales_updates_and_reads_back() -> None:
    clock = FakeClock()
    async with sdk(clock) as client:
        created = await client.deployments.create(
            base_model="accounts/fireworks/models/gpt-oss-120b",
            deployment_id="from-the-sdk",
            accelerator_type="NVIDIA_H100_80GB",
            accelerator_count=2,
            min_replica_count=1,
            max_replica_count=3,
            display_name="From the SDK",
        )
        await clock.advance(timedelta(minutes=10))
        ready = await client.deployments.get("from-the-sdk")
        await client.deployments.scale("from-the-sdk", replica_count=2)
        scaled = await client.deployments.get("from-the-sdk")
        updated = await client.deployments.update(
            "from-the-sdk",
            base_model="accounts/fireworks/models/gpt-oss-120b",
            description="changed",
            extra_query={"updateMask": "description"},
        )

    assert created.name == "accounts/acme/deployments/from-the-sdk"
    assert (created.state, ready.state) == ("CREATING", "READY")
    assert ready.replica_stats is not None
    assert ready.replica_stats.ready_replica_count == 1
    assert scaled.desired_replica_count == 2
    assert (updated.description, updated.display_name) == ("changed", "From the SDK")
    assert (updated.min_replica_count, updated.max_replica_count) == (1, 3)


async def test_an_update_without_a_mask_zeroes_what_it_leaves_out() -> None:
    async with sdk(FakeClock()) as client:
        await client.deployments.update(
            "embed-old", base_model="accounts/acme/models/embed-old", max_replica_count=2
        )
        emptied = await client.deployments.get("embed-old")

    assert emptied.min_replica_count is None
    assert emptied.accelerator_count is None


async def test_it_deletes_and_undeletes() -> None:
    clock = FakeClock()
    async with sdk(clock) as client:
        await client.deployments.delete("embed-old")
        await clock.advance(timedelta(minutes=1))
        gone = await client.deployments.get("embed-old")
        listed = [one.name async for one in client.deployments.list(show_deleted=True)]
        back = await client.deployments.undelete("embed-old", body={})

    assert gone.state == "DELETED"
    assert gone.purge_time is not None
    assert "accounts/acme/deployments/embed-old" in listed
    assert back.state == "CREATING"


async def test_a_deployment_in_use_is_not_deleted_unless_the_checks_are_skipped() -> None:
    async with sdk(FakeClock()) as client:
        with pytest.raises(fireworks.BadRequestError, match="in the last hour"):
            await client.deployments.delete("moderation")
        await client.deployments.delete("moderation", ignore_checks=True, hard=True)


@pytest.mark.parametrize(
    ("key", "error"),
    [
        pytest.param("nonsense", fireworks.AuthenticationError, id="an unknown key"),
        pytest.param("fw_simulated_read", fireworks.PermissionDeniedError, id="a reading key"),
        pytest.param("fw_simulated_suspended", fireworks.APIStatusError, id="a suspended account"),
    ],
)
async def test_refusals_are_errors_that_the_sdk_knows(key: str, error: type[Exception]) -> None:
    async with sdk(FakeClock(), key=key) as client:
        with pytest.raises(error):
            await client.deployments.delete("embed-old")
