"""Who hears of a budget: once for a threshold and a window, whatever happens meanwhile."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewarden.decide.budget import LEAST_BURN, Outlook, Standing
from firewarden.decide.budgets import watch
from firewarden.metering.forecast import Forecast
from firewarden.metering.periods import Period
from firewarden.metering.spending import Spent
from firewarden.model.notice import Notice
from firewarden.model.vocabulary import Severity
from firewarden.policy.loading import load
from firewarden.policy.money import Budget
from tests.support.deciding import ACCOUNT

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOVEMBER = Period(
    label="2026-11",
    since=datetime(2026, 11, 1, tzinfo=UTC),
    until=datetime(2026, 12, 1, tzinfo=UTC),
)
DECEMBER = Period(label="2026-12", since=NOVEMBER.until, until=datetime(2027, 1, 1, tzinfo=UTC))
NOW = datetime(2026, 11, 20, tzinfo=UTC)
THREE = "[{at: 50%, do: info}, {at: 80%, do: warn}, {at: 100%, do: page}]"
BURN = "[{burn: 14.4, over: 1h, and: 5m, do: page}]"


def a_budget(thresholds: str = THREE, *, limit: str = "{usd: 1000, per: month}") -> Budget:
    text = f"""\
version: 1
notify: {{costs: {{slack: costs}}}}
budgets:
  month:
    scope: {{each: team}}
    limit: {limit}
    thresholds: {thresholds}
    notify: [costs]
