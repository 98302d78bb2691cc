"""What stands of people's word, and how long they may keep a deployment from the policies."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewarden.model.ids import AccountId, Uid
from firewarden.model.people import Override, OverrideKind, Overrides, SnoozeBounds
from tests.support.clock import NOW

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
SEARCH = Uid("search@1")
RANK = Uid("rank@1")


def an_override(kind: OverrideKind = OverrideKind.SNOOZE, **changes: Any) -> Override:
    values: dict[str, Any] = {
        "account": AccountId("acme"),
        "kind": kind,
        "uid": SEARCH if kind.is_about_one else None,
        "since": NOW - HOUR,
        "actor": "cli:ada@desk",
    }
    return Override(**values | changes)


def snoozed(since: float, until: float, ended: float | None = None) -> Override:
    """Give a snooze from *since* days before now to *until* days before now."""
    return an_override(
        since=NOW - since * DAY,
        until=NOW - until * DAY,
        ended_at=None if ended is None else NOW - ended * DAY,
    )


@pytest.mark.parametrize(
    ("kind", "uid"),
    [
        pytest.param(OverrideKind.SNOOZE, None, id="a snooze of nobody knows what"),
        pytest.param(OverrideKind.PROTECT, None, id="a protection of nobody knows what"),
        pytest.param(OverrideKind.PAUSE, SEARCH, id="a pause of one deployment"),
        pytest.param(OverrideKind.RELEASE, SEARCH, id="a release of one deployment"),
    ],
)
def test_an_override_is_about_one_deployment_or_about_all(
    kind: OverrideKind, uid: Uid | None
) -> None:
    with pytest.raises(ValueError, match=f"a {kind} cannot be about"):
        an_override(kind, uid=uid)


@pytest.mark.parametrize(
    ("until", "longest"),
    [
        pytest.param((3, 5), 1, id="the later end"),
        pytest.param((5, 3), 0, id="the later end, given first"),
        pytest.param((None, 5), 0, id="no end"),
        pytest.param((5, None), 1, id="no end, given last"),
        pytest.param((None, None), 0, id="neither has one"),
        pytest.param((5, 5), 0, id="the same end"),
    ],
)
def test_of_several_the_one_that_holds_longest_counts(
    until: tuple[int | None, int | None], longest: int
) -> None:
    both = [
        an_override(override_id=number, until=None if days is None else NOW + days * DAY)
        for number, days in enumerate(until)
    ]

    found = Overrides.of([*both, an_override(uid=RANK, override_id=7)], now=NOW)

    assert found.snoozed == {SEARCH: both[longest], RANK: an_override(uid=RANK, override_id=7)}
    assert found.protected == {}


def test_a_protection_is_no_snooze_and_what_was_ended_is_neither() -> None:
    protection = an_override(OverrideKind.PROTECT)
    ended = replace(protection, uid=RANK, ended_at=NOW)

    found = Overrides.of([protection, ended], now=NOW)

    assert (found.protected, found.snoozed) == ({SEARCH: protection}, {})


@pytest.mark.parametrize(
    ("pauses", "paused"),
    [
        pytest.param((), "", id="nobody paused anything"),
        pytest.param(({"reason": "odd bill"},), "odd bill (cli:ada@desk)", id="with a reason"),
        pytest.param(({},), "cli:ada@desk", id="without one"),
        pytest.param(
            ({"actor": "cli:bob@desk", "since": NOW}, {"reason": "older"}),
            "cli:bob@desk",
            id="the newest speaks",
        ),
        pytest.param(({"actor": ""},), "somebody", id="by nobody knows whom"),
        pytest.param(({"ended_at": NOW},), "", id="ended"),
    ],
)
def test_a_pause_says_why_and_by_whom(pauses: tuple[dict[str, Any], ...], paused: str) -> None:
    given_ones = [an_override(OverrideKind.PAUSE, **changes) for changes in pauses]

    assert Overrides.of(given_ones, now=NOW).paused == paused


def test_the_newest_release_counts() -> None:
    releases = [an_override(OverrideKind.RELEASE, since=NOW - hours * HOUR) for hours in (3, 1, 2)]

    assert Overrides.of(releases, now=NOW).released_at == NOW - HOUR
    assert Overrides.of([], now=NOW).released_at is None


@pytest.mark.parametrize(
    ("snoozes", "days"),
    [
        pytest.param([], 14, id="none before: the longest there is"),
        pytest.param([snoozed(40, 26)], 14, id="what is used leaves more than the longest"),
        pytest.param([snoozed(40, 20)], 10, id="the total leaves less"),
        pytest.param([snoozed(40, 10)], 0, id="the total is used up"),
        pytest.param([snoozed(60, 10)], 0, id="more than used up is not negative"),
        pytest.param([snoozed(100, 90)], 14, id="it ended when the window began"),
        pytest.param([snoozed(110, 70)], 10, id="of one that reaches in, what is inside"),
        pytest.param([snoozed(20, -10)], 10, id="of one that stands, what has passed"),
        pytest.param([snoozed(20, -10, ended=18)], 14, id="of one that was ended, what it had"),
        pytest.param([snoozed(30, 20), snoozed(25, 5)], 5, id="days that two cover count once"),
        pytest.param([snoozed(30, 20), snoozed(19, 9)], 10, id="a day between them is free"),
        pytest.param([snoozed(0, -10)], 14, id="one that begins now has used nothing"),
    ],
)  # fmt: skip
def test_a_deployment_can_be_snoozed_for_so_long(snoozes: list[Override], days: int) -> None:
    assert SnoozeBounds().room(snoozes, now=NOW) == days * DAY


@given(
    spans=st.lists(
        st.tuples(st.integers(0, 120), st.integers(1, 30)).map(
            lambda span: snoozed(span[0], span[0] - span[1])
        ),
        max_size=5,
    ),
    more=st.integers(0, 120),
)
def test_another_snooze_never_makes_more_room(spans: list[Override], more: int) -> None:
    bounds = SnoozeBounds()
    room = bounds.room(spans, now=NOW)

    assert timedelta(0) <= bounds.room([*spans, snoozed(more, more - 3)], now=NOW) <= room
    assert room <= bounds.longest
