from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from firewarden.decide.survey import Finding, Look, survey
from firewarden.model.deployment import Deployment, Surroundings
from firewarden.model.fleet import AccountFacts, Quota
from firewarden.model.ids import DeploymentId
from firewarden.model.price import PriceSource
from firewarden.model.usage import BilledDay
from tests.support.deciding import (
    ACCOUNT,
    H100,
    H100_PRICE,
    NOW,
    a_deployment,
    a_fleet,
    at_zero,
    minutes,
)

LAST = date(2026, 11, 22)
FIRST = LAST - timedelta(days=30)
OWNED = {"owner": "ann"}
AGREED = replace(H100_PRICE, source=PriceSource.CONFIGURED)


def a_look(*deployments: Deployment, **changes: Any) -> Look:
    """An account in which nothing is wrong, whose deployments are *deployments*."""
    plain = Look(
        now=NOW,
        facts=AccountFacts(account=ACCOUNT, role="inference-user"),
        fleet=a_fleet(deployments),
        surroundings={},
        bill=(),
        first=FIRST,
        last=LAST,
        quotas=(),
        prices=(AGREED,),
    )
    return replace(plain, **changes)


def billed(
    name: str, gpu_hours: float, *, days: range = range(31), accelerator: str = H100
) -> list[BilledDay]:
    return [
        BilledDay(
            account=ACCOUNT,
            day=FIRST + timedelta(days=day),
            timezone="UTC",
            deployment_id=DeploymentId(name),
            accelerator_type=accelerator,
            gpu_seconds=int(gpu_hours * 3600),
        )
        for day in days
    ]


def the(look: Look) -> Finding:
    (finding,) = survey(look)
    return finding


def kinds(look: Look) -> set[str]:
    return {finding.kind for finding in survey(look)}


MINE = a_deployment(tags=OWNED)


def test_where_nothing_is_wrong_nothing_is_found() -> None:
    assert survey(a_look(MINE)) == ()
    assert survey(a_look()) == ()


@pytest.mark.parametrize(
    ("look", "kind", "evidence", "usd"),
    [
        pytest.param(
            a_look(
                replace(MINE, trainer_job="accounts/acme/trainers/t"),
                surroundings={MINE.name: Surroundings(is_trainer_gone=True)},
            ),
            "trainer_gone",
            "its trainer accounts/acme/trainers/t is gone",
            Decimal(11680),
            id="a rollout whose trainer is gone",
        ),
        pytest.param(
            a_look(replace(MINE, state="FAILED")),
            "failed_holding",
            "it has failed and holds 2 GPUs",
            Decimal(11680),
            id="a failed one that holds GPUs",
        ),
        pytest.param(
            a_look(
                replace(
                    MINE,
                    ready_replica_count=0,
                    starting_replica_count=1,
                    updated_at=NOW - minutes(60),
                )
            ),
            "starting_long",
            "2 GPUs are starting, nothing has changed for 1h",
            Decimal(0),
            id="one that has been starting for an hour",
        ),
        pytest.param(
            a_look(MINE, bill=billed("exp-1", 48)),
            "always_on",
            "billed round the clock for 28 days, 2.0 GPUs on average, min 1",
            Decimal(11680),
            id="billed round the clock",
        ),
        pytest.param(
            a_look(at_zero(tags=OWNED)),
            "provider_deletes",
            "1 at zero with min 0: Fireworks deletes each 7 days after its last request; "
            "last billed: exp-0 not in this bill",
            Decimal(0),
            id="what the provider deletes",
        ),
        pytest.param(
            a_look(MINE, a_deployment("exp-2")),
            "unowned",
            "1 of 2 deployments (50%) have neither an owner nor a team tag; 1 of them hold GPUs",
            Decimal(11680),
            id="nobody's",
        ),
        pytest.param(
            a_look(MINE, quotas=[Quota(quota_id="global--h100-count", limit=5, usage=4)]),
            "quota",
            "max × GPUs is 4 of 5, 0 of it held by deployments without a ready replica",
            Decimal(0),
            id="a quota that is nearly full",
        ),
        pytest.param(
            a_look(MINE, quotas=[Quota(quota_id="monthly-spend-usd", limit=500, usage=400.0)]),
            "spend_limit",
            "400 of 500 USD used; at the limit Fireworks pauses every request of the account",
            Decimal(0),
            id="the provider's own limit is near",
        ),
        pytest.param(
            a_look(replace(MINE, accelerator_type="NVIDIA_NEW")),
            "unpriced",
            "2 NVIDIA_NEW GPUs have no known price",
            None,
            id="an unknown price",
        ),
        pytest.param(
            a_look(MINE, prices=(H100_PRICE,)),
            "price_basis",
            "costs are reckoned by Fireworks' public list prices: a contract, a reservation or "
            "credits would make them less",
            Decimal(0),
            id="list prices",
        ),
        pytest.param(
            a_look(MINE, prices=(replace(H100_PRICE, source=PriceSource.PRICING_PLAN, plan=""),)),
            "contract_price",
            "exp-1: priced by this contract plan, not by the public list",
            Decimal(11680),
            id="contract prices",
        ),
        pytest.param(
            a_look(MINE, facts=AccountFacts(account=ACCOUNT, role="admin")),
            "key_role",
            "the key's role is admin; to observe, inference-user is enough",
            Decimal(0),
            id="a key that can do more than needed",
        ),
        pytest.param(
            a_look(MINE, facts=AccountFacts(account=ACCOUNT, suspend_state="CREDIT_DEPLETED")),
            "suspended",
            "Fireworks has paused the account: CREDIT_DEPLETED",
            None,
            id="a paused account",
        ),
    ],
)
def test_finding(look: Look, kind: str, evidence: str, usd: Decimal | None) -> None:
    finding = the(look)

    assert (finding.kind, finding.evidence, finding.usd_per_month) == (kind, evidence, usd)
    assert finding.sure
    assert finding.command.startswith("firewarden ")


