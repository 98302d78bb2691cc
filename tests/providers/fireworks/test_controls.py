"""Changes, made on the simulated control plane: exactly those, each once, and told truly."""

import json
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from firewarden.clock.virtual import VirtualClock
from firewarden.errors import (
    AccountSuspended,
    AnswerLost,
    Forbidden,
    InUse,
    KeyRefused,
    NotFound,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
)
from firewarden.model.action import Effect
from firewarden.model.ids import AccountId, DeploymentId
from firewarden.ports import Controls
from tests.providers.fireworks.changing import (
    ACME,
    CHAT,
    PATH,
    POLICY,
    READS,
    WRITES,
    Site,
    a_permit,
    rich,
    without_mask,
)
from tests.support.clock import FakeClock
from tests.support.effects import demand_no_forbidden
from tests.support.virtual import in_virtual_time

MODEL = "accounts/acme/models/chat"
TO_ZERO = Effect(min_replica_count=0)
PARK = Effect(min_replica_count=0, max_replica_count=0)
WINDOW = Effect(scale_to_zero_window=timedelta(minutes=5))


def test_it_is_what_the_core_asks_for() -> None:
    controls: Controls = Site(FakeClock()).controls

    assert controls is not None


@pytest.mark.parametrize(
    ("effect", "mask", "body"),
    [
        pytest.param(TO_ZERO, "min_replica_count", {"minReplicaCount": 0}, id="floor"),
        pytest.param(
            Effect(max_replica_count=2), "max_replica_count", {"maxReplicaCount": 2}, id="ceiling"
        ),
        pytest.param(
            PARK,
            "min_replica_count,max_replica_count",
            {"minReplicaCount": 0, "maxReplicaCount": 0},
            id="park",
        ),
        pytest.param(
            WINDOW,
            "autoscaling_policy",
            {"autoscalingPolicy": {**POLICY, "scaleToZeroWindow": "300s"}},
            id="the window, with all of the policy that was there",
        ),
        pytest.param(
            Effect(
                min_replica_count=0,
                max_replica_count=4,
                scale_to_zero_window=timedelta(seconds=400, milliseconds=250),
            ),
            "min_replica_count,max_replica_count,autoscaling_policy",
            {
                "minReplicaCount": 0,
                "maxReplicaCount": 4,
                "autoscalingPolicy": {**POLICY, "scaleToZeroWindow": "400.25s"},
            },
            id="everything",
        ),
    ],
)
@in_virtual_time
async def test_bounds_are_one_patch_that_names_them_and_touches_nothing_else(
    clock: VirtualClock, effect: Effect, mask: str, body: dict[str, Any]
) -> None:
    site = Site(clock)
    before = dict(site.chat.fields)
    deployment = await site.examined()

    await site.controls.set_bounds(deployment, effect, permit=a_permit())
    written = await site.controls.read_back(deployment, effect)

    ((method, target, content),) = site.sent
    assert (method, target) == ("PATCH", f"{PATH}?updateMask={mask}")
    assert json.loads(content) == {"baseModel": MODEL, **body}
    assert written.strayed == ()
    assert effect.is_in_force(written.deployment)
    assert site.chat.fields == {**before, **body}
    demand_no_forbidden(await site.log())


@in_virtual_time
async def test_a_window_is_set_where_there_was_no_policy(clock: VirtualClock) -> None:
    site = Site(clock, plan=rich(autoscalingPolicy=None))
    deployment = await site.examined()

    await site.controls.set_bounds(deployment, WINDOW, permit=a_permit())
    written = await site.controls.read_back(deployment, WINDOW)

    assert site.chat.fields["autoscalingPolicy"] == {"scaleToZeroWindow": "300s"}
    assert written.strayed == ()


@in_virtual_time
async def test_replicas_a_delete_and_its_undoing_are_one_plain_request_each(
    clock: VirtualClock,
) -> None:
    site = Site(clock)
    deployment = await site.examined()

    await site.controls.scale(deployment, 0, permit=a_permit())
    await site.controls.delete(deployment, permit=a_permit())
    await clock.sleep(timedelta(minutes=1))
    await site.controls.undelete(deployment, permit=a_permit())

    assert site.sent == [
        ("PATCH", f"{PATH}:scale", b'{"replicaCount":0}'),
        ("DELETE", PATH, b""),
        ("POST", f"{PATH}:undelete", b"{}"),
    ]
    assert not site.chat.is_gone
    demand_no_forbidden(await site.log())


