"""The detector sees what it is there for: the vendor's own helpers commit every sin."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import pytest
from fireworks.training.sdk.deployment import DeploymentManager

from firewarden.providers.simulated.http import application
from firewarden.providers.simulated.serve import serve
from firewarden.providers.simulated.world import World
from tests.providers.simulated.builders import a_deployment, an_account
from tests.support.clock import NOW, FakeClock
from tests.support.effects import demand_no_forbidden, find_forbidden

PATH = "/v1/accounts/acme/deployments/chat"
MASK = "updateMask=min_replica_count"
BODY = '{"baseModel":"m","minReplicaCount":0}'


@asynccontextmanager
async def served() -> AsyncIterator[tuple[str, Callable[[], Any]]]:
    """Serve a deployment on loopback; the second gives the simulator's log."""
    world = World(an_account(a_deployment()), seed=1, start=NOW)
    app = application(world, clock=FakeClock())
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(app, "127.0.0.1", 0, on_ready=port.set_result))
    url = f"http://127.0.0.1:{await port}"

    async def log() -> list[dict[str, Any]]:
        async with httpx.AsyncClient(base_url=url) as client:
            rows: list[dict[str, Any]] = (await client.get("/_log")).json()["requests"]
        return rows

    try:
        yield url, log
    finally:
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving


@pytest.mark.parametrize(
    ("helper", "sins"),
    [
        pytest.param(
            DeploymentManager.delete,
            ["ignoreChecks is never sent", "a change that is none of ours"],
            id="delete",
        ),
        pytest.param(
            DeploymentManager.scale_to_zero, ["a change that is none of ours"], id="scale to zero"
        ),
    ],
)
async def test_the_vendor_s_helpers_are_seen(
    helper: Callable[[DeploymentManager, str], None], sins: list[str]
) -> None:
    async with served() as (url, log):
        manager = DeploymentManager(api_key="fw_simulated", base_url=url)
        await asyncio.to_thread(helper, manager, "chat")
        await asyncio.to_thread(manager.close)
        requests = await log()

    found = find_forbidden(requests)
    assert [line.rsplit(": ", 1)[1] for line in found] == sins
    with pytest.raises(AssertionError, match="none of ours"):
        demand_no_forbidden(requests)


def a_row(method: str, path: str, query: str = "", body: str = "") -> dict[str, Any]:
    row = {"at": "2026-11-04T12:00:00Z", "method": method, "path": path, "query": query}
    return {**row, "body": body} if body else row


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(a_row("DELETE", PATH, "hard=true"), id="hard"),
        pytest.param(a_row("DELETE", PATH, "ignore_checks=0"), id="ignore_checks"),
        pytest.param(a_row("GET", PATH, "ignoreChecks"), id="ignoreChecks, in a read"),
        pytest.param(a_row("PATCH", PATH, "", BODY), id="no mask"),
        pytest.param(a_row("PATCH", PATH, "updateMask=", BODY), id="an empty mask"),
        pytest.param(a_row("PATCH", PATH, "updateMask=description", BODY), id="another field"),
        pytest.param(a_row("PATCH", PATH, MASK, '{"minReplicaCount":0}'), id="no base model"),
        pytest.param(a_row("PATCH", PATH, MASK), id="no body"),
        pytest.param(a_row("PATCH", f"{PATH}:scale", "x=1", '{"replicaCount":0}'), id="a query"),
        pytest.param(a_row("PATCH", f"{PATH}:scale", "", '{"hard":1}'), id="hard in a body"),
        pytest.param(a_row("POST", f"{PATH}:setTags", "", '{"tags":{}}'), id="tags"),
        pytest.param(a_row("POST", "/v1/accounts/acme/deployments", "", BODY), id="a create"),
        pytest.param(a_row("POST", "/inference/v1/completions", "", "{}"), id="inference"),
        pytest.param(a_row("GET", "/v1/chat/completions"), id="inference, read"),
        pytest.param(a_row("DELETE", "/v1/accounts/acme/models/chat"), id="a model"),
        pytest.param(a_row("DELETE", f"{PATH}/x"), id="deeper"),
        pytest.param(a_row("PUT", PATH, MASK, BODY), id="PUT"),
    ],
)
def test_each_sin_is_seen(row: dict[str, Any]) -> None:
    assert find_forbidden([row])


def test_what_we_do_is_no_sin() -> None:
    demand_no_forbidden(
        [
            a_row("GET", "/v1/accounts", "pageSize=200"),
            a_row("GET", "/v1/accounts/acme/deployments/hard"),
            a_row("PATCH", PATH, MASK, BODY),
            a_row(
                "PATCH",
                PATH,
                "updateMask=min_replica_count%2Cmax_replica_count",
                '{"baseModel":"m","minReplicaCount":0,"maxReplicaCount":0}',
            ),
            a_row("PATCH", f"{PATH}:scale", "", '{"replicaCount":0}'),
            a_row("DELETE", PATH),
            a_row("POST", f"{PATH}:undelete", "", "{}"),
        ]
    )