@pytest.mark.parametrize(
    "look",
    [
        pytest.param(a_look(MINE, bill=billed("exp-1", 45)), id="not nearly round the clock"),
        pytest.param(
            a_look(MINE, bill=billed("exp-1", 48, days=range(23, 31))), id="for less than a week"
        ),
        pytest.param(
            a_look(MINE, bill=billed("exp-1", 48, days=range(28))), id="until days ago, then off"
        ),
        pytest.param(a_look(MINE, bill=billed("other", 48)), id="one that is not there any more"),
        pytest.param(
            a_look(
                MINE,
                bill=billed("exp-1", 48, days=range(25, 31)),
                first=LAST - timedelta(days=5),
            ),
            id="too few days in the bill",
        ),
        pytest.param(
            a_look(MINE, quotas=[Quota(quota_id="global--h200-count", limit=1, usage=1)]),
            id="a quota of another GPU",
        ),
        pytest.param(
            a_look(MINE, quotas=[Quota(quota_id="global--h100-count", limit=0, usage=0)]),
            id="a quota of none",
        ),
        pytest.param(
            a_look(replace(MINE, tags={"TEAM": "x"})), id="a team is an owner, in any case"
        ),
        pytest.param(
            a_look(replace(MINE, state="DELETED", tags={})), id="what is deleted is not looked at"
        ),
        pytest.param(
            a_look(at_zero(max_replica_count=0, tags=OWNED)), id="parked ones are not deleted"
        ),
        pytest.param(
            a_look(MINE, surroundings={MINE.name: Surroundings(is_trainer_gone=None)}),
            id="an unknown trainer is unknown",
        ),
        pytest.param(a_look(MINE, surroundings=None), id="unknown surroundings prove nothing"),
        pytest.param(
            a_look(MINE, facts=AccountFacts(account=ACCOUNT, role="")), id="an unknown role"
        ),
    ],
)
def test_no_finding(look: Look) -> None:
    assert survey(look) == ()


def test_the_bill_of_two_gpu_kinds_of_one_deployment_is_one_pattern() -> None:
    both = [*billed("exp-1", 24), *billed("exp-1", 24, accelerator="NVIDIA_H200_141GB")]

    assert kinds(a_look(MINE, bill=both)) == {"always_on"}


def test_who_sleeps_longest_is_named_first() -> None:
    slept = at_zero("slept", tags=OWNED)
    fresh = at_zero("fresh", tags=OWNED)
    look = a_look(fresh, slept, bill=[*billed("slept", 1, days=range(3)), *billed("fresh", 1)])

    assert the(look).subject == "slept, fresh"
    assert "slept 2026-10-25, fresh 2026-11-22" in the(look).evidence


def test_many_names_are_cut_short() -> None:
    fleet = [a_deployment(f"exp-{number}") for number in range(9)]

    assert the(a_look(*fleet)).subject == "exp-0, exp-1, exp-2, exp-3, exp-4 and 4 more"


def test_what_is_unpriced_comes_first_then_the_dearest() -> None:
    look = a_look(
        a_deployment("new", accelerator_type="NVIDIA_NEW", tags=OWNED),
        a_deployment("failed", state="FAILED", tags=OWNED),
        a_deployment("nobodys", accelerator_count=8),
    )

    assert [finding.kind for finding in survey(look)] == ["unpriced", "unowned", "failed_holding"]


def test_money_over_what_is_partly_unpriced_is_not_guessed() -> None:
    look = a_look(a_deployment("a"), a_deployment("b", accelerator_type="NVIDIA_NEW"))

    assert {finding.usd_per_month for finding in survey(look)} == {None}
