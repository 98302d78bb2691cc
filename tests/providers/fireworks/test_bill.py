"""The bill: whose day a row is, what is asked for, what is refused."""

from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewarden.errors import (
    ProviderRejected,
    SettingsError,
)
from firewarden.providers.fireworks.bill import windows
from tests.providers.fireworks.stage import (
    ACME,
    BASE,
    Stage,
    by_path,
    full,
    written,
)


def billed(start: str, seconds: object = "3600", **changes: Any) -> dict[str, Any]:
    return {
        "deploymentId": full("chat"),
        "acceleratorType": "NVIDIA_H100_80GB",
        "acceleratorSeconds": seconds,
        "startTime": start,
        "baseModel": BASE,
        "placement": "GLOBAL",
        **changes,
    }


async def bill(
    *rows: dict[str, Any], timezone: str = "UTC", day: date = date(2026, 11, 1)
) -> list[tuple[date, str, int]]:
    stage = Stage(by_path({"/billingUsage": {"dedicatedCosts": list(rows)}}))
    found = await stage.account.fetch_bill(first=day, last=day, timezone=timezone)
    assert all((one.account, one.timezone) == (ACME, timezone) for one in found)
    return [(one.day, one.deployment_id, one.gpu_seconds) for one in found]


@pytest.mark.parametrize(
    ("timezone", "start"),
    [
        pytest.param("UTC", "2026-11-01T00:00:00Z", id="UTC"),
        pytest.param("America/Los_Angeles", "2026-11-01T07:00:00Z", id="local midnight"),
        pytest.param("America/Los_Angeles", "2026-11-01T00:00:00Z", id="the date as UTC"),
        pytest.param("Pacific/Auckland", "2026-10-31T11:00:00Z", id="ahead of UTC"),
        pytest.param("Asia/Kolkata", "2026-10-31T18:30:00.000000000Z", id="half an hour"),
    ],
)
async def test_a_row_is_of_the_local_day_that_it_begins_with(timezone: str, start: str) -> None:
    assert await bill(billed(start), timezone=timezone) == [(date(2026, 11, 1), "chat", 3600)]


async def test_a_day_that_begins_at_one_o_clock_is_a_day() -> None:
    """In Beirut the clocks went forward at midnight."""
    row = billed("2026-03-28T22:00:00Z", endTime="2026-03-29T21:00:00Z")

    assert await bill(row, timezone="Asia/Beirut", day=date(2026, 3, 29)) == [
        (date(2026, 3, 29), "chat", 3600)
    ]


async def test_rows_of_one_day_are_added_up_by_what_they_are_of() -> None:
    start = "2026-11-01T00:00:00Z"

    assert await bill(
        billed(start, "3600"),
        billed(start, 400, deploymentId="chat"),
        billed(start, "7", deploymentId="", group={"deployment_name": full("eval")}),
        billed(start, None, deploymentId="zero"),
        billed("2026-11-02T00:00:00Z"),
        billed("2026-10-31T00:00:00Z"),
    ) == [
        (date(2026, 11, 1), "chat", 4000),
        (date(2026, 11, 1), "eval", 7),
        (date(2026, 11, 1), "zero", 0),
    ]


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(billed("2026-11-01T05:00:00Z"), id="at no midnight"),
        pytest.param(billed("2026-11-01T00:00:00"), id="no zone"),
        pytest.param(billed("0001-01-01T00:00:00Z"), id="protobuf's zero"),
        pytest.param(
            billed("2026-11-01T00:00:00Z", endTime="2026-11-08T00:00:00Z"), id="a week at once"
        ),
        pytest.param(billed("2026-11-01T00:00:00Z", "-5"), id="negative"),
        pytest.param(billed("2026-11-01T00:00:00Z", str(10**15)), id="absurd"),
        pytest.param(billed("2026-11-01T00:00:00Z", "many"), id="no number"),
        pytest.param(billed("2026-11-01T00:00:00Z", deploymentId=None), id="of nobody"),
    ],
)
async def test_a_bill_that_cannot_be_is_refused_whole(row: dict[str, Any]) -> None:
    with pytest.raises(ProviderRejected):
        await bill(billed("2026-11-01T00:00:00Z"), row)


async def test_a_long_bill_is_asked_for_in_parts() -> None:
    stage = Stage(by_path({"/billingUsage": {}}))

    found = await stage.account.fetch_bill(
        first=date(2026, 9, 1), last=date(2026, 10, 31), timezone="Pacific/Auckland"
    )

    assert found == []
    assert [dict(request.url.params) for request in stage.asked] == [
        {
            "startTime": since,
            "endTime": until,
            "usageType": "DEDICATED_DEPLOYMENT",
            "timezone": "Pacific/Auckland",
        }
        for since, until in (
            ("2026-09-01T06:00:00Z", "2026-10-01T06:00:00Z"),
            ("2026-10-01T06:00:00Z", "2026-10-31T06:00:00Z"),
            ("2026-10-31T06:00:00Z", "2026-11-01T06:00:00Z"),
        )
    ]


@given(
    st.dates(date(2024, 1, 1), date(2030, 1, 1)),
    st.integers(0, 400),
    st.sampled_from(["UTC", "Pacific/Kiritimati", "Etc/GMT+12", "Asia/Kathmandu", "Asia/Beirut"]),
)
def test_questions_for_a_bill_cover_every_day_and_never_too_many(
    first: date, days: int, timezone: str
) -> None:
    zone = ZoneInfo(timezone)
    last = first + timedelta(days=days)
    covered: list[date] = []
    for window in windows(first, last, zone):
        since, until = window.since, window.until
        assert until - since <= timedelta(days=31)
        assert since.date() == since.astimezone(zone).date() == window.first
        assert until.date() == until.astimezone(zone).date() == window.last + timedelta(days=1)
        covered += [window.first + timedelta(days=n) for n in range((until - since).days)]

    assert covered == [first + timedelta(days=n) for n in range(days + 1)]


