"""What happens next: a queue of events at exact instants, carried out in one fixed order."""

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count

Deed = Callable[[], None]


class Agenda:
    """Events by instant; of two at one instant the one planned first goes first.

    How far it is advanced at a time changes nothing: events see the instant they were
    planned for, never the one that was asked for.
    """

    __slots__ = ("_now", "_order", "_queue")

    def __init__(self, start: int) -> None:
        self._now = start
        self._order = count()
        self._queue: list[tuple[int, int, Deed]] = []

    @property
    def now(self) -> int:
        """The instant reached, in milliseconds."""
        return self._now

    def plan(self, at: int, deed: Deed) -> None:
        """Carry *deed* out at *at*, or at the next advance where that is past already."""
        heappush(self._queue, (max(at, self._now), next(self._order), deed))

    def advance(self, to: int) -> None:
        """Carry out everything due up to *to*, which is included; going back does nothing."""
        while self._queue and self._queue[0][0] <= to:
            at, _, deed = heappop(self._queue)
            self._now = at
            deed()
        self._now = max(self._now, to)
