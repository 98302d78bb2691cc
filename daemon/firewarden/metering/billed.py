"""Both sides of one local day: what was billed and since when that is said, what was metered."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby

from firewarden.metering.totals import Totals

SETTLES_AFTER = timedelta(hours=48)
"""So long after its end a day can be settled at the earliest."""

EQUAL_FOR = timedelta(hours=24)
"""So far apart are the two equal answers that settle a day."""

SECOND_MS = 1_000
"""Bills count whole GPU-seconds: less than one is no difference."""

Key = tuple[str, str]
"""The last segment of a deployment's name, and the accelerator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """All that one answer said of one day: GPU-seconds by name and accelerator."""

    answered_at: datetime
    seconds: Mapping[Key, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The newest thing the provider says of a day, since when and until when it said so.

    ``revision`` counts the different things it has said, from 1.
    """

    revision: int
    first_at: datetime
    last_at: datetime

    def could_settle(self, until: datetime) -> bool:
        """Tell whether a day that ended at *until* is old enough, and was answered alike twice."""
        return (
            self.last_at >= until + SETTLES_AFTER
            and self.last_at - max(self.first_at, until) >= EQUAL_FOR
        )


def stand(answers: Iterable[Answer]) -> Standing | None:
    """Find out what stands of *answers*, in whatever order they are given; None: nothing does."""
    in_order = sorted(answers, key=_answered_at)
    runs = [list(run) for _, run in groupby(in_order, key=_said)]
    if not runs:
        return None
    return Standing(
        revision=len(runs), first_at=runs[-1][0].answered_at, last_at=runs[-1][-1].answered_at
    )


def _answered_at(answer: Answer) -> datetime:
    return answer.answered_at


def _said(answer: Answer) -> Mapping[Key, int]:
    return {key: seconds for key, seconds in answer.seconds.items() if seconds}


@dataclass(frozen=True, slots=True, kw_only=True)
class Billed:
    """GPU-seconds of one row of the bill; what they cost by our own prices, None: unpriced.

    ``list_units`` are GPU-ms × micro-USD per GPU-hour, and matter where nothing was metered.
    """

    seconds: int
    list_units: int | None = None

    def __add__(self, other: "Billed") -> "Billed":
        """Add two rows for one thing; what one of them has no price for, the sum has none for."""
        parts = (self.list_units, other.list_units)
        units = [each for each in parts if each is not None]
        return Billed(
            seconds=self.seconds + other.seconds,
            list_units=sum(units) if len(units) == len(parts) else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Metered:
    """What was metered for one row of the bill, all incarnations of the name together.

    ``gap_ms``: for so long nobody watched.
    """

    totals: Totals
    gap_ms: int = 0
    preemptible: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One local day, as both sides have it.

    Attributes:
        since, until: its edges; a change of clocks makes it 23 or 25 hours long.
        metered: without what runs on own hardware, which nobody bills.
        watched_since: metering began then; the day before it is known from the bill alone.
        confirmed_at: nothing is metered beyond.
        known: names that were met, and not gone before the day; at zero they held nothing.
        has_gap: nobody watched for a part of the day.
        accepted: the revision of the bill that a person took as it is.
        reserved: GPUs by accelerator that a declared commitment pays for apart from the bill.
    """

    since: datetime
    until: datetime
    answer: Standing | None
    billed: Mapping[Key, Billed]
    metered: Mapping[Key, Metered]
    watched_since: datetime | None
    confirmed_at: datetime | None
    known: frozenset[str] = frozenset()
    has_gap: bool = False
    accepted: int | None = None
    reserved: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_unwatched(self) -> bool:
        """Nobody watched any of it."""
        return self.watched_since is None or self.watched_since >= self.until

    @property
    def is_partly_watched(self) -> bool:
        """Metering began in its course."""
        return self.watched_since is not None and self.since < self.watched_since < self.until
