"""All other reads: accounts, single deployments, prices, quotas."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from firewarden.errors import (
    AccountSuspended,
    KeyRefused,
    ProviderRejected,
    ProviderUnavailable,
    UnknownAccount,
)
from firewarden.model.deployment import Surroundings
from firewarden.model.fleet import AccountFacts, Quota
from firewarden.model.ids import AccountId, DeploymentId
from firewarden.model.price import Price, PriceSource
from tests.providers.fireworks.stage import (
    ACCOUNT,
    ACME,
    BASE,
    CHAT,
    NOW,
    Stage,
    a_deployment,
    an_account,
    by_path,
    in_turn,
    pages,
    row,
    written,
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
    stage = an_account(models=[row(default=True)])
    fleet = await stage.account.fetch_fleet()

    examined = await stage.account.fetch_deployment(CHAT)

    assert examined.deployment is not None
    assert examined.deployment is fleet.deployments[examined.deployment.uid]
    assert examined.surroundings == Surroundings(default_models=(BASE,))
    assert (examined.asked_at, examined.answered_at) == (NOW, NOW)


async def test_a_deployment_that_is_not_there_is_an_answer() -> None:
    examined = await an_account().account.fetch_deployment(DeploymentId("nobody"))

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
    stage = an_account()

    with pytest.raises(ProviderRejected):
        await stage.account.fetch_deployment(DeploymentId(deployment_id))
    assert stage.asked == []


async def test_a_name_is_quoted_in_the_path() -> None:
    stage = an_account()

    await stage.account.fetch_deployment(DeploymentId("a:scale?x=1#y"))

    assert stage.asked[0].url.raw_path == b"/v1/accounts/acme/deployments/a%3Ascale%3Fx%3D1%23y"


async def test_an_answer_about_another_deployment_is_none() -> None:
    with pytest.raises(ProviderRejected, match="another deployment"):
        await an_account(more={"/deployments/eval": a_deployment("chat")}).account.fetch_deployment(
            DeploymentId("eval")
        )


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
