from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from firewarden.policy.durations import Duration, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        pytest.param("90s", timedelta(seconds=90), id="seconds"),
        pytest.param("45m", timedelta(minutes=45), id="minutes"),
        pytest.param("12h", timedelta(hours=12), id="hours"),
        pytest.param("14d", timedelta(days=14), id="days"),
        pytest.param("2w", timedelta(weeks=2), id="weeks"),
        pytest.param("36525d", timedelta(days=36_525), id="the longest"),
        pytest.param(timedelta(seconds=1), timedelta(seconds=1), id="a duration already"),
    ],
)
def test_a_duration_is_a_whole_number_and_a_unit(text: object, duration: timedelta) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize(
    "text",
    [
        *("", "0s", "00s", "-1s", "1", "s", "1.5h", "1h30m", "1 h", "1H", "01s", " 1s", "1s\n"),
        *("1y", "٣s", "36526d", "999999999w", "9999999999s", 30, 30.0, None, True),
        timedelta(0),
        timedelta(seconds=-1),
    ],
)
def test_everything_else_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="want a"):
        parse_duration(text)


@given(seconds=st.integers(1, 36_525 * 86_400))
def test_what_is_written_is_read_back(seconds: int) -> None:
    duration = timedelta(seconds=seconds)

    assert parse_duration(format_duration(duration)) == duration


def test_a_field_of_this_type_reads_text_and_writes_it_back() -> None:
    field = TypeAdapter[timedelta](Duration)

    assert field.dump_python(field.validate_python("60m")) == "1h"
    with pytest.raises(ValidationError, match="want a whole number"):
        field.validate_python("0s")
