"""Readings become segments: between when and when, and how that is known."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from firewarden.metering.fold import Ledger
from firewarden.model.deployment import Deployment
from firewarden.model.usage import Bracket, Evidence, LedgerChange
from tests.metering.builders import (
    CHAT,
    EVERY,
    NOTHING_REMEMBERED,
    START,
    Shelf,
    a_deployment,
    a_fleet,
    a_read,
    after,
    between,
    exactly,
)

TWO = a_deployment(ready_replica_count=2)
DELETED = a_deployment(
    state="DELETED", ready_replica_count=0, desired_replica_count=0, deleted_at=after(50)
)


def a_ledger(*deployments: Deployment) -> Ledger:
    """A ledger that has seen *deployments* in two listings, asked for at 0 s and 30 s."""
    ledger = Ledger(NOTHING_REMEMBERED, poll_every=EVERY)
    ledger.fold_fleet(a_fleet(0, *deployments))
    ledger.fold_fleet(a_fleet(30, *deployments))
    return ledger


def hour(offset: int) -> datetime:
    return START.replace(minute=0) + timedelta(hours=offset)


def test_the_first_listing_starts_the_meter_at_its_answer() -> None:
    ledger = Ledger(NOTHING_REMEMBERED, poll_every=EVERY)

    change = ledger.fold_fleet(a_fleet(0, CHAT, took=2))

    (segment,) = change.opened
    assert (segment.started, segment.start_evidence) == (exactly(2), Evidence.FIRST_SIGHT)
    assert [known.first_seen_at for known in change.met] == [after(2)]
    assert change.dirty == {(hour(0), CHAT.uid)}
    assert ledger.confirmed_at == after(0)


def test_an_unchanged_listing_is_worth_no_row() -> None:
    ledger = a_ledger(CHAT)

    assert ledger.fold_fleet(a_fleet(60, CHAT)).is_empty
    assert ledger.fold_fleet(a_fleet(90, a_deployment())).is_empty
    assert ledger.confirmed_at == after(90)


def test_a_change_happened_between_the_asking_before_and_the_answer_now() -> None:
    change = a_ledger(CHAT).fold_fleet(a_fleet(60, TWO))

    (closed,), (opened,) = change.closed, change.opened
    assert (closed.ready, closed.ended) == (1, between(30, 61))
    assert (opened.ready, opened.started) == (2, between(30, 61))
    assert (closed.end_evidence, opened.start_evidence) == (Evidence.POLL, Evidence.POLL)
    assert change.dirty == {(hour(0), CHAT.uid)}


@pytest.mark.parametrize("changes", [
    pytest.param({"state": "UPDATING"}, id="state"),
    pytest.param({"starting_replica_count": 1}, id="starting"),
    pytest.param({"min_replica_count": 1}, id="floor"),
    pytest.param({"max_replica_count": 9}, id="ceiling"),
    pytest.param({"desired_replica_count": 3}, id="desired"),
    pytest.param({"accelerator_count": 4}, id="accelerators"),
    pytest.param({"pricing_plan": "contract"}, id="plan"),
])  # fmt: skip
def test_whatever_matters_turns_the_segment_over(changes: dict[str, Any]) -> None:
    change = a_ledger(CHAT).fold_fleet(a_fleet(60, a_deployment(**changes)))

    assert (len(change.closed), len(change.opened), change.gaps) == (1, 1, ())


def test_names_and_tags_are_kept_without_a_new_segment() -> None:
    renamed = a_deployment(display_name="Chat", tags={"team": "search"})

    change = a_ledger(CHAT).fold_fleet(a_fleet(60, renamed))

    assert [known.display_name for known in change.met] == ["Chat"]
    assert change.tags == ((CHAT.uid, {"team": "search"}),)
    assert not change.opened


def test_a_single_read_narrows_the_bracket() -> None:
    ledger = a_ledger(CHAT)

    ledger.fold_examined(CHAT.uid, a_read(40, CHAT))
    change = ledger.fold_examined(CHAT.uid, a_read(50, TWO))

    (opened,) = change.opened
    assert (opened.started, opened.start_evidence) == (between(40, 50.5), Evidence.READ)
    assert ledger.fold_fleet(a_fleet(60, TWO)).is_empty


def test_a_read_older_than_what_is_known_changes_nothing() -> None:
    ledger = a_ledger(CHAT)

    assert ledger.fold_examined(CHAT.uid, a_read(20, TWO)).is_empty
    assert ledger.fold_examined(a_deployment("other").uid, a_read(40, None)).is_empty


@pytest.mark.parametrize(
    ("created", "bracket", "evidence"),
    [
        pytest.param(after(45), between(45, 61), Evidence.CREATED, id="after the listing before"),
        pytest.param(after(-99), between(30, 61), Evidence.FIRST_SIGHT, id="older, but not listed"),
        pytest.param(after(99), between(30, 61), Evidence.FIRST_SIGHT, id="a clock ahead of ours"),
    ],
)
def test_creation_narrows_the_first_bracket(
    created: datetime, bracket: Bracket, evidence: Evidence
) -> None:
    young = a_deployment("young", created_at=created)

    (opened,) = a_ledger(CHAT).fold_fleet(a_fleet(60, CHAT, young)).opened

    assert (opened.uid, opened.started, opened.start_evidence) == (young.uid, bracket, evidence)


def test_deletion_narrows_the_last_bracket() -> None:
    ledger = a_ledger(CHAT)

    first = ledger.fold_fleet(a_fleet(60, DELETED))
    second = ledger.fold_fleet(a_fleet(90, DELETED))

    assert [segment.ended for segment in first.closed] == [between(30, 50)]
    assert [segment.end_evidence for segment in first.closed] == [Evidence.DELETED]
    assert [known.deleted_at for known in second.met] == [after(50)]
    assert ledger.open_segment(CHAT.uid) is None
    assert ledger.fold_fleet(a_fleet(120, DELETED)).is_empty
    assert ledger.missing == ()


def test_deleted_bills_nothing_whatever_it_still_shows() -> None:
    lingering = a_deployment(state="DELETED", ready_replica_count=1)

    (opened,) = a_ledger(CHAT).fold_fleet(a_fleet(60, lingering)).opened

    assert (opened.ready, opened.starting) == (0, 0)


def test_absence_closes_nothing_until_the_second_404_an_interval_later() -> None:
    ledger = a_ledger(CHAT)

    absent = ledger.fold_fleet(a_fleet(60))
    assert (absent.closed, ledger.missing) == ((), (CHAT.uid,))
    assert [segment.confirmed_at for segment in absent.amended] == [after(30)]

    assert ledger.fold_examined(CHAT.uid, a_read(62, None)).is_empty
    assert ledger.fold_examined(CHAT.uid, a_read(91, None)).is_empty
    ledger.fold_fleet(a_fleet(90))
    change = ledger.fold_examined(CHAT.uid, a_read(92, None))

    (closed,) = change.closed
    assert (closed.ended, closed.end_evidence) == (between(30, 62.5), Evidence.ABSENT)
    assert [known.deleted_at for known in change.met] == [after(62.5)]
    assert ledger.missing == ()


def test_what_a_read_shows_deleted_is_left_out_by_right_and_a_404_proves_less() -> None:
    ledger = a_ledger(CHAT, other := a_deployment("other"))
    ledger.fold_fleet(a_fleet(60))
    assert set(ledger.unexplained) == {CHAT.uid, other.uid}

    ledger.fold_examined(CHAT.uid, a_read(62, replace(CHAT, state="DELETED")))
    ledger.fold_examined(other.uid, a_read(62, None))

    assert set(ledger.unexplained) == {other.uid}
    assert set(ledger.missing) == {CHAT.uid, other.uid}


def test_a_404_is_forgotten_when_the_deployment_is_seen_again() -> None:
    ledger = a_ledger(CHAT)
    ledger.fold_fleet(a_fleet(60))
    ledger.fold_examined(CHAT.uid, a_read(62, None))

    back = ledger.fold_fleet(a_fleet(90, CHAT))
    again = ledger.fold_examined(CHAT.uid, a_read(95, None))

    assert [segment.confirmed_at for segment in back.amended] == [None]
    assert again.is_empty
    assert ledger.open_segment(CHAT.uid) is not None


def test_an_incomplete_listing_concludes_nothing_from_what_it_leaves_out() -> None:
    other = a_deployment("other")
    ledger = a_ledger(CHAT, other)

    change = ledger.fold_fleet(a_fleet(60, TWO, complete=False))

    assert [segment.uid for segment in change.opened] == [CHAT.uid]
    assert (ledger.missing, ledger.confirmed_at) == ((), after(30))
    assert (ledger.seen_at(CHAT.uid), ledger.seen_at(other.uid)) == (after(60), after(30))


def test_the_same_name_created_again_is_another_deployment() -> None:
    young = a_deployment(created_at=after(47.3))
    ledger = a_ledger(CHAT)

    change = ledger.fold_fleet(a_fleet(60, young))

    (closed,), (opened,) = change.closed, change.opened
    assert (closed.uid, closed.ended) == (CHAT.uid, between(30, 47.3))
    assert (opened.uid, opened.started) == (young.uid, between(47.3, 61))
    assert ledger.missing == ()


def test_a_successor_older_than_the_last_sight_proves_nothing() -> None:
    strange = a_deployment(created_at=after(-60))
    ledger = a_ledger(CHAT)

    change = ledger.fold_fleet(a_fleet(60, strange))

    assert (change.closed, ledger.missing) == ((), (CHAT.uid,))
    assert ledger.fold_examined(CHAT.uid, a_read(62, strange)).is_empty
    ledger.fold_fleet(a_fleet(90, strange))
    (closed,) = ledger.fold_examined(CHAT.uid, a_read(93, strange)).closed
    assert closed.ended == between(30, 62.5)


def test_an_undeleted_deployment_begins_again() -> None:
    ledger = a_ledger(CHAT)
    for at in (60, 90):
        ledger.fold_fleet(a_fleet(at, DELETED))

    change = ledger.fold_fleet(a_fleet(120, CHAT))

    assert [segment.started for segment in change.opened] == [between(90, 121)]
    assert [known.deleted_at for known in change.met] == [None]


def test_what_comes_back_from_the_dead_begins_after_its_burial() -> None:
    ledger = a_ledger(CHAT)
    for at in (45, 80):
        ledger.fold_fleet(a_fleet(at, DELETED, complete=False))

    change = ledger.fold_fleet(a_fleet(100, CHAT))

    assert [segment.started for segment in change.opened] == [between(80, 101)]


def test_a_deployment_created_while_it_was_listed_ends_no_earlier_than_it_began() -> None:
    ledger = a_ledger(CHAT)
    young = a_deployment("young", created_at=after(60.4))
    ledger.fold_fleet(a_fleet(60, CHAT, young))

    grown = a_deployment("young", created_at=after(60.4), ready_replica_count=2)
    (closed,) = ledger.fold_fleet(a_fleet(90, CHAT, grown)).closed

    assert (closed.started, closed.ended) == (between(60.4, 61), between(60.4, 91))


@pytest.mark.parametrize(
    ("missed", "gaps"),
    [
        pytest.param(75, 0, id="two and a half intervals are no gap"),
        pytest.param(76, 1, id="more than that is one"),
    ],
)
def test_a_gap_is_longer_than_two_and_a_half_intervals(missed: float, gaps: int) -> None:
    assert len(a_ledger(CHAT).fold_fleet(a_fleet(30 + missed, CHAT)).gaps) == gaps


def test_a_gap_spans_from_the_last_asking_to_the_answer_and_is_bounded() -> None:
    grown = a_deployment(ready_replica_count=3, min_replica_count=1, max_replica_count=6)

    change = a_ledger(CHAT).fold_fleet(a_fleet(3630, grown), cause="HTTP 503")

    (gap,), (closed,), (opened,) = change.gaps, change.closed, change.opened
    assert (gap.since, gap.until, gap.low, gap.high) == (after(30), after(3631), 0, 6)
    assert gap.cause == "HTTP 503"
    assert closed.ended == opened.started == between(30, 3631)
    assert opened.start_evidence is Evidence.GAP
    assert change.dirty == {(hour(0), CHAT.uid), (hour(1), CHAT.uid)}


def test_the_turn_of_an_hour_soils_what_is_held_and_not_what_is_at_zero() -> None:
    asleep = a_deployment("asleep", ready_replica_count=0, desired_replica_count=0)
    waking = a_deployment("waking", ready_replica_count=0, starting_replica_count=1)
    ledger = Ledger(NOTHING_REMEMBERED, poll_every=EVERY)
    for at in (3540, 3570):
        ledger.fold_fleet(a_fleet(at, CHAT, asleep, waking))

    change = ledger.fold_fleet(a_fleet(3600, CHAT, asleep, waking))

    assert change.dirty == {(hour(0), CHAT.uid), (hour(0), waking.uid)}
    assert ledger.fold_fleet(a_fleet(3630, CHAT, asleep, waking)).is_empty


def test_unbroken_stretches() -> None:
    asleep = a_deployment(ready_replica_count=0, desired_replica_count=0)
    ledger = a_ledger(CHAT)
    steps: Sequence[tuple[float, Deployment, float | None, float | None]] = (
        (60, TWO, 1, None),
        (90, asleep, None, 91),
        (120, a_deployment(ready_replica_count=0, desired_replica_count=4), None, 91),
        (150, a_deployment(ready_replica_count=0, starting_replica_count=1), None, None),
        (180, CHAT, 181, None),
        (600, CHAT, 601, None),
    )
    for at, deployment, ready, zero in steps:
        ledger.fold_fleet(a_fleet(at, deployment))
        found = (ledger.ready_since(CHAT.uid), ledger.at_zero_since(CHAT.uid))
        assert found == tuple(None if since is None else after(since) for since in (ready, zero))


STARTING = a_deployment(ready_replica_count=0, starting_replica_count=1)
FAILED = a_deployment(state="FAILED", ready_replica_count=0, desired_replica_count=0)


def test_the_last_change_is_one_that_was_seen() -> None:
    shelf, ledger = Shelf(), Ledger(NOTHING_REMEMBERED, poll_every=EVERY)
    steps: Sequence[tuple[float, Deployment, float]] = (
        (0, CHAT, 1),
        (30, TWO, 1),
        (60, STARTING, 61),
        (90, FAILED, 91),
        (600, FAILED, 91),  # a gap, and the same on both sides of it
        (1200, CHAT, 1201),  # a gap, and another
    )
    for at, deployment, changed in steps:
        fleet = a_fleet(at, deployment)
        shelf.put_poll(fleet)
        shelf.put(ledger.fold_fleet(fleet))
        assert ledger.changed_at(CHAT.uid) == after(changed)
    ended = tuple(segment for segment in shelf.segments.values() if segment.ended is not None)
    again = Ledger(replace(shelf.remembered(), lately=ended), poll_every=EVERY)
    assert again.changed_at(CHAT.uid) == after(1201)


def test_a_restart_goes_on_where_it_stopped() -> None:
    shelf = Shelf()
    ledger = Ledger(NOTHING_REMEMBERED, poll_every=EVERY)
    tagged = a_deployment(tags={"team": "search"})
    for at in (0, 30):
        fleet = a_fleet(at, tagged)
        shelf.put_poll(fleet)
        shelf.put(ledger.fold_fleet(fleet))

    again = Ledger(shelf.remembered(), poll_every=EVERY)

    assert again.fold_fleet(a_fleet(30, tagged)) == LedgerChange()
    assert again.fold_fleet(a_fleet(60, tagged)).is_empty
    (opened,) = again.fold_fleet(a_fleet(90, TWO)).opened
    assert opened.started == between(60, 91)


def test_a_clock_that_goes_back_leaves_a_gap_and_is_waited_for() -> None:
    young = a_deployment("young", created_at=after(-7000))
    ledger = a_ledger(CHAT)

    first = ledger.fold_fleet(a_fleet(-7200, TWO))
    second = ledger.fold_fleet(a_fleet(-7170, TWO))
    third = ledger.fold_fleet(a_fleet(-7140, a_deployment(ready_replica_count=5), young))
    later = ledger.fold_fleet(a_fleet(60, TWO, young))

    (gap,) = first.gaps
    assert (gap.since, gap.until, gap.low, gap.high) == (after(-7200), after(31), 0, 4)
    assert gap.cause == "the clock went back 2h"
    assert second.is_empty
    assert [wider.high for wider in third.gaps] == [5]
    assert [known.uid for known in third.met] == [young.uid]
    (closed,) = [segment for segment in later.closed if segment.uid == CHAT.uid]
    assert closed.ended == between(30, 61)


def test_no_two_segments_begin_alike_though_a_restart_forgot_the_incomplete_listings() -> None:
    """The ledger tells segments apart by their beginning; a deletion is one instant for two."""
    shelf, ledger = Shelf(), Ledger(NOTHING_REMEMBERED, poll_every=EVERY)
    deleting = replace(CHAT, state="DELETING", ready_replica_count=0, deleted_at=after(45))
    for fleet in (a_fleet(30, CHAT), a_fleet(60, deleting, complete=False)):
        shelf.put(ledger.fold_fleet(fleet))
        shelf.put_poll(fleet)
    (before,) = ledger.open_segments

    again = Ledger(shelf.remembered(), poll_every=EVERY)
    change = again.fold_fleet(a_fleet(90, replace(deleting, state="DELETED"), complete=False))

    (closed,), (opened,) = change.closed, change.opened
    assert closed.started == before.started != opened.started == closed.ended
