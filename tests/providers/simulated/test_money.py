"""Quotas and the bill over HTTP: charged on the ceiling, by local day, late and revised once."""

from dataclasses import replace
from datetime import date, timedelta

import httpx
import pytest

from firewarden.providers.simulated.fleets import standard
from firewarden.providers.simulated.plan import BillPlan, NewPrice
from firewarden.providers.simulated.world import World
from tests.providers.simulated.builders import PREFIX, a_client, a_deployment, a_world
from tests.support.clock import NOW, FakeClock


async def test_quota_is_charged_on_the_ceiling_even_at_zero() -> None:
    world = a_world(a_deployment((0, 3)), quotas={"global--h100-count": 64})
    async with a_client(world, FakeClock()) as client:
        row = (await client.get(f"{PREFIX}/quotas/global--h100-count")).json()
        lowered = await client.patch(f"{PREFIX}/quotas/global--h100-count", json={"value": "16"})
        beyond = await client.patch(f"{PREFIX}/quotas/global--h100-count", json={"value": "65"})

    assert (row["value"], row["maxValue"], row["usage"]) == ("64", "64", 24.0)
    assert lowered.json()["value"] == "16"
    assert beyond.status_code == 400


async def bill(client: httpx.AsyncClient, first: str, last: str, **more: str) -> dict[str, int]:
    """Read the bill: accelerator-seconds by the start of the day."""
    query = {"startTime": f"{first}T00:00:00Z", "endTime": f"{last}T00:00:00Z", **more}
    answer = await client.get(f"{PREFIX}/billingUsage", params=query)
    return {
        row["startTime"]: int(row["acceleratorSeconds"]) for row in answer.json()["dedicatedCosts"]
    }


async def test_a_day_appears_late_a_little_short_and_is_revised_once() -> None:
    clock = FakeClock()
    world = a_world(a_deployment(age=timedelta(days=3)))
    day, exact = "2026-11-04T00:00:00Z", 8 * 86_400
    async with a_client(world, clock) as client:
        await clock.advance(timedelta(hours=14, minutes=59))
        before = await bill(client, "2026-11-04", "2026-11-05")
        await clock.advance(timedelta(minutes=1))
        first = await bill(client, "2026-11-04", "2026-11-05")
        await clock.advance(timedelta(hours=23))
        revised = await bill(client, "2026-11-04", "2026-11-05")

    assert before == {}
    assert first == {day: round(exact * 0.97)}
    assert revised == {day: exact}


async def test_days_are_local_and_twenty_five_hours_long_when_the_clock_goes_back() -> None:
    world = a_world(a_deployment(age=timedelta(days=6)))
    clock = FakeClock()
    async with a_client(world, clock) as client:
        local = await bill(client, "2026-10-31", "2026-11-03", timezone="America/New_York")

    assert local["2026-11-01T04:00:00Z"] == 25 * 3600 * 8
    assert local["2026-10-31T04:00:00Z"] == 24 * 3600 * 8


@pytest.mark.parametrize(
    ("query", "status"),
    [
        pytest.param({}, 200, id="a month"),
        pytest.param({"endTime": "2026-11-02T00:00:01Z"}, 400, id="more than 31 days"),
        pytest.param({"endTime": "2026-09-01T00:00:00Z"}, 400, id="backwards"),
        pytest.param({"timezone": "Mars/Olympus"}, 400, id="no such zone"),
        pytest.param({"groupBy": "colour"}, 400, id="no such dimension"),
        pytest.param({"groupBy": "annotations.team"}, 200, id="by team"),
        pytest.param({"usageType": "SERVERLESS"}, 200, id="serverless"),
    ],
)
async def test_what_may_be_asked_of_the_bill(query: dict[str, str], status: int) -> None:
    asked = {"startTime": "2026-10-02T00:00:00Z", "endTime": "2026-11-02T00:00:00Z", **query}
    async with a_client(World(standard(1), seed=1, start=NOW), FakeClock()) as client:
        answer = await client.get(f"{PREFIX}/billingUsage", params=asked)

    assert answer.status_code == status


async def test_two_incarnations_are_one_row_and_own_hardware_is_none() -> None:
    again = a_deployment(age=timedelta(days=1, hours=12), recreated=timedelta(hours=-20))
    own = a_deployment(deployment_id="own", age=timedelta(days=3), cluster="berlin")
    async with a_client(a_world(again, own), FakeClock()) as client:
        rows = await bill(client, "2026-11-03", "2026-11-04")

    # Created at midnight, ready 100 s later, again 100 s cold after twenty to four in the night.
    assert rows == {"2026-11-03T00:00:00Z": round((86_400 - 200) * 8 * 0.97)}


async def summary(client: httpx.AsyncClient, day: str, after: str) -> dict[str, tuple[float, str]]:
    """Read the dollars of a day: hours and whole USD by accelerator."""
    query = {"startTime": f"{day}T00:00:00Z", "endTime": f"{after}T00:00:00Z"}
    answer = await client.get(f"{PREFIX}/billing/summary", params=query)
    return {
        line["groupingValue"]: (line["quantity"], line["totalCost"]["units"])
        for line in answer.json()["lineItems"]
    }


async def test_reserved_gpus_absorb_usage_first_and_are_in_no_row() -> None:
    """Ten reserved: all of the first one's eight, and two of the second's."""
    first, second, other = (
        a_deployment(deployment_id=name, age=timedelta(days=3)) for name in ("a", "b", "c")
    )
    other = replace(other, fields={**other.fields, "acceleratorType": "NVIDIA_H200_141GB"})
    plan = BillPlan(first_share=1.0, reserved={"NVIDIA_H100_80GB": 10})
    query = {"startTime": "2026-11-03T00:00:00Z", "endTime": "2026-11-04T00:00:00Z"}
    async with a_client(a_world(first, second, other, bill=plan), FakeClock()) as client:
        answer = await client.get(f"{PREFIX}/billingUsage", params=query)
        rows = {
            row["deploymentId"]: int(row["acceleratorSeconds"])
            for row in answer.json()["dedicatedCosts"]
        }
        dollars = await summary(client, "2026-11-03", "2026-11-04")

    assert rows == {"b": 6 * 86_400, "c": 8 * 86_400}
    assert dollars == {"NVIDIA_H100_80GB": (144.0, "1152"), "NVIDIA_H200_141GB": (192.0, "1536")}


async def test_a_new_price_shows_in_the_dollars_and_nowhere_else() -> None:
    new = NewPrice(accelerator_type="NVIDIA_H100_80GB", usd="9.50", day=date(2026, 11, 3))
    plan = BillPlan(first_share=1.0, new_prices=(new,))
    world = a_world(a_deployment(age=timedelta(days=4)), bill=plan)
    async with a_client(world, FakeClock()) as client:
        before = await summary(client, "2026-11-02", "2026-11-03")
        after = await summary(client, "2026-11-03", "2026-11-04")
        plans = (await client.get(f"{PREFIX}/pricingPlans")).json()

    assert before == {"NVIDIA_H100_80GB": (192.0, "1536")}
    assert after == {"NVIDIA_H100_80GB": (192.0, "1824")}
    assert plans == {}


async def test_a_preemptible_one_is_counted_and_has_no_dollars() -> None:
    cheap = a_deployment(age=timedelta(days=3), fields={"preemptible": True})
    async with a_client(a_world(cheap), FakeClock()) as client:
        rows = await bill(client, "2026-11-03", "2026-11-04")
        dollars = await summary(client, "2026-11-03", "2026-11-04")

    assert rows == {"2026-11-03T00:00:00Z": round(8 * 86_400 * 0.97)}
    assert dollars == {}
