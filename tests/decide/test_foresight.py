"""Days out of the ordinary and the provider's own limit are told with what to do, once."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from firewarden.decide.foresight import (
    MonthlyLimit,
    Mover,
    anomaly,
    is_worth_telling,
    passed,
    pause,
)
from firewarden.metering.anomaly import Compared, Usual
from firewarden.metering.cliff import Cliff
from firewarden.model.ids import AccountId
from firewarden.model.notice import Notice
from firewarden.model.vocabulary import Severity

ACME = AccountId("acme")
NOW = datetime.fromisoformat("2026-11-24T15:20:00+00:00")
BERLIN = ZoneInfo("Europe/Berlin")
HOUR = timedelta(hours=1)
ODD = Compared(
    since=datetime.fromisoformat("2026-11-23T23:00:00+00:00"),
    until=datetime.fromisoformat("2026-11-24T15:00:00+00:00"),
    usd=Decimal(412),
    usual=Usual(weeks=8, median_usd=Decimal("96.2"), mad_usd=Decimal(5)),
    unwatched_hours=0,
    is_priced=True,
)
LIMIT = MonthlyLimit(limit=Decimal(50_000), spent=Decimal(41_000), month="2026-11")


def told(odd: Compared = ODD, scope: str = "research") -> Notice:
    movers = [Mover(name="exp-7", usd=Decimal("300.5"))]
    return anomaly(ACME, scope, odd, movers, zone=BERLIN, at=NOW)


def test_an_odd_day_says_how_much_against_what_where_and_how_to_see_more() -> None:
    notice = told()

    assert notice.text == (
        "research: 412.00 USD from 24 Nov 00:00 to 16:00 CET, 4.3 times the usual 96.20 of the "
        "same hours (median of 8 weeks; told above 125.06); most of it: exp-7 300.50 USD; see "
        "`firewarden report --from 2026-11-23T23:00Z --to 2026-11-24T15:00Z`"
    )
    assert (notice.kind, notice.severity, notice.once) == ("cost.anomaly", Severity.WARN, True)
    assert notice.facts["team"] == "research"


def test_an_odd_day_has_one_key_whichever_hours_show_it_and_the_next_has_another() -> None:
    newest_six = replace(ODD, since=ODD.until - 6 * HOUR, usd=Decimal(399))
    next_day = replace(ODD, since=ODD.since + 24 * HOUR, until=ODD.until + 24 * HOUR)

    assert told(newest_six).key == told().key
    assert told(next_day).key != told().key
    assert told(scope="").key != told().key


def test_the_last_hour_of_a_local_day_is_of_that_day() -> None:
    ended = replace(ODD, until=datetime.fromisoformat("2026-11-24T23:00:00+00:00"))

    assert told(ended).facts["day"] == "2026-11-24"


def test_what_usually_costs_nothing_is_told_without_a_multiple() -> None:
    free = replace(ODD, usual=Usual(weeks=5, median_usd=Decimal(0), mad_usd=Decimal(0)))

    assert "against the usual 0.00 of the same hours (median of 5 weeks" in told(free).text


@pytest.mark.parametrize(
    ("usd", "is_told"),
    [
        pytest.param("412", True, id="far above"),
        pytest.param("146.2", True, id="50 USD above the usual"),
        pytest.param("146.19", False, id="odd, and not worth a message"),
        pytest.param("96", False, id="ordinary"),
    ],
)
def test_what_is_odd_by_less_than_50_dollars_is_left_in_peace(usd: str, *, is_told: bool) -> None:
    assert is_worth_telling(replace(ODD, usd=Decimal(usd))) is is_told


def test_what_nobody_can_compare_is_no_news() -> None:
    assert not is_worth_telling(replace(ODD, usual=None))


def paused(cliff: Cliff, *firing: Notice) -> list[Notice]:
    return list(pause(ACME, cliff, LIMIT, {each.key: each for each in firing}, at=NOW))


def cliff(ahead: timedelta | None, *, priced: bool = True) -> Cliff:
    at = None if ahead is None else NOW + ahead
    return Cliff(
        at=at,
        earliest=None if at is None else at - 5 * HOUR,
        latest=None,
        is_priced=priced,
    )


@pytest.mark.parametrize(
    ("ahead", "severity"),
    [
        pytest.param(73 * HOUR, Severity.WARN, id="in more than three days"),
        pytest.param(72 * HOUR, Severity.PAGE, id="in three days"),
        pytest.param(0 * HOUR, Severity.PAGE, id="now"),
    ],
)
def test_a_pause_of_everything_is_a_page_from_72_hours_on(
    ahead: timedelta, severity: Severity
) -> None:
    (notice,) = paused(cliff(ahead))

    assert (notice.kind, notice.severity) == ("provider.pause_forecast", severity)


def test_a_pause_says_when_how_sure_and_what_to_do() -> None:
    (notice,) = paused(cliff(70 * HOUR, priced=False))

    assert notice.text == (
        "acme: at this pace Fireworks pauses every request on 27 Nov ~13:20 UTC (27 Nov 08:20 .. "
        "after the month): 41,000.00 of 50,000.00 USD of the monthly limit are used; some usage "
        "has no known price: it may be sooner; raise the limit (quota monthly-spend-usd), or stop "
        "something: `firewarden plan`"
    )


def test_a_pause_that_is_not_expected_any_more_is_over_and_nothing_else_is_said() -> None:
    (before,) = paused(cliff(70 * HOUR))

    (over,) = paused(cliff(None), before)

    assert over.resolved
    assert over.key == before.key
    assert over.severity is Severity.PAGE, "whoever was paged hears that it is over"
    assert paused(cliff(None)) == []


def test_with_its_month_a_pause_is_over() -> None:
    (before,) = paused(cliff(70 * HOUR))
    firing = {before.key: before}

    assert list(passed(firing, month="2026-11", at=NOW)) == []
    (over,) = passed(firing, month="2026-12", at=NOW)
    assert over.resolved
