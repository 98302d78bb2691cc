"""Folds listings and single reads of an account into changes of the ledger."""

from collections import deque
from datetime import datetime, timedelta

from firewarden.metering.book import Book
from firewarden.metering.draft import Draft
from firewarden.metering.instants import floor_hour, hours_of
from firewarden.metering.segments import (
    Reading,
    begin_segment,
    gap_between,
    hours_ended,
    read_between,
    spell,
)
from firewarden.model.deployment import Deployment
from firewarden.model.fleet import Examined, Fleet
from firewarden.model.ids import Uid
from firewarden.model.usage import Bracket, Evidence, LedgerChange, Remembered, Segment

GAP_AFTER_INTERVALS = 2.5
"""A stretch without a look that is longer than so many poll intervals is a gap."""

REPLAYS_KNOWN = 16
"""So many of the newest listings are recognised when they are folded again."""


class Ledger:
    """What the ledger holds open for one account. The caller owns it and stores the changes.

    After a change that could not be stored it must be thrown away and built again from what
    was stored. Between two reads that show the same nothing is taken to have happened;
    between two that differ, one move from the one to the other, at any instant from the
    asking of the first to the answer of the second.
    """

    def __init__(self, remembered: Remembered, *, poll_every: timedelta) -> None:
        """Go on from what was stored; *poll_every* is the usual interval between listings."""
        gap_after = poll_every * GAP_AFTER_INTERVALS
        self._book = Book(remembered, poll_every=poll_every, gap_after=gap_after)
        self._polled: Reading | None = None
        self._last: dict[Uid, Deployment] = {}
        self._missing: tuple[Uid, ...] = ()
        self._folded = deque(
            ((poll.asked_at, poll.answered_at) for poll in remembered.polls if poll.ok),
            maxlen=REPLAYS_KNOWN,
        )
        # While the wall clock is behind the ledger: the bounds already written.
        self._behind: dict[Uid, tuple[int, int]] = {}
        if (poll := remembered.last_poll) is not None:
            self._folded.append((poll.asked_at, poll.answered_at))
            self._polled = read_between(poll.asked_at, poll.answered_at, evidence=Evidence.POLL)
            self._book.polled_at = self._polled.asked_at

    @property
    def confirmed_at(self) -> datetime | None:
        """When the newest complete listing was asked for: open segments count up to here."""
        return self._book.polled_at

    @property
    def missing(self) -> tuple[Uid, ...]:
        """Known, absent from the newest complete listing, not confirmed gone: ask for each."""
        return tuple(uid for uid in self._missing if uid in self._book.known)

    @property
    def unexplained(self) -> tuple[Uid, ...]:
        """Name what is missing and not known to be deleted: the listing may be a false one.

        What a read of its own shows DELETED is left out by right. A 404 proves less: whoever
        must not see a deployment gets it, too.
        """
        found = ((uid, self._book.open.get(uid)) for uid in self.missing)
        return tuple(uid for uid, segment in found if segment is None or not segment.is_deleted)

    def absent_from(self, fleet: Fleet) -> tuple[Uid, ...]:
        """Name what is known and not in *fleet*."""
        return tuple(sorted(self._book.known.keys() - fleet.deployments.keys()))

    @property
    def open_segments(self) -> tuple[Segment, ...]:
        """All segments that go on."""
        return tuple(self._book.open.values())

    def open_segment(self, uid: Uid) -> Segment | None:
        """Give the segment of *uid* that goes on; None where it is gone or was never met."""
        return self._book.open.get(uid)

    def seen_at(self, uid: Uid) -> datetime | None:
        """When the newest read that showed *uid* was asked for."""
        return self._book.confirmed_at(uid)

    def ready_since(self, uid: Uid) -> datetime | None:
        """Since when replicas have surely been ready without a break that we know of.

        A restart knows no further back than the segments that were read back.
        """
        return self._book.ready_since.get(uid)

    def at_zero_since(self, uid: Uid) -> datetime | None:
        """Since when there has surely been no replica, neither ready nor starting."""
        return self._book.zero_since.get(uid)

    def starting_since(self, uid: Uid) -> datetime | None:
        """Since when there has surely been a replica on its way, without a break."""
        return self._book.starting_since.get(uid)

    def state_since(self, uid: Uid) -> datetime | None:
        """Since when it has surely been in its present state."""
        return self._book.state_since.get(uid)

    def changed_at(self, uid: Uid) -> datetime | None:
        """When it was last found in another state, starting or at zero otherwise than before.

        A gap is no change where the deployment is the same on both sides of it.
        """
        return self._book.changed_at.get(uid)

    def first_seen(self, uid: Uid) -> datetime | None:
        """When it was met; None where it never was, or is confirmed gone."""
        known = self._book.known.get(uid)
        return None if known is None else known.first_seen_at

    def fold_fleet(self, fleet: Fleet, *, cause: str = "") -> LedgerChange:
        """Take in one listing; *cause*: why there was none before it, if there is a gap.

        From an incomplete one only what it does show is taken. The same listing twice
        changes nothing. One answered before the last one was means that the clock went
        back: the stretch up to the last one is written as a gap, and the ledger waits
        until the clock has passed it again.
        """
        key = (fleet.asked_at, fleet.answered_at)
        if key in self._folded:
            return LedgerChange()
        self._folded.append(key)
        reading = read_between(*key, evidence=Evidence.POLL, cause=cause)
        draft = Draft()
        if self._polled is not None and reading.answered_at <= self._polled.answered_at:
            self._wait(fleet, reading, self._polled, draft)
            return draft.done()
        self._behind.clear()
        self._see_all(fleet, reading, draft)
        if fleet.complete:
            self._conclude(fleet, reading, draft)
        return draft.done()

    def fold_examined(self, uid: Uid, examined: Examined) -> LedgerChange:
        """Take in one deployment read on its own, or that it was not found.

        Gone is what was not found, or found DELETED, on two reads an interval apart, or
        what another deployment has replaced under its name. A read older than what is
        known changes nothing, nor does one of a deployment never listed.
        """
        book, found = self._book, examined.deployment
        reading = read_between(examined.asked_at, examined.answered_at, evidence=Evidence.READ)
        confirmed = book.confirmed_at(uid)
        draft = Draft()
        if uid not in book.known or (confirmed and reading.answered_at <= confirmed):
            return draft.done()
        if found is not None and found.uid == uid:
            self._last[uid] = found
            book.see(found, reading, draft, beside={})
        elif found is None or not book.replace(uid, found, reading, draft):
            book.doubt(uid, reading, draft, deleted=None)
        return draft.done()

    def _see_all(self, fleet: Fleet, reading: Reading, draft: Draft) -> None:
        """Look at what is new or another object than last time, and at what was out of sight."""
        last, book, shown = self._last, self._book, fleet.deployments
        if self._polled is None or book.is_gap(self._polled.asked_at, reading):
            turned = list(shown)
        else:
            restless = book.apart.keys() | book.doubted.keys()
            turned = [
                uid
                for uid, item in shown.items()
                if last.get(uid) is not item or (restless and uid in restless)
            ]
        for uid in turned:
            last[uid] = shown[uid]
            book.see(shown[uid], reading, draft, beside=shown)
        if not fleet.complete:
            book.apart.update((uid, reading.asked_at) for uid in shown if uid in book.open)

    def _conclude(self, fleet: Fleet, reading: Reading, draft: Draft) -> None:
        """Note what a complete listing leaves out, and the hours that are over."""
        book, previous, shown = self._book, self._polled, fleet.deployments
        self._missing = self.absent_from(fleet)
        for uid in self._missing:
            book.miss(uid, draft)
        book.apart = {uid: at for uid, at in book.apart.items() if uid not in shown}
        for uid in self._last.keys() - shown.keys() - book.known.keys():
            del self._last[uid]
        self._polled, book.polled_at = reading, reading.asked_at
        book.buried = {uid: at for uid, at in book.buried.items() if at > reading.asked_at}
        if previous is None or floor_hour(previous.asked_at) == floor_hour(reading.asked_at):
            return
        ended = hours_ended(floor_hour(previous.asked_at), reading.asked_at)
        for uid, segment in book.open.items():
            if segment.ready or segment.starting:
                draft.dirty.update((hour, uid) for hour in ended)

    def _wait(self, fleet: Fleet, reading: Reading, last: Reading, draft: Draft) -> None:
        """Bound what is shown while the clock is behind: those instants come twice."""
        bracket = Bracket(lo=reading.asked_at, hi=last.answered_at)
        cause = f"the clock went back {spell(last.answered_at - reading.answered_at)}"
        for uid, deployment in fleet.deployments.items():
            if (before := self._book.open.get(uid)) is None:
                self._book.see(deployment, reading, draft, beside=fleet.deployments)
                self._book.miss(uid, draft)
                continue
            after = begin_segment(deployment, bracket, Evidence.GAP)
            gap = gap_between(before, after, bracket=bracket, cause=cause)
            low, high = self._behind.get(uid, (gap.high + 1, gap.high))
            if gap.low < low or gap.high > high:
                self._behind[uid] = (min(low, gap.low), max(high, gap.high))
                draft.gaps.append(gap)
                hours = hours_of(bracket.lo, bracket.hi)
                draft.dirty.update((hour, uid) for hour in hours if gap.high)
