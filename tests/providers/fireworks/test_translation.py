"""One deployment, from the wire to the model."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from firewarden.errors import ProviderRejected
from firewarden.model.deployment import Deployment, Trait
from firewarden.model.ids import DeploymentId
from firewarden.providers.fireworks.translate import duration
from tests.providers.fireworks.stage import ACME, Stage, a_deployment, by_path, pages


async def read(**changes: Any) -> Deployment:
    stage = Stage(pages([a_deployment(**changes)]))
    fleet = await stage.account.fetch_fleet()
    assert fleet.complete, fleet.problem
    (found,) = fleet.deployments.values()
    return found


async def test_a_full_deployment_is_told_in_our_words() -> None:
    found = await read(
        displayName="Chat",
        updateTime="2026-11-01T00:00:00+02:00",
        deleteTime="2026-11-02T00:00:00Z",
        purgeTime="2026-11-09T00:00:00Z",
        status={"code": "OK", "message": "fine"},
        replicaStats={
            "pendingSchedulingReplicaCount": 1,
            "downloadingModelReplicaCount": 2,
            "initializingReplicaCount": 3,
            "readyReplicaCount": 4,
            "revocableReplicaCount": 9,
            "effectiveReplicaCount": 4.0,
        },
        placement={"multiRegion": "GLOBAL"},
        region="US_IOWA_1",
        deploymentShape="accounts/fireworks/deploymentShapes/s/versions/v",
        hotLoadTrainerJob="accounts/acme/rlorTrainerJobs/t",
        pricingPlanId="accounts/acme/pricingPlans/gold",
        autoscalingPolicy={"scaleToZeroWindow": "3600s", "scaleUpWindow": "30s"},
        annotations={"custom/owner": "ada", "custom/firewarden.protect": "8h", "team": "bare"},
    )

    assert found == Deployment(
        uid=found.uid,
        account=ACME,
        deployment_id=DeploymentId("chat"),
        name="accounts/acme/deployments/chat",
        display_name="Chat",
        base_model="accounts/fireworks/models/gpt-oss-120b",
        created_at=datetime(2026, 10, 1, 8, 0, 0, 123457, tzinfo=UTC),
        state="READY",
        accelerator_type="NVIDIA_H100_80GB",
        accelerator_count=4,
        min_replica_count=1,
        max_replica_count=2,
        desired_replica_count=1,
        ready_replica_count=4,
        starting_replica_count=6,
        placement="global",
        region="US_IOWA_1",
        updated_at=datetime(2026, 10, 31, 22, tzinfo=UTC),
        deleted_at=datetime(2026, 11, 2, tzinfo=UTC),
        purge_at=datetime(2026, 11, 9, tzinfo=UTC),
        status_message="fine",
        pricing_plan="gold",
        shape="accounts/fireworks/deploymentShapes/s/versions/v",
        trainer_job="accounts/acme/rlorTrainerJobs/t",
        scale_to_zero_window=timedelta(hours=1),
        traits=frozenset({Trait.TRAINING}),
        tags={"owner": "ada", "firewarden.protect": "8h"},
    )
    assert found.uid == "accounts/acme/deployments/chat@2026-10-01T08:00:00.123457+00:00"


async def test_what_proto3_leaves_out_is_zero() -> None:
    found = await read(
        minReplicaCount=None,
        maxReplicaCount=None,
        desiredReplicaCount=None,
        replicaStats={},
        acceleratorCount=None,
        acceleratorType=None,
        state=None,
    )

    assert (found.min_replica_count, found.max_replica_count) == (0, 0)
    assert (found.ready_replica_count, found.gpu_count, found.starting_gpu_count) == (0, 0, 0)
    assert (found.accelerator_type, found.state) == ("", "STATE_UNSPECIFIED")
    assert (found.placement, found.region, found.tags, found.traits) == ("", "", {}, frozenset())
    assert found.scale_to_zero_window is None


async def test_without_replica_stats_the_plain_count_counts() -> None:
    found = await read(replicaStats=None, replicaCount=3)

    assert (found.ready_replica_count, found.starting_replica_count) == (3, 0)


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        pytest.param({"state": "HIBERNATING"}, "state", "HIBERNATING", id="a state of the future"),
        pytest.param({"state": 12}, "state", "12", id="a state without a name"),
        pytest.param(
            {"acceleratorType": "NVIDIA_R100"}, "accelerator_type", "NVIDIA_R100", id="a new GPU"
        ),
        pytest.param(
            {"acceleratorType": "ACCELERATOR_TYPE_UNSPECIFIED"}, "accelerator_type", "", id="none"
        ),
        pytest.param({"acceleratorCount": "8"}, "accelerator_count", 8, id="a number as text"),
        pytest.param({"acceleratorCount": 8.0}, "accelerator_count", 8, id="a whole float"),
        pytest.param({"updateTime": "0001-01-01T00:00:00Z"}, "updated_at", None, id="zero instant"),
        pytest.param({"placement": {"region": "EU_PARIS_1"}}, "placement", "region:EU_PARIS_1"),
        pytest.param({"placement": {"multiRegion": "US"}}, "placement", "multi_region:US"),
        pytest.param(
            {"placement": {"regions": ["US_UTAH_1", "US_IOWA_1"]}},
            "placement",
            "region:US_IOWA_1,US_UTAH_1",
        ),
        pytest.param({"placement": {"region": "REGION_UNSPECIFIED"}}, "placement", "", id="unsaid"),
        pytest.param({"displayName": "x" * 900}, "display_name", "x" * 500, id="a long name"),
    ],
)
async def test_odd_values_are_kept_or_told_as_unsaid(
    changes: dict[str, Any], field: str, value: object
) -> None:
    assert getattr(await read(**changes), field) == value


@pytest.mark.parametrize(
    ("changes", "traits"),
    [
        pytest.param({"enableHotLoad": True}, {Trait.HOT_LOAD}, id="hot load"),
        pytest.param({"hotLoadBucketUrl": "s3://x"}, {Trait.HOT_LOAD}, id="a bucket"),
        pytest.param({"forTraining": True}, {Trait.TRAINING}, id="for training"),
        pytest.param(
            {"description": "Fireworks training deployment"}, {Trait.TRAINING}, id="the SDK's words"
        ),
        pytest.param({"directRouteType": "INTERNET"}, {Trait.DIRECT_ROUTE}, id="direct route"),
        pytest.param({"directRouteType": "DIRECT_ROUTE_TYPE_UNSPECIFIED"}, set(), id="no route"),
        pytest.param({"directRouteApiKeys": ["s3cret"]}, {Trait.DIRECT_ROUTE}, id="route keys"),
        pytest.param({"directRouteApiKeys": []}, set(), id="no route keys"),
        pytest.param({"cluster": "accounts/acme/clusters/c"}, {Trait.OWN_CLUSTER}, id="cluster"),
        pytest.param({"preemptible": True}, {Trait.PREEMPTIBLE}, id="preemptible"),
        pytest.param({"enableAddons": True}, {Trait.ADDONS_ENABLED}, id="add-ons"),
        pytest.param(
            {"autoscalingPolicy": {"scalingSchedules": {"day": {"schedule": "0 8 * * *"}}}},
            {Trait.PROVIDER_SCHEDULE},
            id="schedule",
        ),
        pytest.param(
            {"autoscalingPolicy": {"scalingSchedules": {"day": {"disabled": True}}}},
            set(),
            id="schedule, disabled",
        ),
    ],
)
async def test_facts_that_protect_are_seen(changes: dict[str, Any], traits: set[Trait]) -> None:
    assert (await read(**changes)).traits == traits


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"name": "accounts/acme/deployments/"}, id="no id"),
        pytest.param({"name": "accounts/acme/deployments/a/b"}, id="a path for an id"),
        pytest.param({"name": "accounts/acme/deployments/a\x1b[2J"}, id="control characters"),
        pytest.param({"name": f"accounts/acme/deployments/{'a' * 2000}"}, id="a giant name"),
        pytest.param({"createTime": "yesterday"}, id="no instant"),
        pytest.param({"createTime": "2026-10-01T08:00:00"}, id="no zone"),
        pytest.param({"createTime": "9999-12-31T23:59:59-05:00"}, id="beyond all calendars"),
        pytest.param({"createTime": "0001-01-01T00:00:00Z"}, id="protobuf's zero"),
        pytest.param({"desiredReplicaCount": 10**30}, id="a giant number"),
        pytest.param({"replicaStats": {"readyReplicaCount": -1}}, id="a negative number"),
        pytest.param({"maxReplicaCount": 1.5}, id="a fraction"),
        pytest.param({"acceleratorCount": True}, id="a truth for a number"),
        pytest.param({"annotations": {"custom/x": 5}}, id="a tag that is no text"),
        pytest.param(
            {"annotations": {f"custom/{number}": "x" for number in range(1001)}}, id="many tags"
        ),
        pytest.param({"baseModel": "m" * 2000}, id="a giant model name"),
        pytest.param({"status": "OK"}, id="a text for a message"),
    ],
)
async def test_a_deployment_that_cannot_be_is_no_deployment(changes: dict[str, Any]) -> None:
    raw = a_deployment(**changes)
    stage = Stage(by_path({"/deployments": pages([raw]), "/deployments/chat": raw}))

    fleet = await stage.account.fetch_fleet()

    assert (fleet.complete, fleet.deployments) == (False, {})
    with pytest.raises(ProviderRejected):
        await stage.account.fetch_deployment(DeploymentId("chat"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("300s", timedelta(minutes=5), id="seconds"),
        pytest.param("1.5s", timedelta(seconds=1.5), id="a fraction"),
        pytest.param("0.000000001s", timedelta(0), id="nine digits"),
        pytest.param("0.123456789s", timedelta(microseconds=123456), id="nine digits, cut"),
        pytest.param("-1s", None, id="negative"),
        pytest.param("5m", None, id="minutes"),
        pytest.param("99999999999s", None, id="absurd"),
        pytest.param("", None, id="empty"),
    ],
)
def test_durations(text: str, value: timedelta | None) -> None:
    assert duration(text) == value
