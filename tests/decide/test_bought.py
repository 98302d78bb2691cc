"""What was bought ahead is told before it ends, where it lies idle, and where it is missed."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from firewarden.decide.bought import Reserved, endings, undershoot, unused
from firewarden.metering.forecast import Forecast
from firewarden.model.commitment import Commitment
from firewarden.model.ids import AccountId
from firewarden.model.notice import Notice
from firewarden.model.price import MICRO, MS_PER_HOUR
from firewarden.model.vocabulary import CommitmentKind, Severity

ACME = AccountId("acme")
NOW = datetime.fromisoformat("2026-11-24T15:00:00+00:00")
UTC = ZoneInfo("UTC")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
H100 = "NVIDIA_H100_80GB"
RESERVED = Commitment(
    kind=CommitmentKind.CAPACITY, since=None, until=NOW + 20 * DAY, accelerator_type=H100,
    placement="us", gpus=64,
)  # fmt: skip
MINIMUM = Commitment(
    kind=CommitmentKind.SPEND, since=NOW - 30 * DAY, until=NOW + 60 * DAY, usd=Decimal(500_000)
)
WEEK = Reserved(
    accelerator_type=H100, since=NOW - 7 * DAY, until=NOW, reserved_ms=64 * 168 * MS_PER_HOUR,
    used_ms=52 * 168 * MS_PER_HOUR, micro_usd_per_gpu_hour=5_100_000,
)  # fmt: skip


def ending(*commitments: Commitment, at: datetime = NOW) -> list[Notice]:
    return list(endings(ACME, commitments, zone=UTC, at=at))


@pytest.mark.parametrize(
    ("left", "stage"),
    [
        pytest.param(30 * DAY + HOUR, None, id="not yet"),
        pytest.param(30 * DAY, "30d", id="a month ahead"),
        pytest.param(7 * DAY + HOUR, "30d", id="still the same word"),
        pytest.param(7 * DAY, "7d", id="a week ahead"),
        pytest.param(HOUR, "7d", id="on the last day"),
        pytest.param(0 * DAY, None, id="over"),
    ],
)
def test_an_end_is_told_a_month_and_a_week_ahead_each_once(
    left: timedelta, stage: str | None
) -> None:
    told = ending(replace(RESERVED, until=NOW + left))

    assert [each.key.rpartition(":")[2] for each in told] == ([stage] if stage else [])
    assert all(each.once and each.severity is Severity.WARN for each in told)


def test_what_has_not_begun_does_not_end() -> None:
    assert ending(replace(RESERVED, since=NOW + DAY)) == []


@pytest.mark.parametrize(
    ("commitment", "words"),
    [
        pytest.param(
            RESERVED,
            "acme: the reservation of 64 NVIDIA_H100_80GB in us ends on 14 Dec 2026, in 20 days: "
            "what it covers is paid for on demand from then on; renew it, or take it out of "
            "`commitments`",
            id="capacity",
        ),
        pytest.param(
            replace(MINIMUM, until=NOW + DAY),
            "acme: the minimum spend of 500,000.00 USD ends on 25 Nov 2026, in 1 day: what is not "
            "spent by then is paid all the same; renew it, or take it out of `commitments`",
            id="spend",
        ),
        pytest.param(
            Commitment(
                kind=CommitmentKind.CREDIT, since=None, until=NOW + DAY, usd=Decimal(20_000)
            ),
            "acme: the credit of 20,000.00 USD ends on 25 Nov 2026, in 1 day: what is left of it "
            "is lost then; renew it, or take it out of `commitments`",
            id="credit",
        ),
    ],
)
def test_each_kind_says_what_its_end_means(commitment: Commitment, words: str) -> None:
    (notice,) = ending(commitment)

    assert notice.text == words


def idle(share: float, *firing: Notice) -> list[Notice]:
    row = replace(WEEK, used_ms=round(WEEK.reserved_ms * (1 - share)))
    return list(unused(ACME, [row], {each.key: each for each in firing}, at=NOW))


def test_what_lies_idle_of_a_reservation_is_told_with_what_it_costs() -> None:
    (notice,) = unused(ACME, [WEEK], {}, at=NOW)

    assert notice.text == (
        "acme: at least 12.0 of 64.0 reserved NVIDIA_H100_80GB were not used in the last 7 days "
        "(19%, 2,016.0 GPU-h, 10,281.60 USD paid for nothing): using them costs nothing more;"
        " see `firewarden report --group-by accelerator,day`"
    )
    assert notice.kind == "commitment.unused"


def test_a_price_that_nobody_said_is_no_amount() -> None:
    (notice,) = unused(ACME, [replace(WEEK, micro_usd_per_gpu_hour=None)], {}, at=NOW)

    assert "USD" not in notice.text


@pytest.mark.parametrize(
    ("share", "is_told", "is_over"),
    [
        pytest.param(0.11, True, False, id="more than a tenth"),
        pytest.param(0.09, False, False, id="less: neither told nor over"),
        pytest.param(0.04, False, True, id="almost all of it is used"),
        pytest.param(-0.5, False, True, id="more is used than is reserved"),
    ],
)
def test_it_is_told_from_a_tenth_on_and_over_below_a_twentieth(
    share: float, *, is_told: bool, is_over: bool
) -> None:
    (before,) = idle(0.2)

    assert [each.resolved for each in idle(share)] == ([False] if is_told else [])
    again = idle(share, before)
    assert [each.resolved for each in again] == ([is_over] if is_told or is_over else [])
    assert {each.key for each in again} <= {before.key}


def test_with_its_reservation_the_alert_is_over() -> None:
    (before,) = idle(0.2)

    (over,) = unused(ACME, [], {before.key: before}, at=NOW)

    assert over.resolved
    assert "nothing of it is reserved any more" in over.text


def forecast(usd: int, sigma: int = 10_000) -> Forecast:
    return Forecast(
        spent_usd=Decimal(100_000), usd=Decimal(usd), sigma_usd=Decimal(sigma), days=28,
        unwatched_hours=0, is_priced=True,
    )  # fmt: skip


def missed(expected: Forecast, *firing: Notice) -> list[Notice]:
    return list(undershoot(ACME, MINIMUM, expected, {each.key: each for each in firing}, at=NOW))


def test_a_minimum_that_most_likely_is_missed_says_that_stops_save_nothing() -> None:
    (notice,) = missed(forecast(300_000))

    assert notice.text == (
        "acme: of the minimum spend of 500,000.00 USD, 100,000.00 USD are spent and at most "
        "319,600.00 expected by 23 Jan 2027: until it is passed nothing that is stopped saves "
        "cash, and 180,400.00 USD or more are paid for nothing"
    )


@pytest.mark.parametrize(
    ("usd", "is_over"),
    [
        pytest.param(470_000, False, id="it may be reached: neither told nor over"),
        pytest.param(500_000, True, id="it is expected to be reached"),
    ],
)
def test_a_minimum_that_may_be_reached_is_no_news(usd: int, *, is_over: bool) -> None:
    (before,) = missed(forecast(300_000))

    assert missed(forecast(usd)) == []
    assert [each.resolved for each in missed(forecast(usd), before)] == [True] * is_over


def test_prices_are_of_micro_dollars() -> None:
    assert WEEK.micro_usd_per_gpu_hour == 5.1 * MICRO
    assert WEEK.unused_ms == 12 * 168 * MS_PER_HOUR
