"""How many complete listings came one after another without a hole."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from firewarden.model.usage import Poll

HOLE = 3
"""Intervals without a complete listing after which trust begins anew."""


class Streak:
    """Counts complete polls in a row; a failed poll does not end the row, a long hole does.

    Polls that an earlier process stored count, so a quick restart does not start over.
    """

    def __init__(self, polls: Iterable[Poll], *, every: timedelta) -> None:
        """Begin with stored *polls*, oldest first, taken *every* so often."""
        self._every = every
        self._last: datetime | None = None
        self.count = 0
        for poll in polls:
            self.add(poll)

    def add(self, poll: Poll) -> None:
        """Take one more poll into account."""
        if self._last is not None and not self._follows(self._last, poll.answered_at):
            self.count = 0
            self._last = None
        if poll.complete:
            self.count += 1
            self._last = poll.answered_at

    def _follows(self, last: datetime, now: datetime) -> bool:
        return timedelta(0) <= now - last <= HOLE * self._every
