"""How many complete listings came one after another without a hole."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce

from firewarden.model.usage import Poll

HOLE = 3
"""Intervals without a complete listing after which trust begins anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Streak:
    """Counts complete polls in a row; a failed poll does not end the row, a long hole does.

    Polls that an earlier process stored count, so a quick restart does not start over.
    """

    every: timedelta
    count: int = 0
    last: datetime | None = None

    @classmethod
    def of(cls, polls: Iterable[Poll], *, every: timedelta) -> "Streak":
        """Count *polls*, oldest first, taken *every* so often."""
        return reduce(cls.after, polls, cls(every=every))

    def after(self, poll: Poll) -> "Streak":
        """Give the streak with one more poll."""
        going_on = self.last is not None and self._follows(self.last, poll.answered_at)
        count, last = (self.count, self.last) if going_on else (0, None)
        if not poll.complete:
            return Streak(every=self.every, count=count, last=last)
        return Streak(every=self.every, count=count + 1, last=poll.answered_at)

    def _follows(self, last: datetime, now: datetime) -> bool:
        return timedelta(0) <= now - last <= HOLE * self.every
