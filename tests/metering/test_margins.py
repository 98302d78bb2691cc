"""What is saved is cash at the margin: what is reserved is paid for used or not."""

from collections.abc import Mapping
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewarden.metering.margins import Margin, Pool, pool_of
from firewarden.model.commitment import Commitment
from firewarden.model.deployment import Trait
from firewarden.model.vocabulary import CommitmentKind
from tests.support.deciding import NOW, a_deployment, minutes

H100 = "NVIDIA_H100_80GB"
US, EUROPE, ANYWHERE = (H100, "us"), (H100, "europe"), (H100, "")


def margin(used: Mapping[Pool, int], reserved: Mapping[Pool, int]) -> Margin:
    return Margin(used=used, reserved=reserved)


@pytest.mark.parametrize(
    ("used", "reserved", "taken", "saved"),
    [
        pytest.param({US: 52}, {US: 64}, (US, 8), 0, id="all that runs is reserved"),
        pytest.param({US: 72}, {US: 64}, (US, 16), 8, id="only what is beyond it is paid for"),
        pytest.param({US: 72}, {US: 64}, (US, 4), 4, id="the first to go is on demand"),
        pytest.param({US: 64}, {US: 64}, (US, 64), 0, id="used to the last one"),
        pytest.param({US: 16}, {}, (US, 16), 16, id="nothing is reserved"),
        pytest.param({US: 16}, {EUROPE: 64}, (US, 16), 16, id="reserved elsewhere"),
        pytest.param({US: 16}, {("NVIDIA_B200_180GB", "us"): 64}, (US, 8), 8, id="of another kind"),
        pytest.param({US: 16}, {ANYWHERE: 8}, (US, 16), 8, id="reserved for anywhere"),
        pytest.param({US: 8, EUROPE: 8}, {ANYWHERE: 12}, (US, 8), 4, id="two share what is left"),
        pytest.param({US: 16, EUROPE: 8}, {US: 8, ANYWHERE: 8}, (EUROPE, 8), 8, id="own first"),
        pytest.param({US: 8}, {US: 4, ANYWHERE: 4}, (US, 8), 0, id="both cover it"),
        pytest.param({US: 8}, {}, (US, 99), 8, id="no more than there is"),
        pytest.param({ANYWHERE: 8}, {US: 6}, (ANYWHERE, 8), 2, id="it runs nobody knows where"),
        pytest.param({US: 6, ANYWHERE: 8}, {US: 6}, (ANYWHERE, 8), 8, id="none is left for it"),
    ],
)
def test_what_is_saved(
    used: dict[Pool, int], reserved: dict[Pool, int], taken: tuple[Pool, int], saved: int
) -> None:
    assert margin(used, reserved).saved(*taken) == saved


@pytest.mark.parametrize(
    ("days", "is_cash"),
    [
        pytest.param(-1, True, id="before it begins"),
        pytest.param(0, False, id="from its first instant on"),
        pytest.param(10, True, id="once it has ended"),
    ],
)
def test_under_a_minimum_spend_a_saving_is_no_cash(days: int, *, is_cash: bool) -> None:
    minimum = Commitment(
        kind=CommitmentKind.SPEND, since=NOW, until=NOW + minutes(10 * 24 * 60), usd=Decimal(5)
    )

    margin = Margin.of([a_deployment()], [minimum], at=NOW + minutes(days * 24 * 60))

    assert margin.is_cash is is_cash
    assert margin.without(US, 1).is_cash is is_cash


pools = st.sampled_from([US, EUROPE, (H100, "global"), ANYWHERE])
counts = st.integers(0, 100)
accounts = st.builds(
    margin,
    used=st.dictionaries(pools, counts),
    reserved=st.dictionaries(pools, counts),
)


@given(accounts, st.lists(st.tuples(pools, counts), max_size=5))
def test_what_is_taken_in_turn_saves_what_all_of_it_saves(
    before: Margin, taken: list[tuple[Pool, int]]
) -> None:
    after, saved = before, 0
    for pool, gpus in taken:
        saved += after.saved(pool, gpus)
        after = after.without(pool, gpus)

    assert saved == before.on_demand(H100) - after.on_demand(H100)


@given(accounts, pools, counts)
def test_nothing_saves_more_than_is_taken_or_less_than_nothing(
    before: Margin, pool: Pool, gpus: int
) -> None:
    assert 0 <= before.saved(pool, gpus) <= min(gpus, before.used.get(pool, 0))


@given(accounts, pools, counts, st.integers(0, 50))
def test_more_reserved_never_saves_more(before: Margin, pool: Pool, gpus: int, more: int) -> None:
    reserved = {**before.reserved, pool: before.reserved.get(pool, 0) + more}
    assert margin(before.used, reserved).saved(pool, gpus) <= before.saved(pool, gpus)


def capacity(**changes: object) -> Commitment:
    given: dict[str, object] = {
        "kind": CommitmentKind.CAPACITY,
        "since": NOW,
        "until": NOW + minutes(60),
        "accelerator_type": H100,
        "gpus": 8,
        "placement": "us",
    }
    return Commitment(**(given | changes))  # type: ignore[arg-type]  # any field


@pytest.mark.parametrize(
    ("minute", "gpus"),
    [
        pytest.param(-1, 0, id="not yet"),
        pytest.param(0, 8, id="from the first instant on"),
        pytest.param(60, 0, id="not at the end"),
    ],
)
def test_a_reservation_holds_from_its_first_instant_to_its_end(minute: int, gpus: int) -> None:
    found = Margin.of([], [capacity()], at=NOW + minutes(minute))

    assert found.reserved.get(US, 0) == gpus


def test_reservations_of_one_pool_add_up_and_credit_reserves_nothing() -> None:
    credit = capacity(kind=CommitmentKind.CREDIT, gpus=8)
    found = Margin.of([], [capacity(), capacity(gpus=16), credit], at=NOW)

    assert found.reserved == {US: 24}


def test_what_is_not_billed_uses_nothing_that_is_reserved() -> None:
    ours = a_deployment("a", placement="multi_region:US", ready_replica_count=2)
    own = a_deployment("b", placement="multi_region:US", traits=frozenset({Trait.OWN_CLUSTER}))
    spare = a_deployment("c", placement="multi_region:US", traits=frozenset({Trait.PREEMPTIBLE}))

    found = Margin.of([ours, own, spare], [], at=NOW)

    assert found.used == {US: ours.gpu_count}


@pytest.mark.parametrize(
    ("placement", "pool"),
    [
        ("multi_region:US", US),
        ("region:US_IOWA_1", (H100, "us_iowa_1")),
        ("global", (H100, "global")),
        ("", (H100, "")),
    ],
)
def test_a_pool_is_named_by_where_it_was_asked_to_run(placement: str, pool: Pool) -> None:
    assert pool_of(a_deployment(placement=placement)) == pool
