"""One deployment's segments and gaps as overlapping claims, each over a stretch of milliseconds."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from firewarden.metering.instants import to_ms
from firewarden.model.usage import Bracket, Gap, Hardware, Segment
from firewarden.model.vocabulary import State


@dataclass(frozen=True, slots=True)
class Held:
    """So many GPUs of that hardware; None: no replicas at all."""

    hardware: Hardware | None
    gpu: int


NOTHING = Held(None, 0)


@dataclass(frozen=True, slots=True)
class Possible:
    """This may have been held at any instant of ``[begin, end)``."""

    begin: int
    end: int
    held: Held


@dataclass(frozen=True, slots=True)
class Counted:
    """What the point estimate counts in ``[begin, end)``."""

    begin: int
    end: int
    held: Held
    starting: int
    may_idle: bool


@dataclass(frozen=True, slots=True)
class Moved:
    """*before* became *after* at some instant of ``[begin, end)``."""

    begin: int
    end: int
    before: Held
    after: Held


@dataclass(frozen=True, slots=True)
class Unwatched:
    """From *low* to *high* replicas may have been ready in ``[begin, end)``."""

    begin: int
    end: int
    low: int
    high: int


Claim = Possible | Counted | Moved | Unwatched


def claims_of(
    segments: Iterable[Segment], gaps: Iterable[Gap], *, confirmed_at: datetime
) -> Iterator[Claim]:
    """Yield every claim that *segments* and *gaps* of one deployment make.

    Neighbours that do not share a bracket have nothing between them. A segment that goes on
    counts up to the confirmation; where a newer listing missed it, nothing is counted from
    then on, while its ceiling stays possible.
    """
    confirmed = to_ms(confirmed_at)
    ordered = sorted(segments, key=lambda item: (item.started.hi, item.started.lo))
    for index, segment in enumerate(ordered):
        after = ordered[index + 1] if index + 1 < len(ordered) else None
        before = ordered[index - 1] if index else None
        ended = segment.ended or (after.started if after else None)
        if before is None or (before.ended or segment.started) != segment.started:
            yield from _move(NOTHING, _held(segment), segment.started)
        if ended is None:
            yield from _open_claims(segment, confirmed)
            continue
        yield from _closed_claims(segment, ended)
        if after is None or ended != after.started:
            yield from _move(_held(segment), NOTHING, ended)
            if after is not None:
                yield Possible(_lo(ended), _hi(after.started), NOTHING)
        else:
            yield Moved(_lo(ended), _hi(ended), _held(segment), _held(after))
    for gap in gaps:
        yield Unwatched(to_ms(gap.since), to_ms(gap.until), gap.low, gap.high)


def _closed_claims(segment: Segment, ended: Bracket) -> Sequence[Claim]:
    return (
        Possible(_lo(segment.started), _hi(ended), _held(segment)),
        _counted(segment, _middle(ended)),
    )


def _open_claims(segment: Segment, confirmed: int) -> Iterator[Claim]:
    until = confirmed
    if segment.confirmed_at is not None:
        until = min(confirmed, to_ms(segment.confirmed_at))
        most = max(segment.ready, segment.ceiling) * segment.hardware.accelerator_count
        unseen = max(until, _lo(segment.started))
        yield Possible(unseen, confirmed, Held(segment.hardware, most))
        yield Possible(unseen, confirmed, NOTHING)
    yield Possible(_lo(segment.started), until, _held(segment))
    yield _counted(segment, until)


def _move(before: Held, after: Held, bracket: Bracket) -> Sequence[Claim]:
    """A change from or to nothing, for which no segment stands."""
    return (
        Possible(_lo(bracket), _hi(bracket), NOTHING),
        Moved(_lo(bracket), _hi(bracket), before, after),
    )


def _counted(segment: Segment, end: int) -> Counted:
    return Counted(
        _middle(segment.started),
        end,
        _held(segment),
        segment.starting * segment.hardware.accelerator_count,
        segment.state == State.READY,
    )


def _held(segment: Segment) -> Held:
    return Held(segment.hardware, segment.ready * segment.hardware.accelerator_count)


def _lo(bracket: Bracket) -> int:
    return to_ms(bracket.lo)


def _hi(bracket: Bracket) -> int:
    return to_ms(bracket.hi)


def _middle(bracket: Bracket) -> int:
    return (_lo(bracket) + _hi(bracket)) // 2
