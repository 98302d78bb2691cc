"""What goes on for each deployment of an account, turned over as reads come in."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from firewarden.metering.draft import Draft
from firewarden.metering.instants import round_down, round_up
from firewarden.metering.segments import (
    Reading,
    begin_segment,
    end_segment,
    gap_between,
    hours_ended,
    hours_touched,
    is_same,
    name_of,
)
from firewarden.model.deployment import Deployment
from firewarden.model.ids import Uid
from firewarden.model.usage import Bracket, Evidence, Known, Remembered, Segment


class Book:
    """All that is open for the deployments of one account; its caller knows of listings.

    ``polled_at`` is when the newest complete listing was asked for; a deployment whose last
    confirmation was at another instant stands in ``apart``. ``doubted`` holds the first read
    that said of a deployment that it is gone, ``buried`` the ends of what was gone for good,
    should it come back all the same.
    """

    def __init__(
        self, remembered: Remembered, *, poll_every: timedelta, gap_after: timedelta
    ) -> None:
        """Go on from what was stored."""
        self._every = poll_every
        self._gap_after = gap_after
        self.polled_at: datetime | None = None
        self.known = {known.uid: known for known in remembered.known}
        self.open = {segment.uid: segment for segment in remembered.open_segments}
        self.apart = {
            segment.uid: segment.confirmed_at
            for segment in remembered.open_segments
            if segment.confirmed_at is not None
        }
        self.ready_since: dict[Uid, datetime] = {}
        self.zero_since: dict[Uid, datetime] = {}
        self.starting_since: dict[Uid, datetime] = {}
        self.state_since: dict[Uid, datetime] = {}
        self.changed_at: dict[Uid, datetime] = {}
        self._tags = dict(remembered.tags)
        self.buried: dict[Uid, datetime] = {}
        self._uid_of = {name_of(uid): uid for uid in self.known}
        self.doubted: dict[Uid, Reading] = {}
        before: dict[Uid, Segment] = {}
        for segment in (*sorted(remembered.lately, key=_order), *remembered.open_segments):
            last = before.get(segment.uid)
            follows = last is not None and last.ended == segment.started
            self._note_counts(last if follows else None, segment)
            before[segment.uid] = segment

    def confirmed_at(self, uid: Uid) -> datetime | None:
        """When the newest read that showed *uid* was asked for."""
        return self.apart.get(uid, self.polled_at) if uid in self.open else None

    def is_gap(self, since: datetime, reading: Reading) -> bool:
        """Did nobody look for so long that anything can have happened?"""
        return reading.asked_at - since > self._gap_after

    def see(
        self,
        deployment: Deployment,
        reading: Reading,
        draft: Draft,
        *,
        beside: Mapping[Uid, Deployment],
    ) -> None:
        """Compare *deployment* with what goes on, and turn it over where it differs.

        *beside*: what else the same listing shows.
        """
        uid = deployment.uid
        if uid not in self.known:
            if deployment.is_gone:
                return
            namesake = self._uid_of.get(deployment.name)
            if namesake is not None and namesake not in beside:
                self.replace(namesake, deployment, reading, draft)
        self._meet(deployment, reading, draft)
        before = self.open.get(uid)
        if before is None:
            self._begin(deployment, reading, draft)
        else:
            self._turn(before, deployment, reading, draft)
        self.apart[uid] = max(reading.asked_at, self.confirmed_at(uid) or reading.asked_at)
        if deployment.is_gone:
            self.doubt(uid, reading, draft, deleted=deployment)
        else:
            self.doubted.pop(uid, None)

    def miss(self, uid: Uid, draft: Draft) -> None:
        """Write down how far *uid* is confirmed: a complete listing leaves it out."""
        segment, confirmed = self.open.get(uid), self.confirmed_at(uid)
        if segment is None or confirmed is None:
            return
        self.apart[uid] = confirmed
        if segment.confirmed_at != confirmed:
            self._amend(segment, confirmed, draft)

    def doubt(
        self, uid: Uid, reading: Reading, draft: Draft, *, deleted: Deployment | None
    ) -> None:
        """Note that a read says gone; the second one, an interval after the first, is believed."""
        first = self.doubted.setdefault(uid, reading)
        if reading.asked_at - first.asked_at >= self._every:
            self._bury(uid, first.answered_at, first, draft, deleted=deleted)

    def replace(self, uid: Uid, successor: Deployment, reading: Reading, draft: Draft) -> bool:
        """End *uid* if the creation of *successor* under its name proves that it is gone."""
        created = successor.created_at
        confirmed = self.confirmed_at(uid)
        is_proof = (
            successor.name == name_of(uid)
            and confirmed is not None
            and confirmed <= created <= reading.answered_at
        )
        if is_proof:
            self._bury(uid, round_up(created), reading, draft, deleted=None)
        return is_proof

    def _meet(self, deployment: Deployment, reading: Reading, draft: Draft) -> None:
        uid = deployment.uid
        before = self.known.get(uid)
        now = Known(
            uid=uid,
            account=deployment.account,
            deployment_id=deployment.deployment_id,
            display_name=deployment.display_name,
            base_model=deployment.base_model,
            created_at=deployment.created_at,
            first_seen_at=before.first_seen_at if before else reading.answered_at,
            purge_at=deployment.purge_at,
        )
        if now != before:
            self.known[uid] = now
            self._uid_of[deployment.name] = uid
            draft.met.append(now)
        if self._tags.get(uid, {}) != deployment.tags:
            self._tags[uid] = deployment.tags
            draft.tags.append((uid, deployment.tags))

    def _begin(self, deployment: Deployment, reading: Reading, draft: Draft) -> None:
        """Open the first segment of *deployment*.

        The first listing of all shows what was there before us: metering starts at its
        answer. What a later listing shows for the first time began after the complete one
        before it, and after its creation.
        """
        if self.polled_at is None:
            bracket = Bracket(lo=reading.answered_at, hi=reading.answered_at)
            self._open(begin_segment(deployment, bracket, Evidence.FIRST_SIGHT), None, draft)
            return
        lo = max(self.polled_at, self.buried.pop(deployment.uid, self.polled_at))
        lo, evidence = min(lo, reading.answered_at), Evidence.FIRST_SIGHT
        if lo <= deployment.created_at <= reading.answered_at:
            lo, evidence = round_down(deployment.created_at), Evidence.CREATED
        bracket = Bracket(lo=lo, hi=reading.answered_at)
        segment = begin_segment(deployment, bracket, evidence)
        if self.is_gap(self.polled_at, reading):
            draft.gaps.append(gap_between(None, segment, bracket=bracket, cause=reading.cause))
        self._open(segment, None, draft)

    def _turn(
        self, before: Segment, deployment: Deployment, reading: Reading, draft: Draft
    ) -> None:
        """Close *before* and open its successor, if *deployment* differs or nobody looked."""
        lo = self.confirmed_at(before.uid) or before.started.hi
        hi = max(reading.answered_at, lo)
        deleted_at, evidence = deployment.deleted_at, reading.evidence
        if deleted_at is not None and lo <= deleted_at <= hi and not deployment.gpu_count:
            hi, evidence = round_up(deleted_at), Evidence.DELETED
        is_gap = self.is_gap(lo, reading)
        after = begin_segment(
            deployment, Bracket(lo=lo, hi=hi), Evidence.GAP if is_gap else evidence
        )
        if not is_gap and is_same(before, after):
            self._confirm(before, lo, reading, draft)
            return
        ended = self._end(before, after.started, after.start_evidence, draft)
        after = replace(after, started=ended)
        if is_gap:
            draft.gaps.append(gap_between(before, after, bracket=ended, cause=reading.cause))
        self._open(after, before, draft)

    def _confirm(
        self, segment: Segment, confirmed: datetime, reading: Reading, draft: Draft
    ) -> None:
        """Go on with *segment*; hours that ended while it was out of sight are made again."""
        if segment.confirmed_at is None:
            return
        self._amend(segment, None, draft)
        if segment.ready or segment.starting:
            ended = hours_ended(confirmed, reading.asked_at)
            draft.dirty.update((hour, segment.uid) for hour in ended)

    def _bury(
        self,
        uid: Uid,
        until: datetime,
        reading: Reading,
        draft: Draft,
        *,
        deleted: Deployment | None,
    ) -> None:
        """Close what *reading* said was gone; *until*: it was gone by then, at the latest."""
        confirmed, segment = self.confirmed_at(uid), self.open.get(uid)
        if segment is not None and confirmed is not None:
            evidence = Evidence.ABSENT if deleted is None else Evidence.DELETED
            bracket = Bracket(lo=confirmed, hi=max(until, confirmed))
            ended = self._end(segment, bracket, evidence, draft)
            self.buried[uid] = ended.hi
            if self.is_gap(confirmed, reading):
                cause = reading.cause or "gone when it was looked for again"
                draft.gaps.append(gap_between(segment, None, bracket=ended, cause=cause))
        known = self.known.pop(uid)
        deleted_at = deleted.deleted_at if deleted is not None else None
        draft.met.append(replace(known, deleted_at=deleted_at or until))
        for memory in (
            self.open,
            self.apart,
            self.ready_since,
            self.zero_since,
            self.starting_since,
            self.state_since,
            self.changed_at,
        ):
            memory.pop(uid, None)
        self.doubted.pop(uid, None)
        self._tags.pop(uid, None)
        if self._uid_of.get(name_of(uid)) == uid:
            del self._uid_of[name_of(uid)]

    def _end(self, segment: Segment, bracket: Bracket, evidence: Evidence, draft: Draft) -> Bracket:
        """Close *segment* somewhere in *bracket*; give the bracket as it was written."""
        closed = end_segment(segment, bracket, evidence)
        assert closed.ended is not None
        draft.closed.append(closed)
        self._soil(segment, closed.ended, draft)
        return closed.ended

    def _open(self, segment: Segment, before: Segment | None, draft: Draft) -> None:
        draft.opened.append(segment)
        self._soil(segment, segment.started, draft)
        self.open[segment.uid] = segment
        self._note_counts(before, segment)

    def _amend(self, segment: Segment, confirmed_at: datetime | None, draft: Draft) -> None:
        amended = replace(segment, confirmed_at=confirmed_at)
        self.open[segment.uid] = amended
        draft.amended.append(amended)

    @staticmethod
    def _soil(segment: Segment, bracket: Bracket, draft: Draft) -> None:
        """Have the hours of *bracket* made again, unless nothing can have been held in it."""
        if segment.ready or segment.starting or segment.ceiling:
            draft.dirty.update((hour, segment.uid) for hour in hours_touched(bracket))

    def _note_counts(self, before: Segment | None, now: Segment) -> None:
        """Keep the starts of unbroken stretches, which a gap breaks, and the last known change."""
        is_gap = now.start_evidence is Evidence.GAP
        if _phase(before) != _phase(now) if before else not is_gap:
            self.changed_at[now.uid] = now.started.hi
        last = None if is_gap else before
        for since, holds, held in (
            (self.ready_since, now.ready > 0, last and last.ready > 0),
            (self.zero_since, _is_zero(now), last and _is_zero(last)),
            (self.starting_since, now.starting > 0, last and last.starting > 0),
            (self.state_since, True, last and last.state == now.state),
        ):
            if not holds:
                since.pop(now.uid, None)
            elif not held:
                since[now.uid] = now.started.hi


def _order(segment: Segment) -> tuple[datetime, datetime]:
    return segment.started.hi, segment.started.lo


def _phase(segment: Segment) -> tuple[str, bool, bool]:
    return segment.state, segment.starting > 0, _is_zero(segment)


def _is_zero(segment: Segment) -> bool:
    return not (segment.ready or segment.starting)