@pytest.mark.parametrize("days", [1, 30, 31, 60])
async def test_the_day_between_two_questions_is_counted_once(days: int) -> None:
    """The provider may take the end of a question as part of it."""
    first = date(2026, 9, 1)

    def play(request: httpx.Request) -> httpx.Response:
        since, until = (request.url.params[name][:10] for name in ("startTime", "endTime"))
        day, rows = date.fromisoformat(since), []
        while day <= date.fromisoformat(until):
            rows.append(billed(f"{day}T00:00:00Z"))
            day += timedelta(days=1)
        return written({"dedicatedCosts": rows})

    found = await Stage(play).account.fetch_bill(
        first=first, last=first + timedelta(days=days - 1), timezone="UTC"
    )

    assert [(one.day, one.gpu_seconds) for one in found] == [
        (first + timedelta(days=n), 3600) for n in range(days)
    ]


async def test_a_zone_that_does_not_exist_is_the_operator_s_mistake() -> None:
    with pytest.raises(SettingsError, match="Europe/Berlin"):
        await bill(timezone="Mars/Olympus")


@pytest.mark.parametrize(
    ("most", "asked"),
    [
        pytest.param(30, [30, 5], id="a month fits"),
        pytest.param(7, [30, 7, 7, 7, 7, 7], id="a week does"),
        pytest.param(1, [30, 7, *[1] * 35], id="a day does"),
    ],
)
async def test_an_answer_that_is_too_large_is_asked_for_by_fewer_days(
    most: int, asked: list[int]
) -> None:
    first = date(2026, 9, 1)
    spans: list[int] = []

    def play(request: httpx.Request) -> httpx.Response:
        since, until = (
            date.fromisoformat(request.url.params[name][:10]) for name in ("startTime", "endTime")
        )
        spans.append((until - since).days)
        rows = [billed(f"{since + timedelta(days=n)}T00:00:00Z") for n in range(spans[-1])]
        padding = "" if spans[-1] <= most else " " * 2_000_000
        return written({"dedicatedCosts": rows, "serverlessCosts": [padding] * 3})

    account = Stage(play).account
    for _ in range(2):
        found = await account.fetch_bill(
            first=first, last=first + timedelta(days=34), timezone="UTC"
        )
        assert [each.day for each in found] == [first + timedelta(days=n) for n in range(35)]

    again = asked[1:] if most == 7 else asked[2:] if most == 1 else asked
    assert spans == [*asked, *again]


async def test_a_day_that_is_too_large_is_an_error() -> None:
    def play(_: httpx.Request) -> httpx.Response:
        return written({"dedicatedCosts": [], "serverlessCosts": [" " * 5_000_000]})

    with pytest.raises(ProviderRejected, match="more than"):
        await Stage(play).account.fetch_bill(
            first=date(2026, 9, 1), last=date(2026, 9, 9), timezone="UTC"
        )


def a_line(**changes: Any) -> dict[str, Any]:
    return {
        "category": "Dedicated deployments",
        "series": "DEDICATED_DEPLOYMENT",
        "groupingKey": "accelerator_type",
        "groupingValue": "NVIDIA_H100_80GB",
        "quantity": 10.5,
        "totalCost": {"currencyCode": "USD", "units": "94", "nanos": 500_000_000},
        **changes,
    }


async def money(*lines: dict[str, Any]) -> list[tuple[str, int, int]]:
    stage = Stage(by_path({"/billing/summary": {"lineItems": list(lines), "usageBuckets": []}}))
    found = await stage.account.fetch_billed_money(date(2026, 11, 30))
    assert [dict(request.url.params) for request in stage.asked] == [
        {
            "startTime": "2026-11-30T00:00:00Z",
            "endTime": "2026-12-01T00:00:00Z",
            "granularity": "DAILY",
        }
    ]
    return [(one.accelerator_type, one.gpu_ms, one.micro_usd) for one in found]


async def test_dollars_are_added_up_by_accelerator() -> None:
    assert await money(
        a_line(),
        a_line(quantity="1.5", totalCost={"currencyCode": "USD", "nanos": 999}),
        a_line(groupingValue="NVIDIA_B200_180GB", quantity=None),
    ) == [
        ("NVIDIA_B200_180GB", 0, 94_500_000),
        ("NVIDIA_H100_80GB", 12 * 3_600_000, 94_500_000),
    ]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"series": "SERVERLESS"}, id="of something else"),
        pytest.param({"groupingKey": "model"}, id="by something else"),
        pytest.param({"groupingValue": ""}, id="of no accelerator"),
        pytest.param({"totalCost": None}, id="without an amount"),
        pytest.param({"totalCost": {"currencyCode": "EUR", "units": "1"}}, id="in euro"),
    ],
)
async def test_lines_that_say_nothing_of_a_price_are_left_out(changes: dict[str, Any]) -> None:
    assert await money(a_line(**changes)) == []


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"quantity": -1}, id="less than nothing"),
        pytest.param({"quantity": 1e30}, id="more than there is"),
        pytest.param({"totalCost": {"currencyCode": "USD", "units": "-5"}}, id="money back"),
    ],
)
async def test_dollars_that_cannot_be_are_refused_whole(changes: dict[str, Any]) -> None:
    with pytest.raises(ProviderRejected):
        await money(a_line(), a_line(**changes))