@in_virtual_time
async def test_what_a_server_without_masks_zeroes_is_named(clock: VirtualClock) -> None:
    site = Site(clock, bend=without_mask)
    deployment = await site.examined()

    await site.controls.set_bounds(deployment, TO_ZERO, permit=a_permit())
    written = await site.controls.read_back(deployment, TO_ZERO)

    assert written.strayed == (
        "acceleratorCount",
        "acceleratorType",
        "autoscalingPolicy",
        "autoscalingPolicy.scaleToZeroWindow",
        "description",
        "directRouteApiKeys",
        "displayName",
        "enableSessionAffinity",
        "maxContextLength",
        "maxReplicaCount",
    )


@in_virtual_time
async def test_what_was_asked_for_and_is_not_so_is_named_too(clock: VirtualClock) -> None:
    site = Site(clock, '[[fault]]\nkind = "reverted"\nafter = "1s"')
    deployment = await site.examined()
    effect = Effect(min_replica_count=0, scale_to_zero_window=timedelta(minutes=10))

    await site.controls.set_bounds(deployment, effect, permit=a_permit())
    at_once = await site.controls.read_back(deployment, effect)
    await clock.sleep(timedelta(seconds=2))
    later = await site.controls.read_back(deployment, effect)

    assert at_once.strayed == ()
    assert later.strayed == ("autoscalingPolicy.scaleToZeroWindow", "minReplicaCount")


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        pytest.param({"displayName": "Mine"}, ("displayName",), id="a field"),
        pytest.param({"description": ""}, ("description",), id="a field that is emptied"),
        pytest.param({"maxReplicaCount": 5}, ("maxReplicaCount",), id="the other bound"),
        pytest.param(
            {"autoscalingPolicy": {**POLICY, "scaleUpWindow": "60s"}},
            ("autoscalingPolicy",),
            id="deep inside",
        ),
        pytest.param(
            {"directRouteApiKeys": ["fw_another"]}, ("directRouteApiKeys",), id="a secret"
        ),
        pytest.param({}, (), id="nothing"),
    ],
)
@in_virtual_time
async def test_a_person_s_edit_in_between_is_seen(
    clock: VirtualClock, fields: dict[str, Any], names: tuple[str, ...]
) -> None:
    site = Site(clock)
    deployment = await site.examined()

    await site.controls.set_bounds(deployment, TO_ZERO, permit=a_permit())
    site.world.human_patch("chat", clock.now() + timedelta(seconds=1), **fields)
    await clock.sleep(timedelta(seconds=2))
    written = await site.controls.read_back(deployment, TO_ZERO)

    assert written.strayed == names


@in_virtual_time
async def test_replicas_that_come_and_go_are_no_edit(clock: VirtualClock) -> None:
    site = Site(clock)
    deployment = await site.examined()

    await site.controls.set_bounds(deployment, TO_ZERO, permit=a_permit())
    await site.controls.scale(deployment, 3, permit=a_permit())
    await clock.sleep(timedelta(minutes=10))
    written = await site.controls.read_back(deployment, TO_ZERO)

    assert written.deployment.ready_replica_count != deployment.ready_replica_count
    assert written.strayed == ()


@in_virtual_time
async def test_a_namesake_is_not_changed_nor_taken_for_what_was(clock: VirtualClock) -> None:
    site = Site(clock, '[[fault]]\nkind = "recreated"\ndeployment = "chat"\nfrom = "1m"')
    deployment = await site.examined()
    await site.controls.set_bounds(deployment, TO_ZERO, permit=a_permit())
    await clock.sleep(timedelta(minutes=2))

    for refused in (
        site.controls.set_bounds(deployment, PARK, permit=a_permit()),
        site.controls.read_back(deployment, TO_ZERO),
    ):
        with pytest.raises(ProviderRejected, match="created anew"):
            await refused

    assert len(site.sent) == 1


@in_virtual_time
async def test_nothing_is_compared_with_what_was_not_seen(clock: VirtualClock) -> None:
    site = Site(clock)

    with pytest.raises(ProviderRejected, match="nothing to compare with"):
        await site.controls.read_back(await site.examined(), TO_ZERO)


