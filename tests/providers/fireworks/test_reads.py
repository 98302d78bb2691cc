"""All other reads: accounts, single deployments, surroundings, prices, bill, quotas."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewarden.errors import (
    AccountSuspended,
    KeyRefused,
    ProviderRejected,
    ProviderUnavailable,
    SettingsError,
    UnknownAccount,
)
from firewarden.model.deployment import Surroundings
from firewarden.model.fleet import AccountFacts, Quota
from firewarden.model.ids import AccountId, DeploymentId
from firewarden.model.price import Price, PriceSource
from firewarden.providers.fireworks.bill import windows
from firewarden.providers.fireworks.surroundings import FRESH_FOR_S
from tests.providers.fireworks.stage import (
    ACME,
    NOW,
    Stage,
    a_deployment,
    by_path,
    in_turn,
    pages,
    written,
)

CHAT = DeploymentId("chat")
BASE = "accounts/fireworks/models/gpt-oss-120b"
ACCOUNT = {"name": "accounts/acme", "displayName": "Acme"}


def full(name: str) -> str:
    return f"accounts/acme/deployments/{name}"


def row(deployment: str = "chat", model: str = BASE, **changes: Any) -> dict[str, Any]:
    return {"model": model, "deployment": full(deployment), "state": "DEPLOYED", **changes}


def router(router_id: str, *members: str, **changes: Any) -> dict[str, Any]:
    name = f"accounts/acme/routers/{router_id}"
    return {"name": name, "deployments": [full(member) for member in members], **changes}


def world(
    *,
    models: list[dict[str, Any]] | None = None,
    routers: list[dict[str, Any]] | None = None,
    more: Mapping[str, Any] | None = None,
) -> Stage:
    trained = a_deployment("chat", hotLoadTrainerJob="accounts/acme/rlorTrainerJobs/t")
    return Stage(
        by_path(
            {
                "": ACCOUNT,
                "/deployments": pages([trained, a_deployment("eval")]),
                "/deployments/chat": trained,
                "/deployedModels": pages(models or [], collection="deployedModels"),
                "/routers": pages(routers or [], collection="routers"),
                **(more or {}),
            }
        )
    )


async def test_the_accounts_of_a_key_are_listed_from_all_pages() -> None:
    stage = Stage(
        pages(
            [{"name": "accounts/beta", "suspendState": "CREDIT_DEPLETED"}],
            [ACCOUNT],
            collection="accounts",
        )
    )

    assert await stage.door.accounts() == [
        AccountFacts(account=ACME, display_name="Acme"),
        AccountFacts(account=AccountId("beta"), suspend_state="CREDIT_DEPLETED"),
    ]


async def test_half_a_list_of_accounts_is_none() -> None:
    with pytest.raises(ProviderRejected, match="2 were announced"):
        await Stage(pages([ACCOUNT], collection="accounts", total=2)).door.accounts()


async def test_a_suspended_account_says_so() -> None:
    stage = Stage(in_turn(written({"code": 9, "message": "Account acme is suspended"}, 412)))

    with pytest.raises(AccountSuspended, match="billing"):
        await stage.door.accounts()


@pytest.mark.parametrize(
    ("users", "role"),
    [
        pytest.param(pages([{"role": "admin"}], collection="users"), "admin", id="one user"),
        pytest.param(
            pages([{"role": "user"}, {"role": "user"}], collection="users"), "user", id="all alike"
        ),
        pytest.param(
            pages([{"role": "user"}, {"role": "admin"}], collection="users"), "", id="who knows"
        ),
        pytest.param(written({"message": "no"}, 403), "", id="not allowed"),
        pytest.param(pages([], collection="users"), "", id="nobody"),
    ],
)
async def test_the_role_is_told_where_it_can_be(users: Any, role: str) -> None:
    facts = await Stage(by_path({"": ACCOUNT, "/users": users})).account.facts()

    assert facts == AccountFacts(account=ACME, display_name="Acme", role=role)


@pytest.mark.parametrize("name", ["", "..", "a/b", "a b", "a?x", "-a", "a" * 200])
def test_an_account_id_that_cannot_be_is_refused_at_the_door(name: str) -> None:
    with pytest.raises(UnknownAccount):
        Stage(in_turn()).door.account(AccountId(name))


async def test_one_deployment_is_read_with_what_leans_on_it() -> None:
    stage = world(models=[row(default=True)])
    fleet = await stage.account.fetch_fleet()

    examined = await stage.account.fetch_deployment(CHAT)

    assert examined.deployment is not None
    assert examined.deployment is fleet.deployments[examined.deployment.uid]
    assert examined.surroundings == Surroundings(default_models=(BASE,))
    assert (examined.asked_at, examined.answered_at) == (NOW, NOW)


async def test_a_deployment_that_is_not_there_is_an_answer() -> None:
    examined = await world().account.fetch_deployment(DeploymentId("nobody"))

    assert (examined.deployment, examined.surroundings) == (None, None)


@pytest.mark.parametrize(
    ("account", "error"),
    [
        pytest.param(written({"code": 5, "message": "x"}, 404), ProviderRejected, id="unknown"),
        pytest.param(written({"code": 7, "message": "x"}, 403), KeyRefused, id="not allowed"),
        pytest.param(written({"code": 14}, 503), ProviderUnavailable, id="down"),
    ],
)
async def test_nothing_is_gone_from_an_account_that_cannot_be_read(
    account: httpx.Response, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await Stage(by_path({"": account})).account.fetch_deployment(CHAT)


@pytest.mark.parametrize("deployment_id", ["", ".", "..", "a/b"])
async def test_what_is_no_deployment_id_is_not_asked_for(deployment_id: str) -> None:
    stage = world()

    with pytest.raises(ProviderRejected):
        await stage.account.fetch_deployment(DeploymentId(deployment_id))
    assert stage.asked == []


async def test_a_name_is_quoted_in_the_path() -> None:
    stage = world()

    await stage.account.fetch_deployment(DeploymentId("a:scale?x=1#y"))

    assert stage.asked[0].url.raw_path == b"/v1/accounts/acme/deployments/a%3Ascale%3Fx%3D1%23y"


async def test_an_answer_about_another_deployment_is_none() -> None:
    with pytest.raises(ProviderRejected, match="another deployment"):
        await world(more={"/deployments/eval": a_deployment("chat")}).account.fetch_deployment(
            DeploymentId("eval")
        )


@pytest.mark.parametrize("part", ["/deployedModels", "/routers"])
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(written({"message": "no"}, 403), id="refused"),
        pytest.param(written({"message": "later"}, 503), id="down"),
        pytest.param(written({"totalSize": 5}), id="incomplete"),
        pytest.param(written({"routers": [7], "deployedModels": [7]}), id="unreadable"),
    ],
)
async def test_surroundings_that_cannot_be_read_are_unknown_and_never_empty(
    part: str, answer: httpx.Response
) -> None:
    stage = world(more={part: answer})

    assert (await stage.account.fetch_deployment(CHAT)).surroundings is None
    with pytest.raises((ProviderRejected, ProviderUnavailable)):
        await stage.account.fetch_surroundings()


@pytest.mark.parametrize(
    ("models", "routers", "expected"),
    [
        pytest.param([], [], Surroundings(), id="nothing"),
        pytest.param([row()], [], Surroundings(), id="its base model"),
        pytest.param(
            [row(), row(model="lora-1"), row(model="lora-2"), row(model="lora-2")],
            [],
            Surroundings(addon_count=2),
            id="two add-ons",
        ),
        pytest.param([row(model="lora")], [], Surroundings(addon_count=1), id="only an add-on"),
        pytest.param([row(public=True)], [], Surroundings(is_published=True), id="published"),
        pytest.param(
            [row(default=True), row("eval"), row("x", state="DEPLOYING"), row("eval", "other")],
            [],
            Surroundings(default_models=(BASE,), default_alternatives=1),
            id="default, with another that serves it",
        ),
        pytest.param(
            [row(default=True), row(model="lora", default=True), row("eval")],
            [],
            Surroundings(default_models=(BASE, "lora"), addon_count=1),
            id="default of two models, one served here only",
        ),
        pytest.param(
            [{"model": BASE, "serverless": True, "default": True, "deployment": full("chat")}],
            [],
            Surroundings(),
            id="serverless",
        ),
        pytest.param([], [router("r", "eval")], Surroundings(), id="somebody else's router"),
        pytest.param(
            [], [router("chat", "chat", autoGenerated=True)], Surroundings(), id="its own"
        ),
        pytest.param(
            [], [router("b", "chat"), router("a", "eval", "chat")], Surroundings(routers=("a", "b"))
        ),
        pytest.param(
            [],
            [router("r", "chat", autoGenerated=True, public=True)],
            Surroundings(is_published=True),
            id="a public router",
        ),
        pytest.param(
            [{"model": "lora", "deployment": "chat"}],
            [{"name": "r", "deployments": ["chat"]}],
            Surroundings(addon_count=1, routers=("r",)),
            id="short names",
        ),
    ],
)
async def test_what_leans_on_a_deployment(
    models: list[dict[str, Any]], routers: list[dict[str, Any]], expected: Surroundings
) -> None:
    stage = world(models=models, routers=routers)

    assert (await stage.account.fetch_deployment(CHAT)).surroundings == expected
    assert (await stage.account.fetch_surroundings())[full("chat")] == expected


@pytest.mark.parametrize(
    ("trainer", "gone"),
    [
        pytest.param({"state": "JOB_STATE_DELETED"}, True, id="deleted"),
        pytest.param({"state": "JOB_STATE_COMPLETED"}, True, id="completed"),
        pytest.param({"state": "JOB_STATE_RUNNING"}, False, id="running"),
        pytest.param({"state": "JOB_STATE_DELETING"}, None, id="on its way out"),
        pytest.param({"state": "JOB_STATE_DREAMING"}, None, id="a state of the future"),
        pytest.param({}, None, id="no state"),
        pytest.param(
            {"state": "JOB_STATE_RUNNING", "completedTime": "2026-11-01T00:00:00Z"},
            None,
            id="it contradicts itself",
        ),
        pytest.param({"name": "accounts/acme/rlorTrainerJobs/x"}, None, id="about another"),
        pytest.param(written({"code": 5, "message": "x"}, 404), None, id="404 proves nothing"),
        pytest.param(written({"code": 7, "message": "x"}, 403), None, id="not allowed"),
        pytest.param(written({"code": 14, "message": "x"}, 503), None, id="down"),
    ],
)
async def test_only_a_trainer_s_own_words_prove_that_it_is_gone(
    trainer: dict[str, Any] | httpx.Response,
    gone: bool | None,  # noqa: FBT001  # one column of a table
) -> None:
    if isinstance(trainer, dict):
        trainer = written({"name": "accounts/acme/rlorTrainerJobs/t", **trainer})
    stage = world(more={"/rlorTrainerJobs/t": trainer})

    surroundings = await stage.account.fetch_surroundings()

    assert surroundings[full("chat")].is_trainer_gone is gone
    assert surroundings[full("eval")].is_trainer_gone is None
    assert stage.paths.count("/rlorTrainerJobs/t") >= 1


async def test_a_trainer_of_another_account_is_not_asked_about() -> None:
    foreign = a_deployment("chat", hotLoadTrainerJob="accounts/other/rlorTrainerJobs/t")
    stage = world(more={"/deployments/chat": foreign})

    examined = await stage.account.fetch_deployment(CHAT)

    assert examined.surroundings == Surroundings()
    assert not any("rlorTrainerJobs" in path for path in stage.paths)


async def test_several_deployments_are_examined_on_one_reading_that_is_fresh() -> None:
    stage = world()

    for _ in range(3):
        await stage.account.fetch_deployment(CHAT)
    assert stage.paths.count("/routers") == 1
    stage.clock.move(FRESH_FOR_S + 1)
    await stage.account.fetch_deployment(CHAT)
    assert stage.paths.count("/routers") == 2
    await stage.account.fetch_surroundings()
    assert stage.paths.count("/routers") == 3


def a_plan(*configured: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "name": "accounts/acme/pricingPlans/gold",
        "billingType": "ACCELERATOR_HOURS",
        "acceleratorHourConfig": list(configured),
        "startTime": "2026-01-01T00:00:00Z",
        **changes,
    }


def an_hour(gpu: str = "NVIDIA_H100_80GB", **money: Any) -> dict[str, Any]:
    return {"acceleratorType": gpu, "acceleratorHourPrice": {"currencyCode": "USD", **money}}


@pytest.mark.parametrize(
    ("money", "micro"),
    [
        pytest.param({"units": "5", "nanos": 250_000_000}, 5_250_000, id="units as text"),
        pytest.param({"units": 7}, 7_000_000, id="units as a number, no nanos"),
        pytest.param({"nanos": 1_000}, 1, id="one micro"),
        pytest.param({"nanos": 1_500}, 2, id="half a micro rounds to even"),
        pytest.param({"nanos": 2_500}, 2, id="half a micro rounds to even, down"),
        pytest.param({}, 0, id="free: proto3 leaves zeros out"),
        pytest.param({"units": "-1"}, None, id="negative"),
        pytest.param({"units": "999999999"}, None, id="absurd"),
        pytest.param({"units": "5", "currencyCode": "EUR"}, None, id="another currency"),
        pytest.param({"units": "5", "currencyCode": ""}, None, id="no currency"),
    ],
)
async def test_contract_prices_are_exact_or_not_used(
    money: dict[str, Any], micro: int | None
) -> None:
    plans = pages([a_plan(an_hour(**money))], collection="pricingPlans")

    found = await Stage(by_path({"/pricingPlans": plans})).account.fetch_prices()

    assert [price.micro_usd_per_gpu_hour for price in found] == ([] if micro is None else [micro])


async def test_a_plan_is_a_price_for_each_of_its_gpus() -> None:
    plans = pages(
        [
            a_plan(an_hour(units="5"), an_hour("NVIDIA_B200_180GB", units="9"), {}),
            a_plan(an_hour(units="1"), billingType="TOKEN_USAGE"),
            a_plan(an_hour(units="1"), state="CREATING"),
            a_plan(an_hour("", units="1"), endTime="2026-12-31T00:00:00Z"),
        ],
        collection="pricingPlans",
    )

    found = await Stage(by_path({"/pricingPlans": plans})).account.fetch_prices()

    assert found == [
        Price(
            accelerator_type=gpu,
            micro_usd_per_gpu_hour=micro,
            source=PriceSource.PRICING_PLAN,
            valid_from=datetime(2026, 1, 1, tzinfo=UTC),
            plan="gold",
        )
        for gpu, micro in (("NVIDIA_H100_80GB", 5_000_000), ("NVIDIA_B200_180GB", 9_000_000))
    ]


async def test_quotas_are_read_from_text() -> None:
    quotas = pages(
        [
            {"name": "accounts/acme/quotas/global--h100-count", "value": "16", "usage": 4.5},
            {"name": "accounts/acme/quotas/monthly-spend-usd"},
        ],
        collection="quotas",
    )

    assert await Stage(by_path({"/quotas": quotas})).account.fetch_quotas() == [
        Quota(quota_id="global--h100-count", limit=16, usage=4.5),
        Quota(quota_id="monthly-spend-usd", limit=0, usage=0.0),
    ]


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
