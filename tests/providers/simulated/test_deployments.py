"""Deployments over HTTP behave as documented, traps included."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx
import pytest

from firewarden.providers.simulated.fleets import sized, standard
from firewarden.providers.simulated.patterns import Steady
from firewarden.providers.simulated.traffic import Flow
from firewarden.providers.simulated.world import World
from tests.providers.simulated.builders import PREFIX, a_client, a_deployment, a_world
from tests.support.clock import NOW, FakeClock

ALL = f"{PREFIX}/deployments"
CHAT = f"{ALL}/chat"
BODY = {"baseModel": "accounts/acme/models/chat"}


async def pages(client: httpx.AsyncClient, **query: str) -> list[dict[str, Any]]:
    """Read every page of the listing."""
    found, token = [], ""
    while True:
        answer = await client.get(ALL, params={**query, "pageToken": token} if token else query)
        found.append(answer.json())
        token = found[-1].get("nextPageToken", "")
        if not token:
            return found


def names(page: Mapping[str, Any]) -> list[str]:
    return [item["name"].rpartition("/")[2] for item in page.get("deployments", [])]


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        pytest.param("", [50] * 8 + [20], id="fifty by default"),
        pytest.param("0", [50] * 8 + [20], id="zero is the default"),
        pytest.param("200", [200, 200, 20], id="two hundred at most"),
        pytest.param("5000", [200, 200, 20], id="more is coerced"),
    ],
)
async def test_pages_hold_as_many_as_they_may(size: str, expected: list[int]) -> None:
    world = World(sized(420, live=10, seed=1), seed=1, start=NOW)
    async with a_client(world, FakeClock()) as client:
        read = await pages(client, **({"pageSize": size} if size else {}))

    assert [len(names(page)) for page in read] == expected
    assert {page["totalSize"] for page in read} == {420}
    assert len({name for page in read for name in names(page)}) == 420


async def test_a_token_is_bound_to_the_other_parameters() -> None:
    async with a_client(World(standard(1), seed=1, start=NOW), FakeClock()) as client:
        token = (await client.get(ALL, params={"pageSize": "5"})).json()["nextPageToken"]
        other = await client.get(ALL, params={"pageSize": "6", "pageToken": token})
        garbage = await client.get(ALL, params={"pageSize": "5", "pageToken": "xx"})

    assert (other.status_code, garbage.status_code) == (400, 400)


async def test_the_order_is_that_of_creation_and_may_be_turned_round() -> None:
    async with a_client(World(standard(1), seed=1, start=NOW), FakeClock()) as client:
        rising = [n for page in await pages(client, pageSize="7") for n in names(page)]
        falling = [
            n
            for page in await pages(client, pageSize="7", orderBy="create_time desc")
            for n in names(page)
        ]
        unknown = await client.get(ALL, params={"orderBy": "colour"})

    assert rising == falling[::-1]
    assert rising[0] == "onprem-llama"
    assert unknown.status_code == 400


async def test_zeros_are_left_out_and_creation_has_up_to_nine_digits() -> None:
    async with a_client(World(standard(1), seed=1, start=NOW), FakeClock()) as client:
        items = {item["name"]: item for page in await pages(client) for item in page["deployments"]}

    poc = items["accounts/acme/deployments/poc-march"]
    assert "minReplicaCount" not in poc
    assert "desiredReplicaCount" not in poc
    assert poc["replicaStats"] == {}
    assert (
        max(len(item["createTime"]) for item in items.values()) == len("2026-11-04T12:00:00Z") + 10
    )
    secrets = [
        item["directRouteApiKeys"] for item in items.values() if "directRouteApiKeys" in item
    ]
    assert len(secrets) == 1


async def test_a_patch_with_a_mask_changes_what_it_names_and_nothing_else() -> None:
    world = a_world(a_deployment((1, 3), fields={"displayName": "Chat"}))
    async with a_client(world, FakeClock()) as client:
        before = (await client.get(CHAT)).json()
        answer = await client.patch(
            CHAT, params={"updateMask": "min_replica_count"}, json={**BODY, "displayName": "Other"}
        )

    changed = {k for k in before | answer.json() if before.get(k) != answer.json().get(k)}
    assert changed <= {"minReplicaCount", "updateTime"}
    assert "minReplicaCount" not in answer.json()


async def test_a_patch_without_a_mask_zeroes_what_it_leaves_out() -> None:
    tags = {"annotations": {"custom/owner": "ada"}, "displayName": "Chat"}
    world = a_world(a_deployment((2, 3), fields=tags))
    async with a_client(world, FakeClock()) as client:
        answer = (await client.patch(CHAT, json={**BODY, "maxReplicaCount": 3})).json()

    assert {"displayName", "minReplicaCount", "acceleratorCount"} & answer.keys() == set()
    assert answer["annotations"] == {"custom/owner": "ada"}


@pytest.mark.parametrize(
    ("mask", "body", "status"),
    [
        pytest.param("min_replica_count", {}, 400, id="no base model"),
        pytest.param("annotations", {**BODY, "annotations": {"custom/a": "b"}}, 403, id="tags"),
        pytest.param("state", BODY, 400, id="read-only"),
        pytest.param("autoscaling_policy.scale_to_zero_window", BODY, 400, id="nested mask"),
        pytest.param("min_replica_count", {**BODY, "minReplicaCount": -1}, 400, id="negative"),
        pytest.param("min_replica_count", {**BODY, "minReplicaCount": 9}, 400, id="over the top"),
        pytest.param("preemptible", {**BODY, "preemptible": True}, 400, id="immutable"),
        pytest.param("", {**BODY, "colour": "red"}, 400, id="unknown field"),
        pytest.param("min_replica_count", {**BODY, "minReplicaCount": 0}, 200, id="fine"),
    ],
)
async def test_what_a_patch_may_say(mask: str, body: dict[str, Any], status: int) -> None:
    async with a_client(a_world(a_deployment((1, 3))), FakeClock()) as client:
        answer = await client.patch(CHAT, params={"updateMask": mask} if mask else {}, json=body)

    assert answer.status_code == status, answer.text


async def test_parking_stops_it_and_nothing_wakes_it() -> None:
    clock, world = FakeClock(), a_world(a_deployment((1, 3), flows=STEADY))
    async with a_client(world, clock) as client:
        await clock.advance(timedelta(minutes=10))
        await client.patch(
            CHAT,
            params={"updateMask": "min_replica_count,max_replica_count"},
            json={**BODY, "minReplicaCount": 0, "maxReplicaCount": 0},
        )
        await clock.advance(timedelta(hours=3))
        parked = (await client.get(CHAT)).json()

    assert parked["state"] == "READY"
    assert parked["replicaStats"] == {}


async def test_scale_moves_the_count_at_once_and_the_floor_is_restored_later() -> None:
    clock, world = FakeClock(), a_world(a_deployment((1, 3)))
    async with a_client(world, clock) as client:
        await clock.advance(timedelta(minutes=10))
        answer = await client.patch(f"{CHAT}:scale", json={"replicaCount": 0})
        at_once = (await client.get(CHAT)).json()
        await clock.advance(timedelta(seconds=30))
        later = (await client.get(CHAT)).json()
        beyond = await client.patch(f"{CHAT}:scale", json={"replicaCount": 4})

    assert answer.json() == {}
    assert at_once["replicaStats"] == {}
    assert later["desiredReplicaCount"] == 1
    assert beyond.status_code == 400


STEADY = (Flow(pattern=Steady(per_minute=10), until=30 * 60_000),)


async def test_a_delete_is_refused_within_an_hour_of_traffic_and_says_so() -> None:
    clock, world = FakeClock(), a_world(a_deployment(flows=STEADY))
    async with a_client(world, clock) as client:
        await clock.advance(timedelta(minutes=85))
        refused = await client.delete(CHAT)
        await clock.advance(timedelta(minutes=5))
        accepted = await client.delete(CHAT)
        deleting = (await client.get(CHAT)).json()
        await clock.advance(timedelta(minutes=1))
        deleted = (await client.get(CHAT)).json()
        hidden = (await client.get(ALL)).json()
        shown = (await client.get(ALL, params={"showDeleted": "true"})).json()

    assert (refused.status_code, refused.json()["code"]) == (400, 9)
    assert "has received inference requests in the last hour" in refused.json()["message"]
    assert accepted.json() == {}
    assert (deleting["state"], deleted["state"]) == ("DELETING", "DELETED")
    assert deleted["purgeTime"] > deleted["deleteTime"]
    assert (names(hidden), names(shown)) == ([], ["chat"])


async def test_a_hard_delete_leaves_nothing_and_a_soft_one_comes_back() -> None:
    other = a_deployment(deployment_id="other", fields={"baseModel": "accounts/acme/models/b"})
    clock, world = FakeClock(), a_world(a_deployment(), other)
    async with a_client(world, clock) as client:
        await client.delete(CHAT, params={"hard": "true", "ignoreChecks": "true"})
        await client.delete(f"{ALL}/other")
        await clock.advance(timedelta(minutes=1))
        hard = await client.get(CHAT)
        back = await client.post(f"{ALL}/other:undelete", json={})
        again = await client.post(f"{ALL}/other:undelete", json={})

    assert hard.status_code == 404
    assert back.json()["state"] == "CREATING"
    assert (again.status_code, again.json()["code"]) == (400, 9)


async def test_the_default_of_a_model_is_not_deleted_while_others_serve_it() -> None:
    older = a_deployment(age=timedelta(days=2))
    world = a_world(older, a_deployment(deployment_id="other", age=timedelta(days=1)))
    async with a_client(world, FakeClock()) as client:
        refused = await client.delete(CHAT)
        other = await client.delete(f"{ALL}/other")
        alone = await client.delete(CHAT)

    assert "cannot delete a default deployment" in refused.json()["message"]
    assert (other.status_code, alone.status_code) == (200, 200)


async def test_the_record_is_purged_after_thirty_days() -> None:
    clock, world = FakeClock(), a_world(a_deployment())
    async with a_client(world, clock) as client:
        await client.delete(CHAT)
        await clock.advance(timedelta(days=30) - timedelta(seconds=1))
        kept = await client.get(CHAT)
        await clock.advance(timedelta(seconds=1))
        gone = await client.get(CHAT)

    assert (kept.status_code, gone.status_code) == (200, 404)


@pytest.mark.parametrize(
    ("tags", "status"),
    [
        pytest.param({"custom/owner": "ada"}, 200, id="a tag"),
        pytest.param({"custom/a.b-c_d/e": "x" * 128}, 200, id="all that is allowed"),
        pytest.param({"team": "a"}, 403, id="a bare key"),
        pytest.param({"Custom/team": "a"}, 403, id="another case"),
        pytest.param({"custom/-a": "b"}, 400, id="a dash in front"),
        pytest.param({f"custom/{'a' * 122}": "b"}, 400, id="a long key"),
        pytest.param({"custom/a": ""}, 400, id="no value"),
        pytest.param({"custom/a": " b"}, 400, id="a space at the edge"),
        pytest.param({"custom/a": "x" * 129}, 400, id="a long value"),
        pytest.param({f"custom/t{n}": "v" for n in range(65)}, 400, id="more than sixty-four"),
    ],
)
async def test_what_may_be_a_tag(tags: dict[str, str], status: int) -> None:
    async with a_client(a_world(a_deployment()), FakeClock()) as client:
        answer = await client.post(f"{CHAT}:setTags", json={"tags": tags})

    assert answer.status_code == status, answer.text


async def test_tags_are_set_and_taken_away_one_by_one() -> None:
    world = a_world(a_deployment(fields={"annotations": {"custom/a": "1", "custom/b": "2"}}))
    async with a_client(world, FakeClock()) as client:
        await client.post(f"{CHAT}:setTags", json={"tags": {"custom/b": "3", "custom/c": "4"}})
        await client.post(f"{CHAT}:deleteTags", json={"keys": ["custom/a", "custom/none"]})
        kept = (await client.get(CHAT)).json()["annotations"]

    assert kept == {"custom/b": "3", "custom/c": "4"}


@pytest.mark.parametrize(
    ("query", "body", "status"),
    [
        pytest.param({"deploymentId": "new"}, BODY, 200, id="under a name"),
        pytest.param({}, BODY, 200, id="under a made-up name"),
        pytest.param({"deploymentId": "chat"}, BODY, 409, id="that exists"),
        pytest.param({"deploymentId": "No Name"}, BODY, 400, id="under no name"),
        pytest.param({}, {**BODY, "deploymentId": "new"}, 400, id="with the id in the body"),
        pytest.param({}, {**BODY, "annotations": {"team": "a"}}, 403, id="with a bare key"),
        pytest.param({}, {**BODY, "acceleratorCount": 65}, 429, id="beyond the quota"),
    ],
)
async def test_what_may_be_created(
    query: dict[str, str], body: dict[str, Any], status: int
) -> None:
    world = a_world(a_deployment(), quotas={"global--h100-count": 72})
    async with a_client(world, FakeClock()) as client:
        answer = await client.post(ALL, params=query, json=body)

    assert answer.status_code == status, answer.text


async def test_validating_creates_nothing() -> None:
    async with a_client(a_world(), FakeClock()) as client:
        answer = await client.post(
            ALL, params={"validateOnly": "true", "deploymentId": "new"}, json=BODY
        )
        listed = (await client.get(ALL)).json()

    assert answer.status_code == 200
    assert listed == {}


async def test_shards_termination_and_the_deprecated_metrics_are_told() -> None:
    clock = FakeClock(NOW + timedelta(hours=1))
    failed = a_deployment((2, 2), fails_after=timedelta(minutes=30), fails_holding=1)
    async with a_client(a_world(failed), clock) as client:
        shards = (await client.get(f"{CHAT}/shards")).json()["deploymentShards"]
        message = (await client.get(f"{CHAT}/terminationMessage")).json()["message"]
        metrics = (await client.get(f"{CHAT}:metrics", params={"timeRange": "2h"})).json()

    assert [shard["state"] for shard in shards] == ["FAILED"]
    assert "CUDA out of memory" in message
    assert metrics["metrics"]["ready_replicas"] == 1