@pytest.mark.parametrize(
    ("fault", "error", "is_done"),
    [
        pytest.param('kind = "lost-answer"', AnswerLost, True, id="lost"),
        pytest.param('kind = "cut"', AnswerLost, True, id="cut"),
        pytest.param('kind = "slow"\nwait = "11s"', AnswerLost, True, id="too slow"),
        pytest.param('kind = "slow"\nwait = "9s"', None, True, id="slow, and in time"),
        pytest.param('kind = "truncated"', AnswerLost, True, id="half a text"),
        pytest.param('kind = "reset"', AnswerLost, False, id="reset"),
        pytest.param('kind = "hang"', AnswerLost, False, id="hanging"),
        pytest.param('kind = "html"', AnswerLost, False, id="HTML"),
        *(
            pytest.param(f'kind = "server-error"\nstatus = {status}', AnswerLost, False)
            for status in (500, 502, 503, 504)
        ),
        pytest.param('kind = "server-error"\nstatus = 501', ProviderRejected, False, id="501"),
        pytest.param('kind = "throttle"', ProviderUnavailable, False, id="429"),
        pytest.param('kind = "precondition"', InUse, False, id="412 precondition"),
        pytest.param('kind = "suspended"', AccountSuspended, False, id="412 suspended"),
        pytest.param('kind = "unauthorized"', KeyRefused, False, id="401"),
        pytest.param('kind = "forbidden"', KeyRefused, False, id="403"),
    ],
)
@in_virtual_time
async def test_a_change_that_goes_wrong_is_sent_once_and_called_by_its_name(
    clock: VirtualClock,
    fault: str,
    error: type[ProviderError] | None,
    is_done: bool,  # noqa: FBT001  # a column of the table
) -> None:
    site = Site(clock, f'[[fault]]\non = "write"\n{fault}')
    deployment = await site.examined()
    began = clock.mono()

    raised: ProviderError | None = None
    try:
        await site.controls.set_bounds(deployment, TO_ZERO, permit=a_permit())
    except ProviderError as caught:
        raised = caught

    assert (None if raised is None else type(raised)) is error
    assert len(site.sent) == 1
    assert clock.mono() - began <= 10
    assert (site.chat.floor == 0) is is_done
    if raised is not None:
        assert raised.where == f"PATCH {PATH}"


@in_virtual_time
async def test_what_a_lost_answer_did_can_be_read(clock: VirtualClock) -> None:
    site = Site(clock, '[[fault]]\nkind = "lost-answer"')
    deployment = await site.examined()

    with pytest.raises(AnswerLost, match="found out by reading"):
        await site.controls.set_bounds(deployment, PARK, permit=a_permit())
    written = await site.controls.read_back(deployment, PARK)

    assert written.strayed == ()
    assert PARK.is_in_force(written.deployment)
    assert len(site.sent) == 1


@in_virtual_time
async def test_a_deployment_in_use_is_not_deleted(clock: VirtualClock) -> None:
    site = Site(clock)
    deployment = await site.examined()
    site.world.request("chat", clock.now(), 1)
    await clock.sleep(timedelta(minutes=10))

    with pytest.raises(InUse, match="inference requests in the last hour"):
        await site.controls.delete(deployment, permit=a_permit())

    assert site.sent == [("DELETE", PATH, b"")]
    assert not site.chat.is_gone


@in_virtual_time
async def test_what_is_not_there_is_not_found(clock: VirtualClock) -> None:
    site = Site(clock)
    deployment = await site.examined()
    site.world.vanish("chat", clock.now())

    for call in (
        site.controls.set_bounds(deployment, TO_ZERO, permit=a_permit()),
        site.controls.scale(deployment, 0, permit=a_permit()),
        site.controls.delete(deployment, permit=a_permit()),
        site.controls.undelete(deployment, permit=a_permit()),
    ):
        with pytest.raises(NotFound):
            await call

    assert [method for method, _, _ in site.sent] == ["PATCH", "DELETE", "POST"]


@pytest.mark.parametrize("on", ["list", "write"])
@in_virtual_time
async def test_a_provider_that_wants_to_be_left_alone_is_not_sent_a_change(
    clock: VirtualClock, on: str
) -> None:
    fault = f'[[fault]]\nkind = "throttle"\non = "{on}"\nretry_after = "120"\ntimes = 1'
    site = Site(clock, fault)
    deployment = await site.examined()
    scaling = site.controls.scale(deployment, 0, permit=a_permit())
    with pytest.raises(ProviderUnavailable):
        await (scaling if on == "write" else site.door.account(ACME).fetch_fleet())
    scaling.close()
    sent = len(site.sent)

    await clock.sleep(timedelta(seconds=100))
    with pytest.raises(ProviderUnavailable, match="left alone"):
        await site.controls.delete(deployment, permit=a_permit())
    assert len(site.sent) == sent
    await clock.sleep(timedelta(seconds=21))
    await site.controls.delete(deployment, permit=a_permit())

    assert site.sent[sent:] == [("DELETE", PATH, b"")]


@in_virtual_time
async def test_changes_are_sent_with_their_own_key_and_reads_never(clock: VirtualClock) -> None:
    site = Site(clock)

    await site.controls.set_bounds(await site.examined(), TO_ZERO, permit=a_permit())
    await site.controls.fetch_whole(CHAT)

    assert site.keys == {("GET", READS), ("PATCH", WRITES)}


