"""One bill, several teams: the parts are the whole."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from firewarden.metering.splits import parts_of, split_adjustment, split_usage
from firewarden.metering.totals import total_of
from firewarden.model.trueup import Adjustment, Money
from firewarden.model.usage import Usage
from tests.metering.builders import CHAT
from tests.support.thousands import thousands

TEAMS = ("research", "search", "ads", "infra")


@st.composite
def shares(draw: st.DrawFn) -> dict[str, Decimal]:
    """Two to four teams; hundredths of a percent that add up to 100 %."""
    count = draw(st.integers(2, len(TEAMS)))
    cuts = draw(
        st.lists(st.integers(1, 9_999), min_size=count - 1, max_size=count - 1, unique=True)
    )
    edges = [0, *sorted(cuts), 10_000]
    return {
        team: Decimal(after - before) / 10_000
        for team, before, after in zip(TEAMS, edges, edges[1:], strict=False)
    }


milliseconds = st.integers(0, 2**50)
changes = st.integers(-(2**50), 2**50)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    low, middle, above = (draw(milliseconds) for _ in range(3))
    return Usage(
        uid=CHAT.uid,
        accelerator_type="NVIDIA_H100_80GB",
        micro_usd_per_gpu_hour=draw(st.none() | st.integers(0, 50_000_000)),
        gpu_ms=low + middle,
        low_ms=low,
        high_ms=low + middle + above,
        variance=draw(st.integers(0, 2**95)),
        idle_ms=draw(st.integers(0, low)),
        unknown_ms=0,
        gap_ms=draw(st.integers(0, middle)),
        starting_ms=draw(milliseconds),
    )


@thousands()
@given(usages(), shares())
def test_the_parts_add_up_to_the_whole(usage: Usage, by: dict[str, Decimal]) -> None:
    parts = split_usage(usage, by)

    assert list(parts) == list(by)
    assert total_of(parts.values()) == total_of([usage])


@given(usages(), shares())
def test_each_part_keeps_its_bounds(usage: Usage, by: dict[str, Decimal]) -> None:
    assert all(
        0 <= part.low_ms <= part.gpu_ms <= part.high_ms for part in split_usage(usage, by).values()
    )


@given(changes, shares())
def test_each_part_is_its_share_to_within_a_unit(total: int, by: dict[str, Decimal]) -> None:
    assert all(abs(part - total * by[team]) <= 1 for team, part in parts_of(total, by).items())


def numbers(change: Adjustment) -> tuple[int, ...]:
    money = change.money or Money()
    of_money = (money.low_micro_usd, money.micro_usd, money.high_micro_usd)
    return change.low_ms, change.gpu_ms, change.high_ms, *of_money


adjustments = st.builds(
    Adjustment,
    gpu_ms=changes,
    low_ms=changes,
    high_ms=changes,
    money=st.none()
    | st.builds(Money, micro_usd=changes, low_micro_usd=changes, high_micro_usd=changes),
)


@thousands()
@given(adjustments, shares())
def test_the_parts_of_an_adjustment_add_up_to_it(whole: Adjustment, by: dict[str, Decimal]) -> None:
    parts = split_adjustment(whole, by).values()

    assert tuple(map(sum, zip(*map(numbers, parts), strict=True))) == numbers(whole)
    assert {part.money is None for part in parts} == {whole.money is None}
