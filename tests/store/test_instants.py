"""Instants become integers without loss, and bounds stay bounds."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewarden.model.activity import Use
from firewarden.model.usage import Bracket, Evidence
from firewarden.store import codes
from firewarden.store.instants import (
    from_bracket,
    from_day,
    from_hour,
    from_ms,
    from_us,
    to_bracket,
    to_day,
    to_hour,
    to_hour_after,
    to_ms,
    to_us,
)
from tests.store.values import HOUR, INSTANTS, MS, T0, WHOLE_MS


@given(INSTANTS)
def test_microseconds_are_exact(at: datetime) -> None:
    assert from_us(to_us(at)) == at


@given(WHOLE_MS)
def test_whole_milliseconds_are_exact(at: datetime) -> None:
    assert from_ms(to_ms(at)) == at


@given(INSTANTS, INSTANTS)
def test_a_bracket_is_never_made_narrower(one: datetime, other: datetime) -> None:
    bracket = Bracket(lo=min(one, other), hi=max(one, other))
    stored = from_bracket(*to_bracket(bracket))
    assert stored.lo <= bracket.lo
    assert bracket.hi <= stored.hi
    assert (bracket.lo - stored.lo) + (stored.hi - bracket.hi) < 2 * MS


@given(st.dates())
def test_days_are_exact(day: datetime) -> None:
    assert from_day(to_day(day)) == day


@given(INSTANTS)
def test_the_hour_after_is_the_first_that_starts_then_or_later(at: datetime) -> None:
    hour = from_hour(to_hour_after(at))
    assert at <= hour < at + HOUR


def test_other_zones_are_the_same_instant() -> None:
    there = T0.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert to_ms(there) == to_ms(T0)
    assert to_hour(there) == to_hour(T0)
    assert from_ms(to_ms(there)).tzinfo is UTC


def test_a_bracket_turned_round_is_refused() -> None:
    with pytest.raises(ValueError, match="ends before it begins"):
        to_bracket(Bracket(lo=T0, hi=T0 - HOUR))


def test_each_word_has_a_number_of_its_own() -> None:
    assert {codes.USE_OF[codes.USE[use]] for use in Use} == set(Use)
    assert {codes.EVIDENCE_OF[codes.EVIDENCE[word]] for word in Evidence} == set(Evidence)


def test_numbers_given_to_words_are_never_given_to_others() -> None:
    """A change here is a migration of every ledger there is."""
    assert {use.value: code for use, code in codes.USE.items()} == {
        "active": 1,
        "quiet": 2,
        "unknown": 3,
    }
    assert {word.value: code for word, code in codes.EVIDENCE.items()} == {
        "poll": 1,
        "read": 2,
        "created": 3,
        "deleted": 4,
        "absent": 5,
        "first_sight": 6,
        "gap": 7,
    }
