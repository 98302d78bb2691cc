from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewarden.policy.durations import LONGEST, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("90s", timedelta(seconds=90), id="seconds"),
        pytest.param("45m", timedelta(minutes=45), id="minutes"),
        pytest.param("12h", timedelta(hours=12), id="hours"),
        pytest.param("14d", timedelta(days=14), id="days"),
        pytest.param("2w", timedelta(weeks=2), id="weeks"),
        pytest.param("007m", timedelta(minutes=7), id="leading zeros are decimal"),
        pytest.param("3650d", LONGEST, id="ten years is the longest"),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text: str, expected: timedelta) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("45", id="no unit"),
        pytest.param("m", id="no number"),
        pytest.param("0m", id="zero has no meaning"),
        pytest.param("-5m", id="negative"),
        pytest.param("1.5h", id="fraction"),
        pytest.param("1h30m", id="two units"),
        pytest.param(" 45m", id="space before"),
        pytest.param("45m\n", id="newline after"),
        pytest.param("45M", id="upper case could mean months"),
        pytest.param("\uff14\uff15m", id="digits of another script"),
        pytest.param("3651d", id="longer than ten years"),
        pytest.param("999999999w", id="would leave the calendar"),
        pytest.param("9" * 400 + "s", id="absurd"),
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|longer"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        pytest.param(timedelta(0), "0s", id="nothing"),
        pytest.param(timedelta(seconds=45), "45s", id="seconds"),
        pytest.param(timedelta(seconds=90), "1m 30s", id="two units"),
        pytest.param(timedelta(hours=2, seconds=5), "2h", id="what is smaller is left out"),
        pytest.param(timedelta(days=3, hours=4), "3d 4h", id="days"),
        pytest.param(timedelta(minutes=-5), "-5m", id="the past"),
        pytest.param(timedelta(microseconds=1), "0s", id="less than a second"),
    ],
)
def test_a_duration_prints_its_two_largest_units(duration: timedelta, expected: str) -> None:
    assert format_duration(duration) == expected


@given(count=st.integers(1, 59), unit=st.sampled_from("smh"))
def test_what_is_printed_in_one_unit_reads_back_the_same(count: int, unit: str) -> None:
    if unit != "h" or count < 24:
        assert format_duration(parse_duration(f"{count}{unit}")) == f"{count}{unit}"
