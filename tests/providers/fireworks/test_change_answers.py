"""Every way in which a change can be answered, or not: done, not done, or nobody knows."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import httpx
import pytest

from firewarden.clock.real import CompressedClock
from firewarden.errors import (
    AccountSuspended,
    AnswerLost,
    FirewardenError,
    InUse,
    KeyRefused,
    LeaseLost,
    NotFound,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
)
from firewarden.model.ids import DeploymentId
from firewarden.providers.fireworks import FireworksControls, FireworksDoor, Limits
from firewarden.providers.fireworks.fleet import read_deployment
from firewarden.providers.simulated.faults import parse_faults
from firewarden.providers.simulated.http import application
from firewarden.providers.simulated.serve import serve
from firewarden.providers.simulated.world import World
from tests.providers.fireworks.changing import a_permit, rich
from tests.providers.fireworks.stage import (
    ACME,
    Answer,
    Pieces,
    Stage,
    a_deployment,
    full,
    in_turn,
    written,
)
from tests.providers.simulated.builders import an_account
from tests.support.clock import NOW

DEPLOYMENT = read_deployment(written(a_deployment("chat")).content, ACME)
SUSPENDED = "Account acme is suspended, possibly due to reaching the monthly spending limit"
USED = "deployment has received inference requests in the last hour, pass --ignore-checks to skip"


def rpc(code: object, message: str, **more: object) -> dict[str, object]:
    return {"code": code, "message": message, "details": [], **more}


async def deleted(*answers: Answer | Callable[[], Answer]) -> tuple[FirewardenError | None, Stage]:
    """Delete once against *answers*; tell what was raised."""
    stage = Stage(in_turn(*answers))
    try:
        await stage.door.controls(ACME).delete(DEPLOYMENT, permit=a_permit())
    except FirewardenError as error:
        return error, stage
    return None, stage


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        pytest.param(400, rpc(3, "bad"), ProviderRejected, id="400"),
        pytest.param(400, rpc(9, "in use"), InUse, id="400 by number"),
        pytest.param(412, rpc(9, "shape unavailable"), InUse, id="412 by number"),
        pytest.param(400, rpc("FAILED_PRECONDITION", "x"), InUse, id="by name"),
        pytest.param(
            400, rpc(400, "x", status="FAILED_PRECONDITION"), InUse, id="by status, HTTP in code"
        ),
        pytest.param(400, {"error": rpc(9, "x")}, InUse, id="nested"),
        pytest.param(400, {"error": "FailedPrecondition: no"}, InUse, id="by a word in a text"),
        pytest.param(400, rpc(2, USED), InUse, id="by what it says"),
        pytest.param(412, rpc(3, "another reason"), ProviderRejected, id="412, neither"),
        pytest.param(409, rpc(10, "aborted"), ProviderRejected, id="409"),
        pytest.param(412, rpc(9, SUSPENDED), AccountSuspended, id="412 suspended"),
        pytest.param(400, rpc(9, SUSPENDED), AccountSuspended, id="400 suspended"),
        pytest.param(412, {"error": SUSPENDED}, AccountSuspended, id="suspended, in a text"),
        pytest.param(401, rpc(16, "no"), KeyRefused, id="401"),
        pytest.param(403, rpc(7, "no"), KeyRefused, id="403"),
        pytest.param(404, rpc(5, "gone"), NotFound, id="404"),
        pytest.param(404, {"detail": "Not Found"}, ProviderRejected, id="another server's 404"),
        pytest.param(429, rpc(8, "slow"), ProviderUnavailable, id="429"),
        pytest.param(425, rpc(14, "early"), ProviderUnavailable, id="425"),
        pytest.param(408, rpc(4, "late"), AnswerLost, id="408"),
        pytest.param(499, rpc(1, "cancelled"), AnswerLost, id="499"),
        pytest.param(500, rpc(9, "oops"), AnswerLost, id="500, whatever its code"),
        pytest.param(501, rpc(12, "Method Not Allowed"), ProviderRejected, id="501"),
        pytest.param(502, {}, AnswerLost, id="502"),
        pytest.param(503, rpc(14, "later"), AnswerLost, id="503"),
        pytest.param(504, rpc(4, "late"), AnswerLost, id="504"),
        pytest.param(202, {}, AnswerLost, id="202"),
        pytest.param(204, {}, AnswerLost, id="204"),
        pytest.param(302, {}, ProviderRejected, id="a redirect is not followed"),
        pytest.param(200, {}, None, id="200"),
        pytest.param(200, {"name": full("chat")}, None, id="the deployment"),
        pytest.param(200, {"name": full("other")}, AnswerLost, id="another deployment"),
        pytest.param(200, {"error": "no"}, AnswerLost, id="a refusal with status 200"),
        pytest.param(200, [], AnswerLost, id="a list"),
        pytest.param(200, None, AnswerLost, id="null"),
    ],
)
async def test_each_answer_is_told_as_what_it_means(
    status: int, body: object, error: type[ProviderError] | None
) -> None:
    raised, stage = await deleted(written(body, status, location="https://elsewhere.example/"))

    assert (None if raised is None else type(raised)) is error
    assert [request.method for request in stage.asked] == ["DELETE"]
    if raised is not None:
        assert raised.where == "DELETE /v1/accounts/acme/deployments/chat"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(httpx.ConnectError("refused"), ProviderUnavailable, id="refused"),
        pytest.param(httpx.ConnectTimeout("slow"), ProviderUnavailable, id="no connection in time"),
        pytest.param(httpx.PoolTimeout("full"), ProviderUnavailable, id="no connection free"),
        pytest.param(httpx.ProxyError("403"), ProviderUnavailable, id="the proxy's no"),
        pytest.param(httpx.ReadError(""), AnswerLost, id="reset"),
        pytest.param(httpx.WriteError(""), AnswerLost, id="reset while it was sent"),
        pytest.param(httpx.ReadTimeout(""), AnswerLost, id="silence"),
        pytest.param(httpx.WriteTimeout(""), AnswerLost, id="stuck"),
        pytest.param(httpx.RemoteProtocolError("eof"), AnswerLost, id="the end, without an answer"),
        pytest.param(httpx.LocalProtocolError("?"), AnswerLost, id="our own protocol"),
        pytest.param(
            lambda: httpx.Response(200, stream=Pieces(b"{", error=httpx.ReadError("cut"))),
            AnswerLost,
            id="broken off",
        ),
        pytest.param(
            lambda: httpx.Response(200, headers={"content-length": "9"}, stream=Pieces(b"{}")),
            AnswerLost,
            id="shorter than promised",
        ),
        pytest.param(
            lambda: httpx.Response(200, content=b"{}" + b" " * 5_000_000), AnswerLost, id="too long"
        ),
        pytest.param(httpx.Response(200, content=b"<html>"), AnswerLost, id="HTML"),
        pytest.param(httpx.Response(200, content=b""), AnswerLost, id="nothing"),
        pytest.param(
            lambda: httpx.Response(
                200, headers={"content-encoding": "gzip"}, stream=Pieces(b"no gzip")
            ),
            AnswerLost,
            id="not gzip",
        ),
        pytest.param(
            lambda: httpx.Response(429, stream=Pieces(error=httpx.ReadError("cut"))),
            ProviderUnavailable,
            id="a refusal that breaks off is still one",
        ),
    ],
)
async def test_what_breaks_is_lost_only_if_it_may_have_left(
    answer: Answer | Callable[[], Answer], error: type[ProviderError]
) -> None:
    raised, stage = await deleted(answer)

    assert type(raised) is error
    assert len(stage.asked) == 1


async def test_an_outage_that_says_how_long_is_left_alone_so_long() -> None:
    raised, stage = await deleted(written(rpc(14, "later"), 503, retry_after="60"))
    again = stage.door.controls(ACME).delete(DEPLOYMENT, permit=a_permit())

    with pytest.raises(ProviderUnavailable, match="left alone") as refused:
        await again

    assert isinstance(raised, AnswerLost)
    assert raised.retry_after == timedelta(seconds=60)
    assert not isinstance(refused.value, AnswerLost)
    assert len(stage.asked) == 1


class Right:
    """The right to act, which is lost after it was asked for so often."""

    def __init__(self, most: int) -> None:
        self.asked = 0
        self._most = most

    def still_held(self) -> None:
        self.asked += 1
        if self.asked > self._most:
            raise LeaseLost("another process has it")


@asynccontextmanager
async def over_a_socket(
    faults: str = "", limits: Limits | None = None
) -> AsyncIterator[tuple[FireworksControls, FireworksDoor, Callable[[], Any]]]:
    """Change a world that is served on a real port; the last tells of the writes it got."""
    clock = CompressedClock(speed=1, origin=NOW)
    world = World(an_account(rich()), seed=1, start=clock.now())
    app = application(world, clock=clock, faults=parse_faults(faults))
    ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(app, "127.0.0.1", 0, on_ready=ready.set_result))
    url = f"http://127.0.0.1:{await ready}"
    door = FireworksDoor(
        base_url=url,
        api_key=lambda: "fw_simulated",
        clock=clock,
        rng=random.Random(1),
        limits=limits,
    )

    async def writes() -> list[str]:
        async with httpx.AsyncClient(base_url=url) as other:
            rows = (await other.get("/_log")).json()["requests"]
        return [row["method"] for row in rows if row["method"] != "GET"]

    try:
        yield door.controls(ACME), door, writes
    finally:
        await door.aclose()
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving


async def test_the_right_to_act_is_asked_for_again_when_the_connection_is_there() -> None:
    async with over_a_socket() as (controls, door, writes):
        examined = await door.account(ACME).fetch_deployment(DeploymentId("chat"))
        assert examined.deployment is not None
        lost, kept = Right(most=1), Right(most=2)

        with pytest.raises(LeaseLost):
            await controls.scale(examined.deployment, 0, permit=a_permit(lost.still_held))
        assert await writes() == []
        await controls.scale(examined.deployment, 0, permit=a_permit(kept.still_held))

        assert (lost.asked, kept.asked) == (2, 2)
        assert await writes() == ["PATCH"]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        pytest.param('kind = "reset"', AnswerLost, id="reset"),
        pytest.param('kind = "lost-answer"', AnswerLost, id="lost"),
        pytest.param('kind = "cut"', AnswerLost, id="cut"),
        pytest.param('kind = "hang"', AnswerLost, id="hanging"),
    ],
)
async def test_over_a_real_connection_a_lost_answer_is_one_too(
    fault: str, error: type[ProviderError]
) -> None:
    faults = f'[[fault]]\non = "write"\n{fault}'
    async with over_a_socket(faults, Limits(change_s=0.5)) as (controls, door, writes):
        examined = await door.account(ACME).fetch_deployment(DeploymentId("chat"))
        assert examined.deployment is not None

        with pytest.raises(error) as raised:
            await controls.scale(examined.deployment, 0, permit=a_permit())

        assert type(raised.value) is error
        assert len(await writes()) <= 1


async def test_where_nobody_listens_nothing_was_sent() -> None:
    async with over_a_socket() as (_, door, _):
        url = str(door._http.base_url)
    gone = FireworksDoor(
        base_url=url,
        api_key=lambda: "fw_simulated",
        clock=CompressedClock(speed=1, origin=NOW),
        rng=random.Random(1),
    )

    with pytest.raises(ProviderUnavailable, match="not sent") as raised:
        await gone.controls(ACME).delete(DEPLOYMENT, permit=a_permit())

    await gone.aclose()
    assert type(raised.value) is ProviderUnavailable