@in_virtual_time
async def test_without_a_second_key_the_first_is_used_and_told_what_it_lacks(
    clock: VirtualClock,
) -> None:
    site = Site(clock, write_key=None)

    with pytest.raises(KeyRefused, match="give FIREWORKS_WRITE_API_KEY"):
        await site.controls.set_bounds(await site.examined(), TO_ZERO, permit=a_permit())

    assert site.keys == {("GET", READS), ("PATCH", READS)}
    assert site.chat.floor == 1


@in_virtual_time
async def test_a_key_that_cannot_be_one_is_said_to_be_the_second(clock: VirtualClock) -> None:
    site = Site(clock, write_key="no key")

    with pytest.raises(KeyRefused) as raised:
        await site.controls.scale(await site.examined(), 0, permit=a_permit())

    assert "FIREWORKS_WRITE_API_KEY" in raised.value.mend
    assert site.sent == []


@in_virtual_time
async def test_each_change_that_left_is_one_event(clock: VirtualClock) -> None:
    site = Site(clock, '[[fault]]\nkind = "slow"\non = "write"\nwait = "2s"\ntimes = 1')
    deployment = await site.examined()

    with capture_logs() as logs:
        await site.controls.set_bounds(deployment, TO_ZERO, permit=a_permit())
        site.world.vanish("chat", clock.now())
        with pytest.raises(NotFound):
            await site.controls.delete(deployment, permit=a_permit())

    assert logs == [
        {
            "event": "change.sent",
            "log_level": "info",
            "action_id": 17,
            "method": method,
            "path": PATH,
            "status": status,
            "duration_seconds": seconds,
        }
        for method, status, seconds in (("PATCH", 200, 2.0), ("DELETE", 404, 0.0))
    ]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        pytest.param({"autoscalingPolicy": {**POLICY, "loadTargets": {"hard": 0.5}}},
                     "a member called hard", id="a word that is never sent"),
        pytest.param({"autoscalingPolicy": {"loadTargets": {"x" * 70_000: 0.5}}},
                     "too long", id="too long"),
    ],
)  # fmt: skip
@in_virtual_time
async def test_a_policy_that_cannot_be_sent_along_is_left_as_it_is(
    clock: VirtualClock, fields: dict[str, Any], said: str
) -> None:
    site = Site(clock, plan=rich(**fields))
    deployment = await site.examined()

    with pytest.raises(ProviderRejected, match=said):
        await site.controls.set_bounds(deployment, WINDOW, permit=a_permit())
    assert site.sent == []
    await site.controls.set_bounds(deployment, TO_ZERO, permit=a_permit())

    assert len(site.sent) == 1


@in_virtual_time
async def test_what_only_a_bug_of_ours_would_ask_for_is_forbidden(clock: VirtualClock) -> None:
    site = Site(clock)
    deployment = await site.examined()
    foreign = site.door.controls(AccountId("globex"), api_key=lambda: WRITES)
    asked = len(site.recorder.seen)

    for call in (
        site.controls.set_bounds(deployment, Effect(delete=True), permit=a_permit()),
        site.controls.scale(deployment, -1, permit=a_permit()),
        foreign.delete(deployment, permit=a_permit()),
    ):
        with pytest.raises(Forbidden):
            await call

    assert len(site.recorder.seen) == asked


@given(text=st.text(min_size=1))
def test_an_id_that_could_mean_more_in_an_address_is_never_sent(text: str) -> None:
    """Whatever a listing calls a deployment: it is refused, or stands there as it is."""

    @in_virtual_time
    async def live(clock: VirtualClock) -> None:
        site = Site(clock)
        deployment = replace(await site.examined(), deployment_id=DeploymentId(text))
        with suppress(ProviderError):  # and a Forbidden is a bug
            await site.controls.delete(deployment, permit=a_permit())
        assert [target for _, target, _ in site.sent] in ([], [PATH.replace("chat", text)])

    live()


@in_virtual_time
async def test_a_connection_that_cannot_be_made_is_no_lost_answer(clock: VirtualClock) -> None:
    def refuse(request: httpx.Request) -> httpx.Request:
        if request.method == "GET":
            return request
        raise httpx.ConnectError("refused")

    site = Site(clock, bend=refuse)

    with capture_logs() as logs, pytest.raises(ProviderUnavailable, match="not sent") as raised:
        await site.controls.delete(await site.examined(), permit=a_permit())

    assert type(raised.value) is ProviderUnavailable
    assert [entry for entry in logs if entry["event"] == "change.sent"] == []
