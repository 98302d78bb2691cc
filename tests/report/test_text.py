"""Numbers, instants and names as they are printed."""

import unicodedata
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewarden.report.text import (
    accelerator,
    brief,
    clean,
    clock_time,
    duration,
    instant,
    instant_json,
    ms_json,
    seconds_json,
    share,
    usd,
    usd_json,
)

NOW = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)


@given(st.text())
def test_cleaned_text_can_neither_move_the_cursor_nor_reorder_letters(text: str) -> None:
    assert not {unicodedata.category(each) for each in clean(text)} & {"Cc", "Cf", "Zl", "Zp"}


def test_a_long_name_is_cut() -> None:
    assert len(brief("x" * 5000)) == 200
    assert brief("x" * 200) == "x" * 200


@pytest.mark.parametrize(
    ("span", "shown"),
    [
        pytest.param(None, "–", id="unknown"),
        pytest.param(timedelta(0), "0s", id="none"),
        pytest.param(timedelta(seconds=59.9), "59s", id="just under a minute"),
        pytest.param(timedelta(minutes=52, seconds=59), "52m", id="minutes"),
        pytest.param(timedelta(hours=3), "3h", id="whole hours"),
        pytest.param(timedelta(hours=3, minutes=10), "3h 10m", id="hours and minutes"),
        pytest.param(timedelta(days=4, hours=2), "4d 2h", id="days and hours"),
        pytest.param(timedelta(minutes=-5), "-5m", id="in the future"),
    ],
)
def test_a_duration_has_its_two_largest_units(span: timedelta | None, shown: str) -> None:
    assert duration(span) == shown


@pytest.mark.parametrize(
    ("amount", "people", "programs"),
    [
        pytest.param(None, "unpriced", None, id="unpriced is not zero"),
        pytest.param(Decimal(0), "0.00 USD", "0.00", id="zero"),
        pytest.param(Decimal("1234.5"), "1,234.50 USD", "1234.50", id="thousands"),
        pytest.param(Decimal("0.000000001"), "0.00 USD", "0.000000001", id="a nano-dollar"),
        pytest.param(Decimal("1E+3"), "1,000.00 USD", "1000.00", id="no exponent"),
        pytest.param(Decimal("-2.5"), "-2.50 USD", "-2.50", id="a correction"),
    ],
)
def test_money(amount: Decimal | None, people: str, programs: str | None) -> None:
    assert usd(amount) == people
    assert usd_json(amount) == programs


def test_instants_are_utc_for_programs_and_zoned_for_people() -> None:
    assert instant_json(NOW) == "2026-11-22T14:00:00Z"
    assert instant_json(NOW + timedelta(microseconds=1500)) == "2026-11-22T14:00:00.001Z"
    assert instant_json(None) is None
    assert instant(NOW, zone="Europe/Berlin") == "2026-11-22 15:00 CET"
    assert clock_time(NOW, now=NOW) == "14:00 UTC"
    assert clock_time(NOW + timedelta(days=1), now=NOW) == "2026-11-23 14:00 UTC"


def test_seconds_have_at_most_three_decimals() -> None:
    assert ms_json(7_200_500) == 7200.5
    assert repr(ms_json(2000)) == "2"
    assert seconds_json(timedelta(microseconds=1_234_567)) == 1.235
    assert seconds_json(None) is None


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("NVIDIA_H100_80GB", "H100"),
        ("AMD_MI300X_192GB", "MI300X"),
        ("NVIDIA_GB300", "GB300"),
        ("SOMETHING_NEW", "SOMETHING_NEW"),
        ("", ""),
    ],
)
def test_a_gpu_is_called_what_people_call_it(given: str, shown: str) -> None:
    assert accelerator(given) == shown


def test_a_share_of_nothing_is_a_dash() -> None:
    assert share(1, 4) == "25.0 %"
    assert share(0, 0) == "–"
