"""The bill against the metering: which day is settled, and what becomes of each of its rows."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewarden.metering.billed import Answer, Billed, Day, Key, Metered, Standing, stand
from firewarden.metering.implied import PriceCheck, calibrate, own_price
from firewarden.metering.totals import Totals
from firewarden.metering.trueup import Row, judge
from firewarden.model.price import MICRO, MS_PER_HOUR
from firewarden.model.trueup import Adjustment, BilledMoney, DayState, Money, RowState

HOUR = timedelta(hours=1)
SINCE = datetime(2026, 11, 3, tzinfo=UTC)
UNTIL = SINCE + 24 * HOUR
H100 = "NVIDIA_H100_80GB"
CHAT: Key = ("chat", H100)
DAY_MS = 86_400_000
PRICE = 8 * MICRO


def answered(first: float, last: float, revision: int = 1) -> Standing:
    """The same answer, so many hours after the day's end, first and last."""
    return Standing(revision=revision, first_at=UNTIL + first * HOUR, last_at=UNTIL + last * HOUR)


TWICE = answered(24, 49)


def totals(gpu: float, low: float | None = None, high: float | None = None) -> Totals:
    """So many GPU-seconds, priced."""
    ms = [round(1000 * each) for each in (gpu, gpu if low is None else low, high or gpu)]
    return Totals(
        gpu_ms=ms[0],
        low_ms=ms[1],
        high_ms=ms[2],
        cost_units=ms[0] * PRICE,
        low_units=ms[1] * PRICE,
        high_units=ms[2] * PRICE,
    )


def a_day(bill: float | None = 86_400, ours: Totals | None = None, **changes: Any) -> Day:
    """A day of one GPU, watched as a whole, settled."""
    own = totals(86_400) if ours is None else ours
    values: dict[str, Any] = {
        "since": SINCE,
        "until": UNTIL,
        "answer": TWICE,
        "billed": {} if bill is None else {CHAT: Billed(seconds=int(bill))},
        "metered": {CHAT: Metered(totals=own)} if own.high_ms else {},
        "watched_since": SINCE - 9 * HOUR,
        "confirmed_at": UNTIL + HOUR,
        "known": frozenset({"chat"}),
    }
    return Day(**(values | changes))


def the_row(day: Day) -> Row:
    (row,) = judge(day).rows
    return row


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        pytest.param(None, DayState.OPEN, id="nobody answered"),
        pytest.param(answered(3, 30), DayState.OPEN, id="equal for a day, not yet two days old"),
        pytest.param(answered(3, 47.99), DayState.OPEN, id="a little less than two days old"),
        pytest.param(answered(24, 48), DayState.SETTLED, id="both reached exactly"),
        pytest.param(answered(30, 53), DayState.OPEN, id="old enough, equal for 23 hours"),
        pytest.param(answered(30, 54), DayState.SETTLED, id="old enough, equal for 24"),
        pytest.param(answered(-20, 48), DayState.SETTLED, id="said before it ended, and still"),
        pytest.param(answered(900, 900), DayState.OPEN, id="one answer, however late"),
    ],
)
def test_a_day_is_settled_by_two_equal_answers(answer: Standing | None, state: DayState) -> None:
    assert judge(a_day(answer=answer)).state is state


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        pytest.param({"answer": TWICE}, DayState.OPEN, id="a bill without a row is late"),
        pytest.param({"answer": answered(0, 167)}, DayState.OPEN, id="up to seven days"),
        pytest.param({"answer": answered(0, 168)}, DayState.DISPUTED, id="and then it is one"),
        pytest.param({"metered": {}}, DayState.SETTLED, id="nothing was held: nothing is late"),
    ],
)
def test_a_bill_that_names_nothing_is_late_before_it_is_an_answer(
    changes: Mapping[str, Any], state: DayState
) -> None:
    assert judge(a_day(bill=None, **changes)).state is state


@pytest.mark.parametrize(
    ("confirmed_at", "state"),
    [
        pytest.param(UNTIL, DayState.SETTLED, id="to its end"),
        pytest.param(UNTIL - HOUR, DayState.OPEN, id="not to its end"),
        pytest.param(None, DayState.OPEN, id="not at all"),
    ],
)
def test_a_day_that_is_not_metered_to_its_end_is_compared_with_nothing(
    confirmed_at: datetime | None, state: DayState
) -> None:
    assert judge(a_day(confirmed_at=confirmed_at)).state is state


