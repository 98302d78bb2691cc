"""The listing: when it is complete, when it says that it is not, what an unchanged one keeps."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firewarden.errors import KeyRefused, ProviderRejected, ProviderUnavailable
from firewarden.model.deployment import Deployment
from firewarden.providers.fireworks import Limits
from tests.providers.fireworks.stage import (
    NOW,
    Play,
    Stage,
    a_deployment,
    in_turn,
    pages,
    written,
)

A, B, C, D = (a_deployment(name) for name in "abcd")


async def test_a_listing_of_several_pages_is_one_fleet() -> None:
    stage = Stage(pages([A, B], [C], [D]))

    fleet = await stage.account.fetch_fleet()

    assert (fleet.complete, fleet.problem) == (True, "")
    assert [one.deployment_id for one in fleet.deployments.values()] == ["a", "b", "c", "d"]
    assert (fleet.asked_at, fleet.answered_at) == (NOW, NOW)
    assert [dict(request.url.params) for request in stage.asked] == [
        {"pageSize": "200"},
        {"pageSize": "200", "pageToken": "1"},
        {"pageSize": "200", "pageToken": "2"},
    ]


async def test_the_fleet_is_dated_from_the_first_question_to_the_last_answer() -> None:
    stage = Stage(in_turn())
    answers = pages([A], [B])

    def play(request: httpx.Request) -> httpx.Response:
        stage.clock.move(5)
        return answers(request)

    stage.play = play
    fleet = await stage.account.fetch_fleet()

    assert (fleet.asked_at, fleet.answered_at) == (NOW, NOW + timedelta(seconds=10))


@pytest.mark.parametrize(
    "play",
    [
        pytest.param(in_turn(written({})), id="an empty object: proto3 leaves empty lists out"),
        pytest.param(in_turn(written({"deployments": []})), id="an empty list"),
        pytest.param(in_turn(written({"deployments": None})), id="null"),
        pytest.param(
            in_turn(written({"deployments": [], "nextPageToken": "", "totalSize": 0})), id="zeros"
        ),
    ],
)
async def test_an_account_without_deployments_is_complete(play: Play) -> None:
    fleet = await Stage(play).account.fetch_fleet()

    assert (fleet.complete, fleet.deployments) == (True, {})


@pytest.mark.parametrize(
    "play",
    [
        pytest.param(pages([A], [], [B]), id="an empty page in the middle"),
        pytest.param(pages([A], [B], total=None), id="no total announced"),
        pytest.param(
            in_turn(written({"deployments": [A], "futureField": {"x": 1}, "totalSize": "1"})),
            id="fields of the future, a total as text",
        ),
    ],
)
async def test_what_is_legal_is_complete(play: Play) -> None:
    fleet = await Stage(play).account.fetch_fleet()

    assert (fleet.complete, fleet.problem) == (True, "")


def loop_of_tokens(request: httpx.Request) -> httpx.Response:
    token = request.url.params.get("pageToken", "")
    return written(
        {
            "": {"deployments": [A], "nextPageToken": "x"},
            "x": {"deployments": [B], "nextPageToken": "y"},
            "y": {"deployments": [C], "nextPageToken": "x"},
        }[token]
    )


def endless(request: httpx.Request) -> httpx.Response:
    number = int(request.url.params.get("pageToken", "0"))
    return written({"deployments": [], "nextPageToken": str(number + 1)})


def second(answer: object, status: int = 200) -> Play:
    """Answer a first page well, and then *answer*."""

    def play(request: httpx.Request) -> httpx.Response:
        if "pageToken" in request.url.params:
            return written(answer, status)
        return written({"deployments": [A], "nextPageToken": "x", "totalSize": 2})

    return play


@pytest.mark.parametrize(
    ("play", "problem", "seen"),
    [
        pytest.param(loop_of_tokens, "circle", "abc", id="tokens in a circle"),
        pytest.param(endless, "more than 5 pages", "", id="no end of pages"),
        pytest.param(pages([A, B, C], [D, D]), "more than 2 items", "abc", id="too many items"),
        pytest.param(pages([A], [A]), "deployments/a came more than once", "a", id="repeated"),
        pytest.param(pages([A], total=2), "1 items came, 2 were announced", "a", id="missing"),
        pytest.param(pages([A, B], total=1), "2 items came, 1 were", "ab", id="more than told"),
        pytest.param(
            pages([A], [a_deployment("a", createTime="2026-11-01T00:00:00Z")]),
            "came more than once",
            "aa",
            id="re-created during the listing",
        ),
        pytest.param(second({"message": "no"}, 401), "page 2 could not be had", "a", id="401"),
        pytest.param(second({"message": "later"}, 503), "answered 503", "a", id="503"),
        pytest.param(second({"deployments": [7]}), "item 1", "a", id="an item that is none"),
        pytest.param(second([]), "cannot be read", "a", id="no page"),
        pytest.param(second({"error": "x"}), "but error", "a", id="a refusal with status 200"),
        pytest.param(
            second({"deployments": [], "nextPageToken": "t" * 9000}),
            "token of 9000",
            "a",
            id="a giant token",
        ),
        pytest.param(
            pages([a_deployment("a", createTime=None), B]), "createTime", "b", id="no createTime"
        ),
        pytest.param(
            pages([a_deployment("a", minReplicaCount=-1), B]), "minReplicaCount", "b", id="negative"
        ),
        pytest.param(
            pages([a_deployment("a", name="accounts/other/deployments/a"), B]),
            "not the name of a deployment of acme",
            "b",
            id="of another account",
        ),
    ],
)
async def test_what_makes_no_sense_is_an_incomplete_fleet(
    play: Play, problem: str, seen: str
) -> None:
    items = 2 if "items" in problem and "more than" in problem else 100
    stage = Stage(play, limits=Limits(pages=5, items=items))

    fleet = await stage.account.fetch_fleet()

    assert not fleet.complete
    assert problem in fleet.problem
    assert "".join(one.deployment_id for one in fleet.deployments.values()) == seen


async def test_a_listing_that_takes_too_long_is_left_where_it_is() -> None:
    stage = Stage(pages([A], [B]), limits=Limits(walk_s=0))

    fleet = await stage.account.fetch_fleet()

    assert fleet.problem == "not read to its end within 0 s"
    assert len(stage.asked) == 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(written({"message": "no"}, 403), KeyRefused, id="403"),
        pytest.param(written({"message": "no"}, 500), ProviderUnavailable, id="500"),
        pytest.param(written({"error": {"code": 5}}), ProviderRejected, id="200 with an error"),
        pytest.param(written({"code": 5, "message": "x"}), ProviderRejected, id="200 with a code"),
        pytest.param(written({"data": []}), ProviderRejected, id="a list of something else"),
        pytest.param(written({"deployments": {}}), ProviderRejected, id="no list"),
        pytest.param(written(None), ProviderRejected, id="null"),
        pytest.param(httpx.Response(200, content=b""), ProviderRejected, id="nothing"),
        pytest.param(httpx.Response(200, content=b"<html>"), ProviderRejected, id="HTML"),
    ],
)
async def test_without_a_first_page_there_is_no_fleet(
    answer: httpx.Response, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await Stage(in_turn(answer)).account.fetch_fleet()


async def test_an_unchanged_fleet_is_the_same_objects() -> None:
    stage = Stage(pages([A, B], [C]))
    before = await stage.account.fetch_fleet()
    stage.clock.move(30)

    after = await stage.account.fetch_fleet()

    assert after.deployments is before.deployments
    assert after.asked_at == NOW + timedelta(seconds=30)


async def test_only_what_changed_is_another_object() -> None:
    stage = Stage(pages([A, B], [C]))
    before = by_id((await stage.account.fetch_fleet()).deployments)
    stage.play = pages([A, a_deployment("b", desiredReplicaCount=2)], [C])

    after = by_id((await stage.account.fetch_fleet()).deployments)

    assert after["a"] is before["a"]
    assert after["c"] is before["c"]
    assert after["b"].desired_replica_count == 2


async def test_a_change_in_nothing_that_is_read_is_no_change() -> None:
    stage = Stage(pages([A, B]))
    before = by_id((await stage.account.fetch_fleet()).deployments)
    stage.play = pages([{**A, "maxContextLength": 4096}, B])

    after = by_id((await stage.account.fetch_fleet()).deployments)

    assert after["a"] is before["a"]


async def test_what_moves_to_another_page_is_the_same_object() -> None:
    stage = Stage(pages([A, B], [C, D]))
    before = by_id((await stage.account.fetch_fleet()).deployments)
    stage.play = pages([B, C], [D])

    after = by_id((await stage.account.fetch_fleet()).deployments)

    assert after == {name: before[name] for name in "bcd"}
    assert all(after[name] is before[name] for name in "bcd")


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(second({"message": "later"}, 503), id="a page that fails"),
        pytest.param(pages([A], [A, B]), id="repeated"),
        pytest.param(pages([B], total=9), id="missing"),
    ],
)
async def test_a_bad_listing_in_between_changes_no_object(fault: Play) -> None:
    whole = pages([A, B], [C, D])
    stage = Stage(whole)
    before = by_id((await stage.account.fetch_fleet()).deployments)
    for _ in range(2):
        stage.play = fault
        assert not (await stage.account.fetch_fleet()).complete
    stage.play = whole

    fleet = await stage.account.fetch_fleet()
    after = by_id(fleet.deployments)

    assert fleet.complete
    assert all(after[name] is before[name] for name in "abcd")


async def test_a_deployment_created_again_under_its_name_is_another_one() -> None:
    stage = Stage(pages([A]))
    before = await stage.account.fetch_fleet()
    stage.play = pages([a_deployment("a", createTime="2026-11-04T11:00:00Z")])

    after = await stage.account.fetch_fleet()

    assert after.complete
    assert before.deployments.keys().isdisjoint(after.deployments.keys())


fleets = st.lists(
    st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 2)), unique_by=lambda one: one[0]
)


@settings(max_examples=60)
@given(st.lists(st.tuples(fleets, st.integers(1, 4)), min_size=2, max_size=6))
async def test_remembering_never_changes_what_is_read(
    polls: list[tuple[list[tuple[str, int]], int]],
) -> None:
    """Whatever came before: what a reader without a memory reads; the same object if equal."""
    stage = Stage(in_turn())
    before: Mapping[Any, Deployment] = {}
    for content, size in polls:
        items = [a_deployment(name, desiredReplicaCount=count) for name, count in content]
        cut = [items[i : i + size] for i in range(0, len(items), size)] or [[]]
        stage.play = pages(*cut)

        fleet = await stage.account.fetch_fleet()

        fresh = await Stage(pages(*cut)).account.fetch_fleet()
        assert fleet == fresh
        assert all(
            before[uid] is one or before[uid] != one
            for uid, one in fleet.deployments.items()
            if uid in before
        )
        before = fleet.deployments


def by_id(deployments: Mapping[Any, Deployment]) -> dict[str, Deployment]:
    return {one.deployment_id: one for one in deployments.values()}
