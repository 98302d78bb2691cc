"""Faults of listings and of the metrics text change just what they say."""

from datetime import timedelta

import httpx
import pytest

from firewarden.providers.simulated.faults import Faults
from firewarden.providers.simulated.fleets import standard
from firewarden.providers.simulated.world import World
from tests.providers.simulated.builders import (
    PREFIX,
    a_client,
    a_deployment,
    a_fault,
    a_world,
    ask,
    still,
)
from tests.support.clock import NOW, FakeClock

LIST = f"{PREFIX}/deployments"
METRICS = f"{PREFIX}/metrics"
SIX_PAGES = {"pageSize": "10"}


def names(answer: httpx.Response) -> list[str]:
    return [row["name"].rpartition("/")[2] for row in answer.json().get("deployments", [])]


@pytest.mark.parametrize(
    ("kind", "total"),
    [
        pytest.param("missing-item", 60, id="one is missing, the total tells"),
        pytest.param("short-page", 60, id="half is missing, the total tells"),
        pytest.param("wrong-total", 63, id="the total is wrong"),
        pytest.param("repeated-item", 60, id="one comes twice"),
    ],
)
async def test_a_listing_that_contradicts_its_total(kind: str, total: int) -> None:
    answer = await ask(a_fault(kind), LIST, pageSize="200")

    assert answer.json()["totalSize"] == total
    assert len(names(answer)) != total


@pytest.mark.parametrize("kind", ["missing-item", "short-page", "repeated-item"])
async def test_a_total_may_be_adjusted_to_hide_it(kind: str) -> None:
    answer = await ask(a_fault(kind, total="adjusted"), LIST, pageSize="200")

    assert answer.json()["totalSize"] == len(names(answer)) != 60


async def test_the_missing_item_is_the_one_that_is_named() -> None:
    answer = await ask(a_fault("missing-item", deployment="d00007"), LIST, pageSize="200")

    assert "d00007" not in names(answer)
    assert len(names(answer)) == 59


async def test_a_fault_about_one_that_is_not_there_strikes_nothing() -> None:
    faults = a_fault("missing-item", deployment="d99999")
    answer = await ask(faults, LIST, pageSize="200")

    assert len(names(answer)) == 60
    assert [each["fired"] for each in faults.counts()] == [0]


async def read_pages(faults: Faults, *, most: int = 20) -> list[httpx.Response]:
    pages: list[httpx.Response] = []
    async with a_client(still(), FakeClock(), faults=faults) as client:
        token = ""
        while len(pages) < most:
            query = {**SIX_PAGES, "pageToken": token} if token else SIX_PAGES
            pages.append(await client.get(LIST, params=query))
            token = pages[-1].json().get("nextPageToken", "")
            if not token:
                break
    return pages


async def test_an_item_moves_to_the_next_page() -> None:
    pages = await read_pages(a_fault("moved-item", times=2))

    moved = names(pages[1])[0]
    assert [len(names(page)) for page in pages] == [9, 10, 10, 10, 10, 10]
    assert moved not in names(pages[0])
    assert len({name for page in pages for name in names(page)}) == 59  # the second move is lost


async def test_a_page_in_the_middle_is_empty_and_looks_like_the_last() -> None:
    pages = await read_pages(a_fault("empty-page", page="later"))

    assert [page.json() == {"deployments": []} for page in pages] == [False, True]


async def test_tokens_lead_in_a_circle() -> None:
    pages = await read_pages(a_fault("token-loop"), most=5)

    assert len(pages) == 5
    assert len({page.json()["nextPageToken"] for page in pages}) == 1


async def test_a_stale_listing_shows_the_past_and_get_the_present() -> None:
    clock, world = FakeClock(), a_world(a_deployment((1, 3)))
    faults = a_fault("stale-list", since="10m")
    async with a_client(world, clock, faults=faults) as client:
        await clock.advance(timedelta(minutes=20))
        world.human_patch("chat", clock.now(), minReplicaCount=2)
        await clock.advance(timedelta(minutes=1))
        listed = (await client.get(LIST)).json()["deployments"][0]
        got = (await client.get(f"{LIST}/chat")).json()

    assert (listed["minReplicaCount"], got["minReplicaCount"]) == (1, 2)


async def test_a_stale_get_shows_the_past_and_the_listing_the_present() -> None:
    clock, world = FakeClock(), a_world(a_deployment((1, 3)))
    faults = a_fault("stale-get", since="10m")
    async with a_client(world, clock, faults=faults) as client:
        await clock.advance(timedelta(minutes=20))
        world.human_patch("chat", clock.now(), minReplicaCount=2)
        await clock.advance(timedelta(minutes=1))
        listed = (await client.get(LIST)).json()["deployments"][0]
        got = (await client.get(f"{LIST}/chat")).json()

    assert (listed["minReplicaCount"], got["minReplicaCount"]) == (2, 1)


async def test_listing_and_get_disagree_about_replicas() -> None:
    async with a_client(still(), FakeClock(), faults=a_fault("list-get-disagree")) as client:
        listed = (await client.get(LIST, params={"pageSize": "200"})).json()["deployments"][0]
        got = (await client.get(f"{PREFIX}/{listed['name'].split('/', 2)[2]}")).json()

    assert (
        got["replicaStats"]["readyReplicaCount"]
        == listed["replicaStats"].get("readyReplicaCount", 0) + 1
    )


def values(text: str) -> set[str]:
    return {line.rpartition(" ")[2] for line in text.splitlines()}


async def test_metrics_may_be_empty() -> None:
    answer = await ask(a_fault("metrics-empty"), METRICS)

    assert (answer.status_code, answer.text) == (200, "")


async def test_metrics_may_leave_deployments_out() -> None:
    whole = (await ask(Faults(()), METRICS)).text
    half = (await ask(a_fault("metrics-partial"), METRICS)).text
    one = (await ask(a_fault("metrics-partial", deployment="d00003"), METRICS)).text

    assert 0 < half.count("\n") < whole.count("\n")
    assert ('"d00003"' in whole, '"d00003"' in one) == (True, False)
    assert one.count("\n") * 8 == whole.count("\n") * 7


@pytest.mark.parametrize(
    ("kind", "value"),
    [pytest.param("metrics-nan", "NaN", id="NaN"), pytest.param("metrics-zero", "0", id="zero")],
)
async def test_metrics_may_be_all_alike(kind: str, value: str) -> None:
    assert values((await ask(a_fault(kind), METRICS)).text) == {value}


async def test_metrics_may_lack_families() -> None:
    default = (await ask(a_fault("metrics-absent"), METRICS)).text
    chosen = (await ask(a_fault("metrics-absent", families=["request_"]), METRICS)).text

    assert "tokens_prompt_total" not in default
    assert "request_counter_total" in default
    assert "request_counter_total" not in chosen
    assert "tokens_prompt_total" in chosen


async def test_metrics_may_freeze_while_the_world_goes_on() -> None:
    clock = FakeClock()
    world = World(standard(1), seed=1, start=NOW)
    faults = a_fault("metrics-frozen", since="1h", to="2h")
    texts = []
    async with a_client(world, clock, faults=faults) as client:
        for minutes in (61, 58, 62):
            await clock.advance(timedelta(minutes=minutes))
            texts.append((await client.get(METRICS)).text)

    assert texts[0] == texts[1] != texts[2]
