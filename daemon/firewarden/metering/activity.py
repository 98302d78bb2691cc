"""Runs of evidence → stretches in which a deployment was surely in use, or surely idle."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

from firewarden.metering.instants import MS, to_ms
from firewarden.metering.trail import NEIGHBOURS_WITHIN
from firewarden.model.activity import Activity, Use
from firewarden.model.usage import ActivityRun, ScrapeRecord

IDLE_AT_LEAST = timedelta(minutes=5)
"""Quiet stretches that are shorter count as activity."""

EVIDENCE_MARGIN = IDLE_AT_LEAST + NEIGHBOURS_WITHIN
"""How far outside a window evidence can matter inside it: so much more has to be read."""

SETTLED_AFTER = EVIDENCE_MARGIN
"""How long after its end an hour's idle time can no longer change by later scrapes."""

_NEIGHBOURS_MS = NEIGHBOURS_WITHIN // MS
_IDLE_MS = IDLE_AT_LEAST // MS


@dataclass(slots=True)
class Stretch:
    """Milliseconds ``[begin, end)`` of ACTIVE or IDLE; what lies in none of them is unknown."""

    begin: int
    end: int
    activity: Activity


class Scrapes:
    """The instants at which an account's metrics were known, and the holes between them."""

    def __init__(self, records: Iterable[ScrapeRecord]) -> None:
        """Take the whole ones of *records*."""
        self.known = sorted({to_ms(record.answered_at) for record in records if record.whole})
        self._holes = [
            (earlier, later)
            for earlier, later in pairwise(self.known)
            if later - earlier > _NEIGHBOURS_MS
        ]

    def pieces(self, begin: int, end: int) -> list[tuple[int, int]]:
        """What is left of ``[begin, end)`` without holes, and nothing beyond the scrapes."""
        if not self.known:
            return []
        begin, end = max(begin, self.known[0]), min(end, self.known[-1])
        pieces = []
        index = max(0, bisect_right(self._holes, (begin, begin)) - 1)
        while index < len(self._holes) and self._holes[index][0] < end:
            hole_begin, hole_end = self._holes[index]
            if hole_end > begin:
                pieces.append((begin, hole_begin))
                begin = hole_end
            index += 1
        pieces.append((begin, end))
        return [(begin, end) for begin, end in pieces if begin < end]

    def last_before(self, instant: int) -> int | None:
        """The newest known scrape before *instant*."""
        index = bisect_left(self.known, instant)
        return self.known[index - 1] if index else None


def stretches_of(runs: Sequence[ActivityRun], scrapes: Scrapes) -> list[Stretch]:
    """Cut one deployment's *runs* into stretches, in order.

    Quiet runs with unknown scrapes between them are one quiet stretch, if the known ones
    are at most 3 minutes apart; a hole ends it. The unknown part itself stays unknown.
    """
    stretches: list[Stretch] = []
    quiet: list[Stretch] = []  # the quiet stretch that may go on
    previous_end = -1
    for run in sorted(runs, key=lambda run: run.since):
        begin = to_ms(run.since)
        end = to_ms(run.until) if run.until is not None else (scrapes.known or [begin])[-1]
        if begin != previous_end or run.use is Use.ACTIVE:
            _settle(quiet)
        previous_end = end
        if run.use is Use.UNKNOWN:
            continue
        activity = Activity.ACTIVE if run.use is Use.ACTIVE else Activity.IDLE
        pieces = [Stretch(a, b, activity) for a, b in scrapes.pieces(begin, end)]
        stretches += pieces
        if run.use is Use.QUIET:
            for piece in pieces:
                if quiet and not _goes_on(quiet[-1], piece, scrapes):
                    _settle(quiet)
                quiet.append(piece)
    _settle(quiet)
    return stretches


def _goes_on(before: Stretch, after: Stretch, scrapes: Scrapes) -> bool:
    newest = scrapes.last_before(before.end)
    return newest is not None and after.begin - newest <= _NEIGHBOURS_MS


def _settle(quiet: list[Stretch]) -> None:
    """Judge a quiet stretch by its whole length, and begin another."""
    if quiet and quiet[-1].end - quiet[0].begin < _IDLE_MS:
        for piece in quiet:
            piece.activity = Activity.ACTIVE
    quiet.clear()
