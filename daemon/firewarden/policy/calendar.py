"""When a schedule holds: by what the clock on the wall of its zone reads, and nothing else.

An hour that the clocks skip is never read, so it belongs to nothing; one that they go through
twice is read twice, and belongs to a schedule both times. A window that crosses midnight belongs
to the day it begins on.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

AWAKE_FOR = timedelta(hours=2)
"""So long what was woken in the hours of a policy is left running, unless it says otherwise."""

READY_WITHIN = timedelta(minutes=20)
"""So long before its hours end a deployment is put back, unless the policy says otherwise."""

_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_REACH = 800
"""Days that are looked through for a change: longer than any freeze that anybody plans."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Some hours of some days.

    Attributes:
        weekdays: 0 is Monday. dates: first and last day of each stretch, both included.
        begins, ends: of each such day, by the wall; both None: all of it. Where it ends at
            or before it begins, it ends on the day after.
        verbs: what it is about, where it forbids; empty: everything.
    """

    name: str
    timezone: str
    weekdays: frozenset[int] = frozenset()
    dates: tuple[tuple[date, date], ...] = ()
    begins: time | None = None
    ends: time | None = None
    verbs: frozenset[str] = frozenset()

    def holds(self, at: datetime) -> bool:
        """Does the clock of its zone read, at the instant *at*, an hour that belongs to it?"""
        local = at.astimezone(ZoneInfo(self.timezone))
        day, reads = local.date(), local.time()
        if self.begins is None or self.ends is None:
            return self._is_day(day)
        if self.begins < self.ends:
            return self._is_day(day) and self.begins <= reads < self.ends
        since_yesterday = reads < self.ends and self._is_day(day - _DAY)
        return since_yesterday or (reads >= self.begins and self._is_day(day))

    def turns(self, day: date) -> Iterator[datetime]:
        """Name the instants of the local *day* at which it may begin or end, in any order."""
        zone = ZoneInfo(self.timezone)
        for reads in {time.min, self.begins or time.min, self.ends or time.min}:
            for fold in (0, 1):
                yield datetime.combine(day, reads, zone).replace(fold=fold).astimezone(UTC)
        first = datetime.combine(day, time.min, zone).astimezone(UTC)
        if (turn := _clock_change(zone, first, first + _DAY)) is not None:
            yield turn

    @property
    def lasts(self) -> timedelta:
        """How long one of its windows lasts by the wall; whole days are at least one."""
        if self.begins is None or self.ends is None:
            return _DAY
        since, until = (datetime.combine(date.min, each) for each in (self.begins, self.ends))
        return until - since if since < until else until + _DAY - since

    def local_day(self, at: datetime) -> date:
        """Give the day that the clock of its zone reads."""
        return at.astimezone(ZoneInfo(self.timezone)).date()

    def _is_day(self, day: date) -> bool:
        return day.weekday() in self.weekdays or any(
            first <= day <= last for first, last in self.dates
        )


def any_holds(schedules: Sequence[Schedule], at: datetime) -> bool:
    """Does one of *schedules* hold? Several are a union."""
    return any(each.holds(at) for each in schedules)


def next_turn(schedules: Sequence[Schedule], at: datetime) -> datetime | None:
    """Give the first instant after *at* at which the union of *schedules* begins or ends to hold.

    None: not within two years.
    """
    now = any_holds(schedules, at)
    for ahead in range(-1, _REACH):
        turns = sorted(
            turn
            for each in schedules
            for turn in each.turns(each.local_day(at) + ahead * _DAY)
            if turn > at
        )
        for turn in turns:
            if any_holds(schedules, turn) != now:
                return turn
    return None


def elapsed_within(schedules: Sequence[Schedule], since: datetime, lasts: timedelta) -> datetime:
    """Give the instant at which *lasts* has passed since *since*, counting what *schedules* hold.

    Without schedules all time counts. Where they never hold again it is as late as can be.
    """
    at, left = since, lasts
    while schedules:
        turn = next_turn(schedules, at)
        if any_holds(schedules, at):
            if turn is None or turn - at >= left:
                break
            left -= turn - at
        elif turn is None:
            return datetime.max.replace(tzinfo=UTC)
        at = turn
    return at + left


def _clock_change(zone: ZoneInfo, since: datetime, until: datetime) -> datetime | None:
    """Find the minute in ``(since, until]`` at which the clocks of *zone* are changed."""
    offset = since.astimezone(zone).utcoffset()
    if until.astimezone(zone).utcoffset() == offset:
        return None
    while until - since > _MINUTE:
        middle = since + (until - since) / 2
        middle = middle.replace(second=0, microsecond=0)
        if middle <= since:
            break
        if middle.astimezone(zone).utcoffset() == offset:
            since = middle
        else:
            until = middle
    return until
