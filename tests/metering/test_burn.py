"""Two windows against the even pace of a budget."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firewarden.metering.burn import BURN_RULES, Burning, burn_multiple, burning
from firewarden.metering.spending import Spent

HOUR = timedelta(hours=1)
MONTH = timedelta(days=30)
FAST = BURN_RULES[0]


def spent(usd: str, lasted: timedelta, share: float = 1, **changes: bool) -> Spent:
    return Spent(usd=Decimal(usd), lasted=lasted, watched_for=lasted * share, **changes)


def of_720(long: Spent, short: Spent, floor: int = 10) -> Burning:
    """A budget whose even pace is 1 USD an hour, against the fast rule."""
    return burning(FAST, (long, short), limit=Decimal(720), window=MONTH, floor=Decimal(floor))


def over_hour(usd: str, share: float = 1, **changes: bool) -> Spent:
    return spent(usd, HOUR, share, **changes)


def over_5m(usd: str, share: float = 1, **changes: bool) -> Spent:
    return spent(usd, HOUR / 12, share, **changes)


@pytest.mark.parametrize(
    ("each", "multiple"),
    [
        pytest.param(over_hour("1"), 1, id="the even pace"),
        pytest.param(over_5m("1"), 12, id="twelve times it"),
        pytest.param(over_hour("0"), 0, id="nothing spent"),
        pytest.param(over_hour("1", 0.5), 2, id="only what was watched counts"),
        pytest.param(over_hour("0", 0), None, id="nobody watched: unknown, not 0"),
    ],
)
def test_a_burn_is_a_multiple_of_the_even_pace(each: Spent, multiple: int | None) -> None:
    assert burn_multiple(each, limit=Decimal(720), window=MONTH) == multiple


@pytest.mark.parametrize(
    ("long", "short", "fires"),
    [
        pytest.param(over_hour("14.4"), over_5m("1.2"), True, id="both hold, to the cent"),
        pytest.param(over_hour("14.39"), over_5m("1.2"), False, id="the long one does not"),
        pytest.param(over_hour("14.4"), over_5m("1.19"), False, id="it is over by now"),
        pytest.param(over_hour("7.2", 0.5), over_5m("1.2"), None, id="the floor is out of sight"),
        pytest.param(over_hour("10", 0.5), over_5m("1.2"), True, id="half of it was watched"),
        pytest.param(over_hour("99", 0.49), over_5m("9"), None, id="less than half was watched"),
        pytest.param(over_hour("99"), over_5m("0", 0), None, id="nobody watches now"),
        pytest.param(over_hour("1"), over_5m("0", 0), False, id="calm whatever it is now"),
        pytest.param(
            over_hour("5", is_priced=False), over_5m("1.2"), None, id="unpriced may be more"
        ),
        pytest.param(
            over_hour("5", is_priced=False), over_5m("0"), False, id="unpriced, but over"
        ),
        pytest.param(
            over_hour("20", is_priced=False), over_5m("2", is_priced=False), True,
            id="unpriced, and the rest is enough",
        ),
    ],
)  # fmt: skip
def test_a_rule_fires_when_both_windows_hold(
    long: Spent, short: Spent, *, fires: bool | None
) -> None:
    found = of_720(long, short)

    assert found.fires is fires
    assert found.is_priced == (long.is_priced and short.is_priced)


@pytest.mark.parametrize(
    ("floor", "fires"),
    [
        pytest.param(20, True, id="as much as the floor"),
        pytest.param(21, False, id="too little to matter"),
    ],
)
def test_a_floor_in_dollars_has_to_be_passed(floor: int, *, fires: bool) -> None:
    found = of_720(over_hour("20"), over_5m("2"), floor)

    assert found.fires is fires
    assert (found.multiple, found.multiple_short) == (Decimal(20), Decimal(24))


def test_the_default_rules_are_2_5_and_20_percent_of_a_month() -> None:
    shares = [rule.multiple * (rule.over // HOUR) / 720 for rule in BURN_RULES]

    assert shares == [Decimal("0.02"), Decimal("0.05"), Decimal("0.2")]
    assert [rule.also_over * 12 for rule in BURN_RULES] == [HOUR, 6 * HOUR, 72 * HOUR]


cents = st.decimals(min_value=0, max_value=1000, places=2)


@settings(max_examples=40)
@given(long=cents, short=cents, times=st.integers(1, 1000))
def test_a_rule_does_not_depend_on_the_unit(long: Decimal, short: Decimal, times: int) -> None:
    one, other = (
        burning(
            FAST,
            (over_hour(str(long * factor)), over_5m(str(short * factor))),
            limit=Decimal(720 * factor),
            window=MONTH,
            floor=Decimal(10 * factor),
        ).fires
        for factor in (1, times)
    )

    assert one is other


@settings(max_examples=40)
@given(long=cents, short=cents, more=cents)
def test_more_spend_never_calms_a_rule(long: Decimal, short: Decimal, more: Decimal) -> None:
    if of_720(over_hour(str(long)), over_5m(str(short))).fires:
        assert of_720(over_hour(str(long + more)), over_5m(str(short + more))).fires