PREEMPTIBLE = {CHAT: Metered(totals=totals(86_400), preemptible=True)}
HALF_A_DAY = {CHAT: Metered(totals=totals(86_400), gap_ms=DAY_MS // 2)}
A_MOMENT = {CHAT: Metered(totals=totals(86_400), gap_ms=180_000)}


@pytest.mark.parametrize(
    ("day", "state", "cause", "told"),
    [
        pytest.param(a_day(86_400), "equal", "", False, id="equal"),
        pytest.param(a_day(86_399, totals(86_399.4)), "equal", "", False, id="equal but rounding"),
        pytest.param(
            a_day(86_300, totals(86_400, 86_200, 86_600)), "adjusted", "rule", False,
            id="within the hard bound",
        ),
        pytest.param(
            a_day(50_000, totals(70_000, 50_000, 90_000)), "adjusted", "rule", False,
            id="at the hard bound, however far",
        ),
        pytest.param(
            a_day(1_100, totals(1_000)), "adjusted", "rule", False, id="10 %, and less than 120"
        ),
        pytest.param(a_day(1_101, totals(1_000)), "disputed", "rule", True, id="more than 10 %"),
        pytest.param(
            a_day(900, totals(1_000)), "adjusted", "rule", False, id="10 % less, less than 120"
        ),
        pytest.param(
            a_day(87_264), "adjusted", "rule", False, id="1 % is not told"
        ),
        pytest.param(a_day(87_265), "adjusted", "rule", True, id="more than 1 % is told"),
        pytest.param(
            a_day(95_040), "adjusted", "rule", True, id="exactly 10 % is adjusted"
        ),
        pytest.param(a_day(95_041), "disputed", "rule", True, id="beyond it, it is disputed"),
        pytest.param(a_day(1), "disputed", "reservation", True, id="left out of the bill"),
        pytest.param(a_day(43_200), "disputed", "reservation", True, id="half of it left out"),
        pytest.param(
            a_day(43_200, metered=PREEMPTIBLE), "disputed", "rule", True,
            id="a preemptible one that is billed otherwise",
        ),
        pytest.param(
            a_day(120_000, metered=HALF_A_DAY), "disputed", "gap", True, id="after a gap"
        ),
        pytest.param(
            a_day(40_000, metered=A_MOMENT), "disputed", "reservation", True,
            id="a gap too short to have done it",
        ),
        pytest.param(
            a_day(30_000, totals(43_200, 0, 86_400), has_gap=True), "adjusted", "rule",
            False, id="a gap's bounds hold it",
        ),
        pytest.param(
            a_day(600, totals(0)), "disputed", "rule", True, id="we saw it at zero all day"
        ),
        pytest.param(
            a_day(600, totals(0), known=frozenset()), "unattributed", "rule", True,
            id="nobody has met it",
        ),
        pytest.param(
            a_day(600, totals(0), known=frozenset(), has_gap=True), "unattributed", "gap", True,
            id="nobody has met it while nobody watched",
        ),
    ],
)  # fmt: skip
def test_a_row_is_equal_adjusted_disputed_or_unattributed(
    day: Day, state: str, cause: str, *, told: bool
) -> None:
    row = the_row(day)

    assert (row.state, row.cause, row.is_told) == (state, cause, told)
    takes_the_bill = row.state not in {RowState.DISPUTED, RowState.RESERVED}
    adjusted = row.metered.gpu_ms + row.adjustment.gpu_ms
    assert adjusted == (row.billed_ms if takes_the_bill else row.metered.gpu_ms)


def test_a_reservation_shows_by_whole_gpus_that_are_left_out() -> None:
    """One of twenty: less than 10 %, so it is adjusted, and told with its likely cause."""
    row = the_row(a_day(19 * 86_400, totals(20 * 86_400)))

    assert (row.state, row.cause, row.is_told) == ("adjusted", "reservation", True)


@pytest.mark.parametrize(
    ("gpus", "state"),
    [
        pytest.param(1, RowState.RESERVED, id="large enough"),
        pytest.param(0, RowState.DISPUTED, id="none"),
    ],
)
def test_what_a_declared_reservation_explains_is_neither_disputed_nor_erased(
    gpus: int, state: RowState
) -> None:
    row = the_row(a_day(86_400, totals(2 * 86_400), reserved={H100: gpus}))

    assert row.state is state
    assert row.adjustment == Adjustment()


def test_a_reservation_below_ten_percent_is_not_erased_either_once_it_is_declared() -> None:
    row = the_row(a_day(19 * 86_400, totals(20 * 86_400), reserved={H100: 1}))

    assert (row.state, row.adjustment) == (RowState.RESERVED, Adjustment())
    assert judge(a_day(19 * 86_400, totals(20 * 86_400), reserved={H100: 1})).state is (
        DayState.SETTLED
    )


def test_a_reservation_that_is_too_small_explains_nothing() -> None:
    assert the_row(a_day(1, totals(2 * 86_400), reserved={H100: 1})).state is RowState.DISPUTED


@pytest.mark.parametrize(
    ("billed", "state", "cause"),
    [
        pytest.param(86_400, "adjusted", "unwatched", id="the morning nobody watched"),
        pytest.param(43_200, "equal", "", id="nothing was there in the morning"),
        pytest.param(20_000, "disputed", "reservation", id="less than what was watched"),
    ],
)
def test_the_day_of_the_first_poll_takes_its_unwatched_part_from_the_bill(
    billed: float, state: str, cause: str
) -> None:
    row = the_row(a_day(billed, totals(43_200), watched_since=SINCE + 12 * HOUR))

    assert (row.state, row.cause) == (state, cause)


def test_what_was_gone_before_the_first_poll_is_not_called_unattributed() -> None:
    day = a_day(700, totals(0), known=frozenset(), watched_since=SINCE + 12 * HOUR)

    assert (the_row(day).state, the_row(day).cause) == ("adjusted", "unwatched")


def test_a_day_before_the_first_poll_follows_its_bill_without_a_word() -> None:
    row = the_row(a_day(86_400, totals(83_808), watched_since=UNTIL, confirmed_at=None))

    assert (row.state, row.cause, row.is_told) == ("adjusted", "unwatched", False)
    assert row.adjustment.gpu_ms == 2_592_000


def test_names_are_compared_by_their_last_segment() -> None:
    full = ("accounts/acme/deployments/chat", H100)
    day = a_day(bill=None)
    halves = {full: Billed(seconds=40_000), CHAT: Billed(seconds=46_400)}

    assert judge(replace(day, billed=halves)).state is DayState.SETTLED


def test_another_accelerator_under_a_metered_name_is_disputed_not_counted_twice() -> None:
    day = a_day(bill=None)
    day = replace(day, billed={("chat", "NVIDIA_H200_141GB"): Billed(seconds=86_400)})

    assert {row.state for row in judge(day).rows} == {RowState.DISPUTED}


def test_a_bound_that_has_moved_is_closed_though_the_point_was_right() -> None:
    row = the_row(a_day(86_400, totals(86_400, 86_000, 86_800)))

    assert row.state is RowState.EQUAL
    assert row.adjustment == Adjustment(
        low_ms=400_000,
        high_ms=-400_000,
        money=Money(low_micro_usd=888_888, high_micro_usd=-888_888),
    )


class TestMoney:
    def test_is_at_the_price_of_what_was_metered(self) -> None:
        row = the_row(a_day(90_000))

        assert row.adjustment.money == Money(
            micro_usd=MICRO * 8, low_micro_usd=MICRO * 8, high_micro_usd=MICRO * 8
        )

    def test_is_at_our_list_where_nothing_was_metered(self) -> None:
        billed = {CHAT: Billed(seconds=3_600, list_units=MS_PER_HOUR * PRICE)}
        row = the_row(a_day(ours=totals(0), known=frozenset(), billed=billed))

        assert row.state is RowState.UNATTRIBUTED
        assert row.adjustment.money == Money(
            micro_usd=PRICE, low_micro_usd=PRICE, high_micro_usd=PRICE
        )

    @pytest.mark.parametrize(
        "day",
        [
            pytest.param(
                a_day(600, totals(0), known=frozenset()), id="an unknown one without a price"
            ),
            pytest.param(
                a_day(
                    1_100,
                    replace(totals(1_000), unpriced_ms=1_000_000, unpriced_high_ms=1_000_000),
                ),
                id="one that was metered without a price",
            ),
        ],
    )
    def test_is_unknown_where_no_price_is(self, day: Day) -> None:
        row = the_row(day)

        assert row.adjustment.gpu_ms
        assert row.adjustment.money is None


class TestAcceptance:
    DISPUTED = a_day(43_200)

    def test_takes_the_bill_as_it_is(self) -> None:
        row = the_row(replace(self.DISPUTED, accepted=1))

        assert (row.state, row.accepted, row.is_told) == (RowState.ADJUSTED, True, False)
        assert row.adjustment.gpu_ms == -43_200_000

    def test_is_of_one_answer_and_not_of_the_next(self) -> None:
        revised = replace(self.DISPUTED, accepted=1, answer=answered(60, 90, revision=2))

        assert judge(revised).state is DayState.DISPUTED
        assert the_row(revised).adjustment == Adjustment()

    def test_waits_with_the_next_answer_until_that_is_settled(self) -> None:
        revised = replace(self.DISPUTED, accepted=1, answer=answered(60, 61, revision=2))

        assert judge(revised).state is DayState.OPEN


def said(hours: float, seconds: int) -> Answer:
    return Answer(answered_at=UNTIL + hours * HOUR, seconds={CHAT: seconds})


@pytest.mark.parametrize(
    ("answers", "standing"),
    [
        pytest.param([], None, id="none"),
        pytest.param([said(3, 5)], answered(3, 3), id="one"),
        pytest.param([said(3, 5), said(4, 5), said(9, 5)], answered(3, 9), id="the same again"),
        pytest.param([said(3, 5), said(4, 6)], answered(4, 4, 2), id="another"),
        pytest.param(
            [said(3, 5), said(4, 6), said(9, 5)], answered(9, 9, 3), id="there and back again"
        ),
        pytest.param(
            [said(3, 5), replace(said(4, 5), seconds={CHAT: 5, ("x", H100): 0})],
            answered(3, 4),
            id="a row of 0 is no row",
        ),
    ],
)
def test_the_newest_answer_stands_from_its_first_time_on(
    answers: list[Answer], standing: Standing | None
) -> None:
    assert stand(answers) == standing


seconds = st.integers(0, 20 * 86_400)
keys = st.tuples(st.sampled_from("abcd"), st.sampled_from([H100, "NVIDIA_B200_180GB"]))


@st.composite
def any_totals(draw: st.DrawFn) -> Totals:
    low, gpu, high = sorted(draw(st.lists(st.integers(0, 10**10), min_size=3, max_size=3)))
    price = draw(st.integers(0, 20 * MICRO))
    is_priced = draw(st.booleans())
    return Totals(
        gpu_ms=gpu,
        low_ms=low,
        high_ms=high,
        cost_units=gpu * price * is_priced,
        low_units=low * price * is_priced,
        high_units=high * price * is_priced,
        unpriced_ms=gpu * (not is_priced),
        unpriced_high_ms=high * (not is_priced),
    )


days = st.builds(
    Day,
    since=st.just(SINCE),
    until=st.just(UNTIL),
    answer=st.builds(
        Standing,
        revision=st.integers(1, 3),
        first_at=st.integers(-24, 100).map(lambda hours: UNTIL + hours * HOUR),
        last_at=st.integers(0, 300).map(lambda hours: UNTIL + hours * HOUR),
    ),
    billed=st.dictionaries(
        keys,
        st.builds(Billed, seconds=seconds, list_units=st.none() | st.integers(0, 10**18)),
    ),
    metered=st.dictionaries(
        keys,
        st.builds(
            Metered, totals=any_totals(), gap_ms=st.integers(0, DAY_MS), preemptible=st.booleans()
        ),
    ),
    watched_since=st.sampled_from([None, SINCE - HOUR, SINCE, SINCE + 9 * HOUR, UNTIL]),
    confirmed_at=st.sampled_from([None, UNTIL - HOUR, UNTIL]),
    known=st.frozensets(st.sampled_from("abcd")),
    has_gap=st.booleans(),
    accepted=st.none() | st.integers(1, 3),
    reserved=st.dictionaries(st.just(H100), st.integers(0, 30)),
)


@given(day=days)
def test_rows_sum_to_the_day(day: Day) -> None:
    judged = judge(day)

    if judged.state is DayState.OPEN:
        assert judged.rows == ()
        return
    assert sum(row.billed_ms for row in judged.rows) == 1000 * sum(
        row.seconds for row in day.billed.values()
    )
    assert sum(row.metered.gpu_ms for row in judged.rows) == sum(
        row.totals.gpu_ms for row in day.metered.values()
    )
    for row in judged.rows:
        sides = {row.billed_ms, row.metered.gpu_ms}
        assert row.metered.gpu_ms + row.adjustment.gpu_ms in sides


@given(day=days)
def test_an_adjustment_leaves_the_point_between_its_bounds(day: Day) -> None:
    for row in judge(day).rows:
        change, had = row.adjustment, row.metered
        low, point, high = (
            had.low_ms + change.low_ms,
            had.gpu_ms + change.gpu_ms,
            had.high_ms + change.high_ms,
        )
        assert 0 <= low <= point <= high
        if change.money is not None:
            costs = (
                had.low_units + change.money.low_micro_usd * MS_PER_HOUR,
                had.cost_units + change.money.micro_usd * MS_PER_HOUR,
                had.high_units + change.money.high_micro_usd * MS_PER_HOUR,
            )
            assert costs[0] <= costs[1] <= costs[2]


@given(
    answers=st.lists(
        st.builds(said, st.integers(0, 400).map(float), st.integers(0, 3)),
        unique_by=lambda each: each.answered_at,
    ),
    data=st.data(),
)
def test_the_order_in_which_answers_are_given_never_matters(
    answers: list[Answer], data: st.DataObject
) -> None:
    assert stand(data.draw(st.permutations(answers))) == stand(answers)


@given(
    answers=st.lists(
        st.builds(said, st.integers(0, 400).map(float), st.integers(0, 3)),
        min_size=1,
        unique_by=lambda each: each.answered_at,
    )
)
def test_the_same_answers_again_change_nothing_but_how_long_they_stand(
    answers: list[Answer],
) -> None:
    before = stand(answers)
    newest = max(answers, key=lambda each: each.answered_at)
    again = replace(newest, answered_at=newest.answered_at + HOUR)

    assert before is not None
    assert stand([*answers, again]) == replace(before, last_at=again.answered_at)


@given(day=days)
def test_whoever_judges_again_judges_alike(day: Day) -> None:
    assert judge(day) == judge(replace(day))


@pytest.mark.parametrize(
    ("implied", "own", "is_off"),
    [
        pytest.param(8_000_000, 8_000_000, False, id="the same"),
        pytest.param(8_080_000, 8_000_000, False, id="1 % is rounding"),
        pytest.param(8_080_001, 8_000_000, True, id="more is another price"),
        pytest.param(7_000_000, 8_000_000, True, id="lower"),
        pytest.param(0, 8_000_000, True, id="free: a credit or a contract"),
        pytest.param(2_222, 8_000_000, False, id="by the second: another unit"),
        pytest.param(None, 8_000_000, False, id="too little was billed"),
        pytest.param(8_000_000, None, False, id="ours is unknown"),
    ],
)
def test_a_price_is_off_beyond_one_percent(
    implied: int | None, own: int | None, *, is_off: bool
) -> None:
    check = PriceCheck(accelerator_type=H100, implied_micro_usd=implied, own_micro_usd=own)

    assert check.is_off is is_off


def test_dollars_are_divided_by_the_hours_they_are_for() -> None:
    """The seconds need not agree: what a bill leaves out, it leaves out of both."""
    billed = BilledMoney(accelerator_type=H100, gpu_ms=10 * MS_PER_HOUR, micro_usd=90 * MICRO)
    little = BilledMoney(accelerator_type="NVIDIA_GB300", gpu_ms=60_000, micro_usd=1)

    assert PriceCheck.of(billed, own_micro_usd=own_price(totals(86_400))) == PriceCheck(
        accelerator_type=H100, implied_micro_usd=9 * MICRO, own_micro_usd=PRICE
    )
    assert PriceCheck.of(little, own_micro_usd=None).implied_micro_usd is None


def test_a_calibration_is_billed_over_metered_by_accelerator() -> None:
    rows = [(H100, 1_000, 1_010), (H100, 1_000, 1_000), ("NVIDIA_GB300", 0, 10)]

    assert calibrate(rows) == {"NVIDIA_GB300": None, H100: Decimal("1.0050")}