"""
    return load({"p.yaml": text}).budgets[0]


def standing(spent: float, budget: Budget | None = None, **changes: Any) -> Standing:
    plain = Standing(
        budget=budget or a_budget(),
        value="research",
        window=NOVEMBER,
        now=NOW,
        limit=Decimal(1000),
        spent=Decimal(str(spent)),
        low=Decimal(str(spent)) - 1,
        high=Decimal(str(spent)) + 1,
        unpriced=Decimal(0),
        burn=Decimal(2),
    )
    return replace(plain, **changes)


def hear(*standings: Standing, firing: tuple[Notice, ...] = ()) -> tuple[Notice, ...]:
    now = standings[0].now if standings else NOW
    return watch(ACCOUNT, standings, {each.key: each for each in firing}, now=now)


def thresholds(notices: tuple[Notice, ...]) -> list[str]:
    return [each.facts["threshold"] for each in notices if not each.resolved]


@pytest.mark.parametrize(
    ("spent", "told"),
    [
        pytest.param(499.99, [], id="below the first"),
        pytest.param(500, ["50%"], id="at the first"),
        pytest.param(800, ["80%"], id="two at once: the higher one"),
        pytest.param(5000, ["100%"], id="all at once: the highest"),
    ],
)
def test_what_is_crossed_speaks(spent: float, told: list[str]) -> None:
    assert thresholds(hear(standing(spent))) == told


def test_each_speaks_once_on_the_way_up_and_none_below_it_afterwards() -> None:
    firing: tuple[Notice, ...] = ()
    told = []
    for spent in range(0, 1500, 7):
        news = hear(standing(spent), firing=firing)
        told += thresholds(news)
        firing += tuple(each for each in news if not each.resolved)

    assert told == ["50%", "80%", "100%"]


@given(st.lists(st.integers(0, 1500), max_size=30))
def test_whatever_is_spent_no_alert_that_fires_is_told_again(path: list[int]) -> None:
    firing: dict[str, Notice] = {}
    for spent in path:
        for each in watch(ACCOUNT, [standing(spent)], firing, now=NOW):
            assert each.resolved is (each.key in firing)
            if each.resolved:
                del firing[each.key]
            else:
                firing[each.key] = each


@pytest.mark.parametrize(
    ("after", "over"),
    [
        pytest.param(standing(785), False, id="a little less"),
        pytest.param(standing(779), True, id="corrected by more"),
        pytest.param(standing(800, limit=Decimal(2000)), True, id="the limit is raised"),
        pytest.param(standing(900, window=DECEMBER), True, id="the window is over"),
        pytest.param(standing(800, a_budget("[{at: 60%, do: info}]")), True, id="edited"),
    ],
)
def test_what_was_told_is_over(after: Standing, *, over: bool) -> None:
    firing = hear(standing(800))
    news = hear(after, firing=firing)

    assert [each.key for each in news if each.resolved] == ([firing[0].key] if over else [])


def test_a_new_window_speaks_anew() -> None:
    firing = hear(standing(800))

    told = hear(standing(810, window=DECEMBER), firing=firing)

    assert thresholds(told) == ["80%"]
    assert [each.text.partition(":")[0] for each in told if each.resolved] == [
        "over, because the window is over"
    ]


def test_a_budget_that_is_gone_is_over() -> None:
    (over,) = hear(firing=hear(standing(800)))

    assert over.text.startswith("over, because the budget is gone")


def test_teams_speak_for_themselves() -> None:
    told = hear(standing(800), standing(500, value="search"))

    assert [(each.facts["team"], each.facts["threshold"]) for each in told] == [
        ("research", "80%"),
        ("search", "50%"),
    ]


def test_it_says_how_much_of_what_until_when_and_how_sure() -> None:
    (told,) = hear(standing(800, unpriced=Decimal(12)))

    assert told.text == (
        "research: 80% of 1,000.00 USD used with 11d left of 2026-11; "
        "800.00 USD (799.00 .. 801.00), 2.00 USD/h now; "
        "at this burn the limit is reached on 24 Nov 04:00 UTC; "
        "12.0 GPU-h have no known price and are not in it [month]"
    )
    assert (told.severity, told.routes, told.kind) == (
        Severity.WARN,
        ("costs",),
        "budget.threshold",
    )
    assert told.facts["if_nothing_changes"] == "1328.00"


@pytest.mark.parametrize(
    ("burn", "spent", "expected"),
    [
        pytest.param(1, 0, None, id="not within the window"),
        pytest.param(2, 999, NOW + HOUR / 2, id="in half an hour"),
        pytest.param(2, 1000, None, id="it is reached already"),
        pytest.param(0, 999, None, id="nothing runs"),
    ],
)
def test_when_it_runs_out(burn: int, spent: int, expected: datetime | None) -> None:
    assert standing(spent, burn=Decimal(burn)).runs_out_at == expected


def spent_in(stretch: timedelta, usd: float, *, watched: float = 1.0) -> Spent:
    return Spent(usd=Decimal(str(usd)), lasted=stretch, watched_for=stretch * watched)


def burning(hour: float, minutes: float) -> Standing:
    """720 hours, 720 USD: the even pace is 1 USD an hour."""
    five = timedelta(minutes=5)
    lately = {HOUR: spent_in(HOUR, hour), five: spent_in(five, minutes)}
    return standing(20, a_budget(BURN), limit=Decimal(720), lately=lately)


@pytest.mark.parametrize(
    ("hour", "minutes", "fires"),
    [
        pytest.param(14.4, 1.2, True, id="both windows"),
        pytest.param(14.4, 1.19, False, id="not the short one: it is over"),
        pytest.param(14.39, 1.2, False, id="not the long one: it has just begun"),
    ],
)
def test_a_burn_fires_only_where_both_windows_say_so(
    hour: float, minutes: float, *, fires: bool
) -> None:
    told = hear(burning(hour, minutes))

    assert [each.kind for each in told] == (["budget.burn"] if fires else [])


def test_a_burn_of_cents_is_no_news() -> None:
    small = replace(burning(14.4, 1.2), limit=Decimal(72))
    lately = {span: spent_in(span, float(each.usd) / 10) for span, each in small.lately.items()}

    assert lately[HOUR].usd < LEAST_BURN
    assert hear(replace(small, lately=lately)) == ()


def test_a_burn_says_how_fast_it_is() -> None:
    (told,) = hear(burning(30, 3))

    assert told.text == (
        "research: 30.00 USD in the last 1h: 30.0 times the even pace of 720.00 USD in 2026-11 "
        "[month]"
    )


def test_a_burn_that_ends_is_over() -> None:
    (over,) = hear(burning(13, 1), firing=hear(burning(30, 3)))

    assert over.resolved


def test_a_burn_that_nobody_watched_is_neither_told_nor_over() -> None:
    blind = {span: spent_in(span, 0, watched=0) for span in burning(30, 3).lately}
    unknown = replace(burning(0, 0), lately=blind)

    assert hear(unknown) == ()
    assert hear(unknown, firing=hear(burning(30, 3))) == ()


FORESEEN = "[{at: 100%, basis: forecast, probability: 90%, sustained: 3h, do: warn}]"


def expecting(*probabilities: float | None) -> Standing:
    """600 of 1,000 USD are spent, 1,150 are expected; as it was known hour by hour back."""
    forecast = Forecast(
        spent_usd=Decimal(600),
        usd=Decimal(1150),
        sigma_usd=Decimal(100),
        days=28,
        unwatched_hours=0,
        is_priced=True,
    )
    outlook = Outlook(
        forecast=forecast if probabilities else None,
        probabilities={Decimal(1): probabilities} if probabilities else {},
    )
    return standing(600, a_budget(FORESEEN), outlook=outlook)


@pytest.mark.parametrize(
    ("probabilities", "fires"),
    [
        pytest.param((0.9, 0.9, 0.9, 0.9), True, id="for as long as it has to be"),
        pytest.param((0.99, 0.99, 0.99), False, id="not known for so long"),
        pytest.param((0.99, 0.99, 0.99, 0.89), False, id="not so sure at its beginning"),
        pytest.param((0.89, 0.99, 0.99, 0.99), False, id="not so sure any more"),
        pytest.param((0.99, 0.99, None, None), False, id="the window has just begun"),
        pytest.param((), False, id="there is no history"),
    ],
)
def test_a_forecast_speaks_once_it_has_held_for_long_enough(
    probabilities: tuple[float | None, ...], *, fires: bool
) -> None:
    told = hear(expecting(*probabilities))

    assert [each.kind for each in told] == (["budget.forecast"] if fires else [])


def test_a_forecast_says_how_much_is_expected_and_how_sure_it_is() -> None:
    (told,) = hear(expecting(0.93, 0.95, 0.95, 0.95))

    assert told.text == (
        "research: 1,150.00 USD (954.00 .. 1,346.00) are expected by the end of 2026-11, of "
        "1,000.00; more than 100% of it with a probability of 93%, for 3h; 600.00 USD are spent "
        "[month]"
    )


@pytest.mark.parametrize(
    ("after", "over"),
    [
        pytest.param(expecting(0.885, 0.9, 0.9, 0.9), False, id="a little less sure"),
        pytest.param(expecting(0.5, 0.9, 0.9, 0.9), True, id="no longer expected"),
        pytest.param(expecting(), False, id="nothing is known"),
    ],
)
def test_a_forecast_that_was_told_is_over(after: Standing, *, over: bool) -> None:
    firing = hear(expecting(0.93, 0.95, 0.95, 0.95))

    assert [each.resolved for each in hear(after, firing=firing)] == ([True] if over else [])


def test_a_forecast_and_what_is_used_speak_for_themselves() -> None:
    both = f"[{{at: 50%, do: info}}, {FORESEEN[1:-1]}]"
    known = replace(expecting(0.95, 0.95, 0.95, 0.95), budget=a_budget(both))

    assert sorted(each.kind for each in hear(known)) == ["budget.forecast", "budget.threshold"]
