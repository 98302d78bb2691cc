"""All of a deployment as it is kept, and no secret in that or anywhere else."""

import io
import json
import traceback
from typing import Any

import httpx
import pytest

from firewarden.clock.virtual import VirtualClock
from firewarden.errors import FirewardenError, NotFound, ProviderRejected
from firewarden.model.action import Effect
from firewarden.model.ids import DeploymentId
from tests.providers.fireworks.changing import (
    CHAT,
    READS,
    ROUTE_KEY,
    WRITES,
    Site,
    a_permit,
    without_mask,
)
from tests.providers.fireworks.stage import (
    ACME,
    KEY,
    Stage,
    a_deployment,
    by_path,
    pages,
    row,
    written,
)
from tests.support.virtual import in_virtual_time


def an_account(*rows: dict[str, Any], **fields: Any) -> Stage:
    return Stage(
        by_path(
            {
                "/deployments/chat": a_deployment("chat", **fields),
                "/deployedModels": pages(list(rows), collection="deployedModels"),
            }
        )
    )


async def test_all_that_is_said_is_kept_in_the_order_of_names() -> None:
    stage = an_account(
        row("chat", state="DEPLOYED", novelty=[1]),
        row("eval"),
        {"model": "addon", "deployment": "chat"},
        {"model": "shared", "serverless": True},
        novelty={"b": 1, "a": "é"},
    )

    text = await stage.door.controls(ACME).fetch_whole(CHAT)

    kept = json.loads(text)
    assert kept["deployment"] == a_deployment("chat", novelty={"b": 1, "a": "é"})
    assert kept["deployedModels"] == [
        row("chat", state="DEPLOYED", novelty=[1]),
        {"model": "addon", "deployment": "chat"},
    ]
    assert text == json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@pytest.mark.parametrize(
    ("keys", "count"),
    [
        pytest.param(["fw_A_CANARY", "fw_B_CANARY"], 2, id="two"),
        pytest.param([], 0, id="none"),
        pytest.param("fw_A_CANARY", 1, id="one, not in a list"),
    ],
)
async def test_secrets_are_counted_and_what_is_nobody_s_business_is_left_out(
    keys: object, count: int
) -> None:
    stage = an_account(
        row("chat", directRouteApiKeys=["fw_C_CANARY"]),
        directRouteApiKeys=keys,
        annotations={"custom/team": "x", "image-tag-reason": "CANARY"},
    )

    text = await stage.door.controls(ACME).fetch_whole(CHAT)

    assert "CANARY" not in text
    kept = json.loads(text)
    assert kept["deployment"]["directRouteApiKeys"] == count
    assert kept["deployment"]["annotations"] == {"custom/team": "x"}
    assert kept["deployedModels"][0]["directRouteApiKeys"] == 1


async def test_what_cannot_be_had_whole_is_not_kept() -> None:
    long = an_account(novelty="x" * 1_100_000)
    other = Stage(by_path({"/deployments/chat": a_deployment("other")}))
    html = Stage(by_path({"/deployments/chat": httpx.Response(200, content=b"<html>")}))
    part = an_account()
    part.play = by_path(
        {
            "/deployments/chat": a_deployment("chat"),
            "/deployedModels": pages([row()], collection="deployedModels", total=2),
        }
    )

    for stage, said in (
        (long, "too long"),
        (other, "another deployment"),
        (html, "HTML"),
        (part, "2 were announced"),
    ):
        with pytest.raises(ProviderRejected, match=said):
            await stage.door.controls(ACME).fetch_whole(CHAT)


async def test_what_is_not_there_or_no_id_is_said_to_be_so() -> None:
    stage = an_account()

    with pytest.raises(NotFound):
        await stage.door.controls(ACME).fetch_whole(DeploymentId("gone"))
    with pytest.raises(ProviderRejected, match="no plain deployment id"):
        await stage.door.controls(ACME).fetch_whole(DeploymentId("../chat"))

    assert stage.paths == ["/deployments/gone"]


@in_virtual_time
async def test_what_the_simulator_says_is_kept(clock: VirtualClock) -> None:
    site = Site(clock)

    kept = json.loads(await site.controls.fetch_whole(CHAT))

    assert kept["deployment"]["name"] == site.chat.name
    assert kept["deployment"]["directRouteApiKeys"] == 1
    assert [each["model"] for each in kept["deployedModels"]] == [site.chat.base_model]


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param("", id="none"),
        pytest.param('kind = "lost-answer"', id="lost"),
        pytest.param('kind = "server-error"', id="503"),
        pytest.param('kind = "wrong-types"', id="wrong types"),
        pytest.param('kind = "truncated"', id="truncated"),
        pytest.param('kind = "forbidden"', id="403"),
    ],
)
@in_virtual_time
async def test_no_secret_is_in_a_log_an_error_or_a_repr(
    clock: VirtualClock, fault: str, logged: io.StringIO
) -> None:
    site = Site(clock, f'[[fault]]\non = "write"\n{fault}' if fault else "", bend=without_mask)
    deployment = await site.examined()
    effect = Effect(min_replica_count=0, max_replica_count=2)
    told = ""
    for call in (
        site.controls.set_bounds(deployment, effect, permit=a_permit()),
        site.controls.read_back(deployment, effect),
        site.controls.fetch_whole(CHAT),
        site.controls.undelete(deployment, permit=a_permit()),
    ):
        try:
            told += repr(await call)
        except FirewardenError as error:
            told += "".join(traceback.format_exception(error))
    told += f"{site.door!r}{site.door.__dict__}{site.controls.__dict__}{site.sent}"

    assert "strayed=(" in told
    for canary in (READS, WRITES, ROUTE_KEY):
        assert canary not in told + logged.getvalue()


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(written({"code": 16, "message": f"bad key {KEY}!"}, 401), id="401"),
        pytest.param(written({"code": 9, "message": f"{KEY} is in use"}, 400), id="in use"),
        pytest.param(written({"error": f"{'x' * 290}{KEY}"}, 503), id="where the text is cut"),
        pytest.param(httpx.LocalProtocolError(f"bad value b'Bearer {KEY}'"), id="our own header"),
        pytest.param(written({"name": KEY}), id="a name"),
        pytest.param(httpx.Response(302, headers={"location": f"https://x/{KEY}"}), id="302"),
    ],
)
async def test_a_key_that_comes_back_is_blotted_out(
    answer: httpx.Response | Exception, logged: io.StringIO
) -> None:
    deployment = a_deployment("chat")
    stage = Stage(
        lambda request: written(deployment) if request.method == "GET" else answer,
        key=lambda: "fw_reading",
    )
    controls = stage.door.controls(ACME, api_key=lambda: KEY)
    examined = await stage.account.fetch_deployment(CHAT, alone=True)
    assert examined.deployment is not None

    with pytest.raises(FirewardenError) as raised:
        await controls.set_bounds(
            examined.deployment, Effect(min_replica_count=0), permit=a_permit()
        )

    shown = f"{raised.value!r}{''.join(traceback.format_exception(raised.value))}"
    assert "CANARY" not in shown + logged.getvalue()
